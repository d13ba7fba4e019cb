package hyperstartmock

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// endTimeout is how long the program may take to end before it is killed. It takes milliseconds.
const endTimeout = 30 * time.Second

type params map[string]interface{}

// message is any line of JSON-RPC: a request, a notification or an answer.
type message struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// program is one mock-hyperstart that runs. Its methods may be called from any goroutine, except
// end.
type program struct {
	cmd       *exec.Cmd
	stdin     io.WriteCloser
	stderr    bytes.Buffer // read it only after end
	onCommand func(params json.RawMessage) interface{}

	readerDone chan struct{} // closed at the end of the program's output
	handlers   sync.WaitGroup

	mu      sync.Mutex // guards what follows, and the order of the lines on stdin
	lastID  uint64
	waiting map[string]chan message // by the id of the request; nil once the output has ended
}

// programPath returns the path from MOCK_HYPERSTART, else that of mock-hyperstart in PATH.
func programPath() (string, error) {
	if path := os.Getenv("MOCK_HYPERSTART"); path != "" {
		return path, nil
	}
	path, err := exec.LookPath("mock-hyperstart")
	if err != nil {
		return "", errors.New("mock-hyperstart is not in PATH: install it, or set MOCK_HYPERSTART to its path")
	}
	return path, nil
}

// startProgram returns when clients may connect. onCommand is called on a goroutine of its own for
// each command that the program asks about.
func startProgram(arguments []string, onCommand func(json.RawMessage) interface{}) (*program, error) {
	path, err := programPath()
	if err != nil {
		return nil, err
	}
	p := &program{
		cmd:        exec.Command(path, append([]string{"--rpc"}, arguments...)...),
		onCommand:  onCommand,
		readerDone: make(chan struct{}),
		waiting:    make(map[string]chan message),
	}
	p.cmd.Stderr = &p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		p.stdin.Close()
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err // both pipes are closed
	}
	reader := bufio.NewReader(stdout)
	first, err := reader.ReadBytes('\n')
	var listening message
	if err == nil {
		err = json.Unmarshal(first, &listening)
	}
	if err != nil || listening.Method != "listening" {
		close(p.readerDone)
		p.end()
		return nil, fmt.Errorf("%s did not start: %s", path, strings.TrimSpace(p.stderr.String()))
	}
	go p.read(reader)
	return p, nil
}

// read hands out what the program says, to the end of its output.
func (p *program) read(reader *bufio.Reader) {
	defer close(p.readerDone)
	for {
		line, err := reader.ReadBytes('\n')
		if err != nil {
			break
		}
		var m message
		if json.Unmarshal(line, &m) != nil {
			continue
		}
		switch {
		case m.Method == "command":
			p.handlers.Add(1)
			go func() {
				defer p.handlers.Done()
				p.write(params{"jsonrpc": "2.0", "id": m.ID, "result": p.onCommand(m.Params)})
			}()
		case m.Method == "":
			p.mu.Lock()
			answer := p.waiting[string(m.ID)]
			delete(p.waiting, string(m.ID))
			p.mu.Unlock()
			if answer != nil {
				answer <- m
			}
		}
	}
	p.mu.Lock()
	for _, answer := range p.waiting {
		close(answer)
	}
	p.waiting = nil
	p.mu.Unlock()
}

func (p *program) write(line interface{}) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err = p.stdin.Write(append(text, '\n'))
	return err
}

var errEnded = errors.New("mock-hyperstart has ended")

// call waits for the answer and stores its result where result points to, unless that is nil. An
// error is what the program says is wrong.
func (p *program) call(method string, parameters params, result interface{}) error {
	if parameters == nil {
		parameters = params{}
	}
	answer := make(chan message, 1)
	p.mu.Lock()
	if p.waiting == nil {
		p.mu.Unlock()
		return errEnded
	}
	p.lastID++
	id := p.lastID
	p.waiting[fmt.Sprint(id)] = answer
	p.mu.Unlock()
	request := params{"jsonrpc": "2.0", "id": id, "method": method, "params": parameters}
	if err := p.write(request); err != nil {
		p.mu.Lock()
		delete(p.waiting, fmt.Sprint(id))
		p.mu.Unlock()
		return errEnded
	}
	m, ok := <-answer
	if !ok {
		return errEnded
	}
	if m.Error != nil {
		return errors.New(m.Error.Message)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(m.Result, result)
}

// end ends the program and waits for it: nothing of it is left. Returns an error for a program that
// did not end by itself, or by a signal.
func (p *program) end() error {
	p.stdin.Close()
	timer := time.AfterFunc(endTimeout, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	<-p.readerDone
	p.handlers.Wait()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	// 1: it has reported violations, or unused plans.
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("mock-hyperstart: %v: %s", err, strings.TrimSpace(p.stderr.String()))
	}
	return nil
}
