package hyperstartmock

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// endTimeout is how long the program may take to end before it is killed. It takes milliseconds.
var endTimeout = 30 * time.Second

// handlersTimeout is how long handlers may run on once the program has ended.
const handlersTimeout = time.Second

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
	stdout    io.ReadCloser
	stderr    *os.File // a file without a name: processes that keep it open do not delay Wait
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
	if p.stderr, err = os.CreateTemp("", "mock-hyperstart.*.stderr"); err != nil {
		return nil, err
	}
	os.Remove(p.stderr.Name())
	p.cmd.Stderr = p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		p.stderr.Close()
		return nil, err
	}
	if p.stdout, err = p.cmd.StdoutPipe(); err != nil {
		p.stdin.Close()
		p.stderr.Close()
		return nil, err
	}
	if err := p.cmd.Start(); err != nil { // both pipes are closed
		p.stderr.Close()
		return nil, fmt.Errorf("%w: set MOCK_HYPERSTART to the path of mock-hyperstart", err)
	}
	reader := bufio.NewReader(p.stdout)
	timer := time.AfterFunc(endTimeout, p.kill)
	first, err := reader.ReadBytes('\n')
	silent := !timer.Stop()
	var listening message
	if err == nil {
		err = json.Unmarshal(first, &listening)
	}
	if silent || err != nil || listening.Method != "listening" {
		go func() {
			io.Copy(io.Discard, reader)
			close(p.readerDone)
		}()
		_, stderr := p.wait()
		if silent {
			return nil, fmt.Errorf("%s did not start: no line came within %v: %s", path, endTimeout, stderr)
		}
		return nil, fmt.Errorf("%s did not start: %v, its first line is %q: %s", path, p.cmd.ProcessState,
			first, stderr)
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
				answer := params{"jsonrpc": "2.0", "id": m.ID,
					"error": params{"code": -32000, "message": "the handler did not return"}}
				defer func() { p.write(answer) }() // t.FailNow ends the goroutine
				result := p.onCommand(m.Params)
				delete(answer, "error")
				answer["result"] = result
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

func (p *program) kill() {
	p.cmd.Process.Kill()
	p.stdout.Close() // its children may keep it open
}

// wait ends the program and waits for it. Returns what Wait says, and its stderr.
func (p *program) wait() (error, string) {
	p.stdin.Close()
	timer := time.AfterFunc(endTimeout, p.kill)
	defer timer.Stop()
	<-p.readerDone
	err := p.cmd.Wait()
	stderr, _ := io.ReadAll(io.NewSectionReader(p.stderr, 0, math.MaxInt64))
	p.stderr.Close()
	return err, strings.TrimSpace(string(stderr))
}

// end ends the program and waits for it: nothing of it is left. Returns an error for a program that
// did not end by itself, or by a signal.
func (p *program) end() error {
	err, stderr := p.wait()
	var exit *exec.ExitError
	// 1: it has reported violations, or unused plans.
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("mock-hyperstart: %v: %s", err, stderr)
	}
	return nil
}

// waitForHandlers is called after end. False if a handler still runs after handlersTimeout.
func (p *program) waitForHandlers() bool {
	done := make(chan struct{})
	go func() {
		p.handlers.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(handlersTimeout):
		return false
	}
}
