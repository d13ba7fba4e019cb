// Package hyperstartmock is a test double of hyperstart, the agent in a Hyper or Clear Containers
// VM, for tests in Go. It runs the program mock-hyperstart: its path is in the environment as
// MOCK_HYPERSTART, or it is in PATH. The package needs nothing but the standard library.
//
//	agent := hyperstartmock.NewHyperstart(t)
//	agent.On(hyperstartmock.StartPod).Reply(hyperstartmock.ErrorReply("no space"))
//	agent.Start()
//	defer agent.Stop()
//	ctl, io := agent.GetSocketPaths()
//	// ... the code under test connects to both ...
//	if string(agent.WaitForMessage(hyperstartmock.Ping).Message) != "hello" {
//		t.Error("another ping came")
//	}
//
// A project names the folder in its go.mod, or has a copy of it:
//
//	require hyperstartmock v0.0.0
//	replace hyperstartmock => /path/to/examples/go/hyperstartmock
//
// # In place of the mock of virtcontainers
//
// The package has the functions, methods and names of commands of virtcontainers'
// pkg/hyperstart/mock, so that a suite needs another import, and nothing else:
//
//	import mock "hyperstartmock"
//
// GetLastMessages returns values of this package's DecodedMessage. That is an alias of a type without
// a name, so that a value can be assigned and passed where a DecodedMessage of virtcontainers or
// runV is expected. Only a whole slice of them has to be copied.
//
// What differs: SendMessage, SendIo and the methods like them do not wait for a client, and what they
// send waits for it. ReadIo returns one whole packet, and fails the test after a timeout. Stop needs
// no client. It fails the test if the client has violated the protocol, or if a planned reply was not
// used. If the test has failed, it logs the conversation. A test that ends without Stop is stopped.
//
// Every method may be called from any goroutine. One that fails calls Errorf of the test and returns
// zero values.
package hyperstartmock

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// DecodedMessage is a command that has arrived: its number and its payload.
type DecodedMessage = struct {
	Code    uint32
	Message []byte
}

const ioHeaderSize = 12

// Hyperstart is the double.
type Hyperstart struct {
	t               testing.TB
	arguments       []string
	ctlPath, ioPath string
	clearContainers bool

	life  sync.Mutex     // Start and Stop exclude each other
	calls sync.WaitGroup // of methods that run; added to under mu, while state is running

	mu      sync.Mutex // guards what follows
	state   state
	program *program         // nil unless it runs
	planned []plannedCall    // for the next Start
	rest    []DecodedMessage // arrived before Stop, not returned yet
	timeout time.Duration
	handler func(DecodedMessage) Reply
}

type plannedCall struct {
	method     string
	parameters params
}

type state int

const (
	notStarted state = iota
	running
	stopping
	stopped
	testOver // nothing is reported any more
)

// NewHyperstart makes a double that does not run yet. Its socket paths are known.
func NewHyperstart(t *testing.T) *Hyperstart {
	return New(t)
}

// New is NewHyperstart with arguments for mock-hyperstart, such as "--model" or "--strict".
func New(t testing.TB, arguments ...string) *Hyperstart {
	h := &Hyperstart{
		t:         t,
		arguments: append([]string{}, arguments...),
		ctlPath:   GetTmpPath("mock-hyperstart.%s.ctl"),
		ioPath:    GetTmpPath("mock-hyperstart.%s.io"),
	}
	for i, argument := range arguments {
		next := ""
		if i+1 < len(arguments) {
			next = arguments[i+1]
		}
		if argument == "--dialect=clear-containers" ||
			argument == "--dialect" && next == "clear-containers" {
			h.clearContainers = true
		}
	}
	t.Cleanup(func() {
		h.Stop()
		h.mu.Lock()
		defer h.mu.Unlock()
		h.state = testOver
	})
	return h
}

// GetTmpPath returns a fresh path in the temporary directory: format has one %s, for what makes it
// fresh.
func GetTmpPath(format string) string {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		panic(err)
	}
	suffix := strconv.FormatUint(binary.BigEndian.Uint64(random[:]), 36)
	return filepath.Join(os.TempDir(), fmt.Sprintf(format, suffix))
}

// GetSocketPaths returns the paths of ctl and io.
func (h *Hyperstart) GetSocketPaths() (ctl, io string) {
	return h.ctlPath, h.ioPath
}

// SetTimeout sets how long each wait from now on takes at most. Without it, that is 5 s, or
// MOCK_HYPERSTART_TIMEOUT_MS in the environment.
func (h *Hyperstart) SetTimeout(timeout time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timeout = timeout
}

// Start runs the program. When it returns, clients may connect.
func (h *Hyperstart) Start() {
	h.t.Helper()
	h.life.Lock()
	defer h.life.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state == running {
		h.t.Fatal("[hyperstart] Start of a mock that is started: call Stop first")
	}
	arguments := append([]string{"--ctl", h.ctlPath, "--io", h.ioPath}, h.arguments...)
	program, err := startProgram(arguments, h.onCommand)
	if err != nil {
		h.t.Fatalf("[hyperstart] %v", err)
	}
	for _, call := range h.planned {
		if err := program.call(call.method, call.parameters, nil); err != nil {
			h.t.Errorf("[hyperstart] %s: %v", call.method, err)
		}
	}
	h.planned = nil
	h.program = program
	h.state = running
}

// Stop ends every connection and wait, and the program: nothing of it is left. It fails the test for
// each violation that was not taken, and each planned reply that was not used. Start may follow; the
// plans are gone. Does nothing unless the mock is started.
func (h *Hyperstart) Stop() {
	h.t.Helper()
	h.life.Lock()
	defer h.life.Unlock()
	h.mu.Lock()
	if h.state != running {
		h.mu.Unlock()
		return
	}
	h.state = stopping
	program := h.program
	h.mu.Unlock()

	var result struct{ Failures []string }
	if err := program.call("stop", nil, &result); err != nil {
		h.errorf("Stop: %v", err)
	}
	h.calls.Wait()
	for _, failure := range result.Failures {
		h.errorf("%s", failure)
	}
	var rest []wireMessage
	program.call("messages", nil, &rest)
	if h.t.Failed() {
		var text string
		if program.call("transcript", nil, &text) == nil {
			h.t.Log("the conversation:\n" + strings.TrimSpace(text))
		}
	}
	if err := program.end(); err != nil {
		h.errorf("%v", err)
	}
	if !program.waitForHandlers() {
		h.errorf("a handler of HandleCommands still runs")
	}
	os.Remove(h.ctlPath) // if the program was killed
	os.Remove(h.ioPath)
	messages := h.decode(rest)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rest = append(h.rest, messages...)
	h.program = nil
	h.state = stopped
}

// GetLastMessages returns the commands that have arrived since its last call, the oldest first.
func (h *Hyperstart) GetLastMessages() []DecodedMessage {
	h.t.Helper()
	h.mu.Lock()
	messages := append([]DecodedMessage{}, h.rest...)
	h.rest = nil
	isRunning := h.state == running
	h.mu.Unlock()
	if !isRunning {
		return messages
	}
	var list []wireMessage
	h.call("messages", nil, &list)
	return append(messages, h.decode(list)...)
}

// PeekMessages returns what GetLastMessages would return, and takes nothing.
func (h *Hyperstart) PeekMessages() []DecodedMessage {
	h.t.Helper()
	var list []wireMessage
	h.call("messages", params{"take": false}, &list)
	return h.decode(list)
}

// SendMessage sends a ctl frame. Without a client, it waits for the next one.
func (h *Hyperstart) SendMessage(cmd int, data []byte) {
	h.t.Helper()
	h.send("send_message", params{"command": cmd, "payload_base64": notNil(data)})
}

// SendReady says that the agent is ready, as an agent does when it has started.
func (h *Hyperstart) SendReady() {
	h.t.Helper()
	h.send("send_ready", nil)
}

// SendProcessEvent says on ctl that a process has ended.
func (h *Hyperstart) SendProcessEvent(container, process string, status int) {
	h.t.Helper()
	h.send("send_process_event", params{"container": container, "process": process, "status": status})
}

// SendIo sends an io packet of the stream seq. Without a client, it waits for the next one.
func (h *Hyperstart) SendIo(seq uint64, data []byte) {
	h.t.Helper()
	h.send("send_io", params{"seq": seq, "data_base64": notNil(data)})
}

// SendIoString sends an io packet of the stream seq.
func (h *Hyperstart) SendIoString(seq uint64, data string) {
	h.t.Helper()
	h.SendIo(seq, []byte(data))
}

// CloseIo sends the end of the stream seq.
func (h *Hyperstart) CloseIo(seq uint64) {
	h.t.Helper()
	h.send("close_io", params{"seq": seq})
}

// SendExitStatus sends an exit status on the stream seq. CloseIo comes before.
func (h *Hyperstart) SendExitStatus(seq uint64, exitStatus uint8) {
	h.t.Helper()
	h.send("send_exit_status", params{"seq": seq, "status": exitStatus})
}

// ReadIo waits for an io packet of the client and stores it in buf: its header of 12 bytes, and its
// data. It returns how many bytes these are, and which stream they are of. A packet that is larger
// than buf fails the test.
func (h *Hyperstart) ReadIo(buf []byte) (n int, seq uint64) {
	h.t.Helper()
	var packet struct {
		Seq        uint64
		Data       string
		DataBase64 []byte `json:"data_base64"`
	}
	if !h.wait("read_io", params{}, &packet) {
		return 0, 0
	}
	data := append([]byte(packet.Data), packet.DataBase64...)
	whole := make([]byte, ioHeaderSize, ioHeaderSize+len(data))
	binary.BigEndian.PutUint64(whole, packet.Seq)
	binary.BigEndian.PutUint32(whole[8:], uint32(ioHeaderSize+len(data)))
	whole = append(whole, data...)
	if len(whole) > len(buf) {
		h.errorf("ReadIo: a packet of %d bytes came, and the buffer has %d", len(whole), len(buf))
	}
	return copy(buf, whole), packet.Seq
}

// ---- How the calls reach the program

// wireMessage is a message as the program tells it.
type wireMessage struct {
	Command       interface{}
	Payload       string
	PayloadBase64 []byte `json:"payload_base64"`
}

func (h *Hyperstart) decode(list []wireMessage) []DecodedMessage {
	h.t.Helper()
	messages := make([]DecodedMessage, 0, len(list))
	for _, m := range list {
		code, err := commandCode(m.Command, h.clearContainers)
		if err != nil {
			h.errorf("%v", err)
		}
		// nil if it is empty.
		payload := append(append([]byte(nil), m.Payload...), m.PayloadBase64...)
		messages = append(messages, DecodedMessage{Code: code, Message: payload})
	}
	return messages
}

func (h *Hyperstart) onCommand(parameters json.RawMessage) interface{} {
	var m wireMessage
	if err := json.Unmarshal(parameters, &m); err != nil {
		return nil
	}
	h.mu.Lock()
	handler := h.handler
	h.mu.Unlock()
	messages := h.decode([]wireMessage{m})
	if handler == nil {
		return nil
	}
	return handler(messages[0]).json()
}

// errorf fails the test, unless that is over.
func (h *Hyperstart) errorf(format string, arguments ...interface{}) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state != testOver {
		h.t.Errorf("[hyperstart] "+format, arguments...)
	}
}

// begin returns the program, if it runs, and else what state it is in. Call h.calls.Done in the end.
func (h *Hyperstart) begin() (*program, state) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state != running {
		return nil, h.state
	}
	h.calls.Add(1)
	return h.program, running
}

// call runs a method of the program. False if that fails, which fails the test.
func (h *Hyperstart) call(method string, parameters params, result interface{}) bool {
	h.t.Helper()
	program, state := h.begin()
	if program == nil {
		when := "the mock is stopped"
		if state == notStarted {
			when = "the mock is not started: call Start first"
		}
		h.errorf("%s: %s", method, when)
		return false
	}
	defer h.calls.Done()
	if err := program.call(method, parameters, result); err != nil {
		h.errorf("%s: %v", method, err)
		return false
	}
	return true
}

// send is call for what no client gets once the mock is stopped: that is no error.
func (h *Hyperstart) send(method string, parameters params) {
	h.t.Helper()
	h.mu.Lock()
	ignored := h.state > running
	h.mu.Unlock()
	if !ignored {
		h.call(method, parameters, nil)
	}
}

// setUp is call for what may also come before Start: it is done then.
func (h *Hyperstart) setUp(method string, parameters params) {
	h.t.Helper()
	h.mu.Lock()
	if h.state != running {
		h.planned = append(h.planned, plannedCall{method, parameters})
		h.mu.Unlock()
		return
	}
	h.mu.Unlock()
	h.call(method, parameters, nil)
}

// wait is call for a method that waits.
func (h *Hyperstart) wait(method string, parameters params, result interface{}) bool {
	h.t.Helper()
	h.mu.Lock()
	if h.timeout > 0 {
		parameters["timeout_ms"] = h.timeout.Milliseconds()
	}
	h.mu.Unlock()
	return h.call(method, parameters, result)
}
