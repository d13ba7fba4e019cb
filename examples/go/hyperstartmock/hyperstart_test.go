package hyperstartmock_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	. "hyperstartmock"
)

// start returns a mock that runs, and a client of it. Both end with the test.
func start(t testing.TB, arguments ...string) (*Hyperstart, *client) {
	t.Helper()
	agent := New(t, arguments...)
	agent.Start()
	return agent, join(t, agent)
}

func join(t testing.TB, agent *Hyperstart) *client {
	t.Helper()
	c, err := connect(agent.GetSocketPaths())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

func (c *client) expect(t testing.TB, code uint32, payload, want string) {
	t.Helper()
	if got, err := c.call(code, payload); err != nil || got != want {
		t.Errorf("command %d was answered with %q, %v; want %q", code, got, err, want)
	}
}

func (c *client) expectError(t testing.TB, code uint32, payload, want string) {
	t.Helper()
	if _, err := c.call(code, payload); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("command %d failed with %v; want %s", code, err, want)
	}
}

func (c *client) expectIo(t testing.TB, seq uint64, data string) {
	t.Helper()
	if gotSeq, got, err := c.read(); err != nil || gotSeq != seq || got != data {
		t.Errorf("got %q of seq %d, %v; want %q of seq %d", got, gotSeq, err, data, seq)
	}
}

// ---- As the mock of virtcontainers

func TestMessages(t *testing.T) {
	agent := NewHyperstart(t)
	agent.Start()
	defer agent.Stop()
	c := join(t, agent)
	c.expect(t, codePing, "hello", "")
	c.expect(t, codeStartPod, "\xff\x00", "")
	want := []DecodedMessage{{Code: 12, Message: []byte("hello")}, {Code: 1, Message: []byte{255, 0}}}
	if got := agent.PeekMessages(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	if got := agent.GetLastMessages(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	if got := agent.GetLastMessages(); got == nil || len(got) != 0 {
		t.Errorf("got %v; want an empty list", got)
	}
}

func TestMessagesCanBeTakenAfterStop(t *testing.T) {
	agent, c := start(t)
	c.expect(t, 99, "", "")
	agent.Stop()
	if got := agent.GetLastMessages(); len(got) != 1 || got[0].Code != 99 {
		t.Errorf("got %v", got)
	}
}

func TestAMessageCanBeAssignedToAnotherTypeWithTheSameFields(t *testing.T) {
	type hyperDecodedMessage struct {
		Code    uint32
		Message []byte
	}
	agent, c := start(t)
	c.expect(t, codePing, "", "")
	var message hyperDecodedMessage = agent.GetLastMessages()[0]
	if message.Code != codePing {
		t.Errorf("got %v", message)
	}
}

func TestSendMessage(t *testing.T) {
	agent := NewHyperstart(t)
	agent.Start()
	agent.SendMessage(codeReady, []byte{}) // waits for the client
	c := join(t, agent)
	if code, payload, err := c.receive(); code != codeReady || payload != "" || err != nil {
		t.Errorf("got %d %q, %v", code, payload, err)
	}
	agent.SendMessage(codeAck, []byte("\xfe"))
	if code, payload, err := c.receive(); code != codeAck || payload != "\xfe" || err != nil {
		t.Errorf("got %d %q, %v", code, payload, err)
	}
	agent.SendReady()
	agent.SendProcessEvent("web", "init", 3)
	for _, want := range []string{"", `{"container":"web","process":"init","event":"finished","status":3}`} {
		if _, payload, err := c.receive(); payload != want || err != nil {
			t.Errorf("got %q, %v; want %q", payload, err, want)
		}
	}
}

func TestIo(t *testing.T) {
	agent, c := start(t)
	const seq = uint64(1)<<63 + 1
	agent.SendIoString(seq, "out")
	agent.SendIo(seq, []byte{0, 255})
	agent.CloseIo(seq)
	agent.SendExitStatus(seq, 200)
	for _, data := range []string{"out", "\x00\xff", "", "\xc8"} {
		c.expectIo(t, seq, data)
	}

	type packet struct {
		bytes string
		seq   uint64
	}
	packets := make(chan packet)
	go func() {
		for range "12" {
			buf := make([]byte, 32)
			n, seq := agent.ReadIo(buf)
			packets <- packet{string(buf[:n]), seq}
		}
	}()
	c.write(seq, "in")
	if got := <-packets; got != (packet{"\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0ein", seq}) {
		t.Errorf("got %q", got)
	}
	c.write(2, "")
	if got := <-packets; got != (packet{"\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x0c", 2}) {
		t.Errorf("got %q", got)
	}
	c.write(3, "abc")
	c.write(3, "def")
	if got := string(agent.ReadStream(3, 4)); got != "abcd" {
		t.Errorf("got %q", got)
	}
	c.write(3, "")
	if got := string(agent.ReadStreamToEnd(3)); got != "ef" {
		t.Errorf("got %q", got)
	}
}

func TestGetTmpPath(t *testing.T) {
	one, two := GetTmpPath("x.%s.sock"), GetTmpPath("x.%s.sock")
	matched, _ := filepath.Match(filepath.Join(os.TempDir(), "x.?*.sock"), one)
	if !matched || one == two {
		t.Errorf("got %s and %s", one, two)
	}
}

// descriptors returns what each descriptor of this process is.
func descriptors(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil {
			found[entry.Name()] = target
		}
	}
	return found
}

func TestStopLeavesNothing(t *testing.T) {
	descriptors(t) // opens those of the runtime
	before, goroutines := descriptors(t), runtime.NumGoroutine()
	for i := 0; i < 50; i++ {
		agent := NewHyperstart(t)
		ctl, io := agent.GetSocketPaths()
		for range "12" { // it can be started again
			agent.Start()
			c, err := connect(ctl, io)
			if err != nil {
				t.Fatal(err)
			}
			agent.WaitForConnection()
			agent.Stop()
			c.close()
			agent.Stop()
		}
		for _, path := range []string{ctl, io} {
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Errorf("%s is left", path)
			}
		}
	}
	if after := descriptors(t); !reflect.DeepEqual(after, before) {
		t.Errorf("descriptors before: %v; after: %v", before, after)
	}
	if _, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("a child process is left")
	}
	// A goroutine that has done its last step may still be counted.
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > goroutines; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines before, %d after", goroutines, runtime.NumGoroutine())
		}
	}
}

// ---- What is added

func TestPlans(t *testing.T) {
	agent := New(t)
	agent.On(StartPod).Reply(ErrorReply("no space")) // before Start
	agent.On(StartPod).Reply(AckReply([]byte{255}))
	agent.SetDefaultReply(AckReply([]byte("default")))
	agent.Start()
	c := join(t, agent)
	agent.On(StartPod).ReplyRepeatedly(AckReply([]byte("again")))
	agent.On(NewContainer).WithJSON("/id", "web").WithJSON("/process/terminal", true).
		Reply(ErrorReply("web"))
	agent.On(Ping).Reply(FrameReply(Error, []byte("framed")))
	agent.On(Ping).Reply(RawReply([]byte("\x00\x00\x00\x0a\x00\x00\x00\x0bfoo")))
	agent.On(Ping).Reply(NoReply().ThenDisconnect())
	c.expectError(t, codeStartPod, "", "no space")
	c.expect(t, codeStartPod, "", "\xff")
	c.expect(t, codeStartPod, "", "again")
	c.expect(t, codeNewContainer, `{"id":"web","process":{"terminal":false}}`, "default")
	c.expectError(t, codeNewContainer, `{"id":"web","process":{"terminal":true}}`, "web")
	c.expectError(t, codePing, "", "framed")
	c.expectError(t, codePing, "", "foo")
	c.expectError(t, codePing, "", "EOF")
	agent.WaitForPlans()
	message := agent.WaitForMessageWithJSON(NewContainer, map[string]interface{}{"/process/terminal": true})
	if !strings.Contains(string(message.Message), "true") {
		t.Errorf("got %s", message.Message)
	}
}

func TestShapedReplies(t *testing.T) {
	agent, c := start(t)
	agent.On(Ping).Reply(AckReply([]byte("in pieces")).InPieces(3, time.Millisecond).After(time.Millisecond))
	agent.On(Ping).Reply(AckReply([]byte("long")).WithLength(10).ThenDisconnect())
	c.expect(t, codePing, "", "in pieces")
	c.expect(t, codePing, "", "lo")
	c = join(t, agent)
	agent.On(Ping).Reply(AckReply(nil).Truncated(4).ThenDisconnect())
	c.expectError(t, codePing, "", "unexpected EOF")
}

func TestHandleCommands(t *testing.T) {
	agent, c := start(t)
	agent.HandleCommands(func(m DecodedMessage) Reply {
		if string(m.Message) == "x" {
			return ErrorReply(fmt.Sprintf("command %d", m.Code))
		}
		return Reply{}
	})
	c.expectError(t, codePing, "x", "command 12")
	c.expect(t, codePing, "y", "")
	agent.HandleCommands(nil)
	c.expect(t, codePing, "x", "")
}

func TestFaults(t *testing.T) {
	agent, c := start(t)
	agent.SetWriteSize(Ctl, 1)
	agent.PauseReading(Ctl)
	agent.ResumeReading(Ctl)
	c.expect(t, codePing, "", "")
	agent.SendRaw(Io, []byte("\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x0d!"))
	c.expectIo(t, 5, "!")
	agent.ShutdownSend(Io)
	if _, _, err := c.read(); err == nil {
		t.Error("io goes on")
	}
	agent.StopListening(Ctl)
	if _, err := connect(agent.GetSocketPaths()); err == nil {
		t.Error("ctl takes clients")
	}
	agent.ResumeListening(Ctl)
	agent.Disconnect(Io)
	agent.Reset(Ctl)
	c.expectError(t, codePing, "", "")
	agent.WaitForDisconnect(Io)
	agent.WaitForDisconnect(Ctl)
	join(t, agent).expect(t, codePing, "", "")
	if text := agent.Transcript(); !strings.Contains(text, "ping") {
		t.Errorf("got %s", text)
	}
}

func TestTheModel(t *testing.T) {
	agent, c := start(t, "--model")
	if code, _, err := c.receive(); code != codeReady || err != nil {
		t.Errorf("got %d, %v", code, err)
	}
	c.expect(t, codeStartPod, `{"hostname":"h","shareDir":"s"}`, "")
	c.expect(t, codeNewContainer, `{"id":"c","rootfs":"r","image":"i","process":
		{"id":"init","stdio":1,"stderr":2,"args":["/bin/echo","hello"],"workdir":"/"}}`, "")
	c.expectIo(t, 1, "hello\n")
	agent.Stop()
}

func TestTheClearContainersDialect(t *testing.T) {
	agent, c := start(t, "--dialect", "clear-containers")
	for _, code := range []uint32{23, 24, 25} {
		c.expect(t, code, "", "")
	}
	for i, message := range agent.GetLastMessages() {
		if message.Code != uint32(23+i) {
			t.Errorf("got %d", message.Code)
		}
	}
	agent.On(PsContainer).Reply(AckReply([]byte("ps")))
	c.expect(t, 23, "", "ps")
}

// ---- What fails a test

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	mu     sync.Mutex
	errors []string
	logs   []string
}

func (r *recorder) Errorf(format string, arguments ...interface{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors = append(r.errors, fmt.Sprintf(format, arguments...))
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.errors) > 0
}

func (r *recorder) Log(arguments ...interface{}) {
	r.logs = append(r.logs, fmt.Sprint(arguments...))
}

// expect takes the errors: each has to contain its text.
func (r *recorder) expect(texts ...string) {
	r.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.errors) != len(texts) {
		r.TB.Fatalf("the errors are %q; want %q", r.errors, texts)
	}
	for i, text := range texts {
		if !strings.Contains(r.errors[i], text) {
			r.TB.Errorf("the error is %q; want %q", r.errors[i], text)
		}
	}
	r.errors = nil
}

func TestStopFailsTheTest(t *testing.T) {
	r := &recorder{TB: t}
	agent, c := start(r)
	agent.On(StartPod).Reply(Reply{})
	c.ctl.Write([]byte{0, 0, 0, 1, 0, 0, 0, 4})
	agent.WaitForDisconnect(Ctl)
	r.expect()
	agent.Stop()
	r.expect("the client violated the protocol on ctl: length 4 is below",
		"this WillOnce was never used: too few startpod commands came")
	if len(r.logs) != 1 || !strings.Contains(r.logs[0], "violated") && !strings.Contains(r.logs[0], "length 4") {
		t.Errorf("the logs are %q", r.logs)
	}
}

func TestViolationsCanBeTaken(t *testing.T) {
	agent, c := start(t)
	c.ctl.Write([]byte{0, 0, 0, 1, 0, 0, 0, 4})
	agent.WaitForDisconnect(Ctl)
	violations := agent.TakeViolations()
	if len(violations) != 1 || violations[0].Channel != Ctl || len(violations[0].Bytes) != 8 {
		t.Errorf("got %v", violations)
	}
}

func TestAWaitThatFailsSaysWhatCame(t *testing.T) {
	r := &recorder{TB: t}
	agent, c := start(r)
	c.expect(t, codePing, "hello", "")
	agent.SetTimeout(time.Millisecond)
	if message := agent.WaitForMessage(StartPod); message.Message != nil {
		t.Errorf("got %v", message)
	}
	r.expect("no startpod within 1 ms; received instead:")
	agent.ReadIo(make([]byte, 32))
	r.expect("no io packet within 1 ms")
	agent.WaitForMessage("pign")
	r.expect("pign")
}

func TestReadIoWithoutEnoughRoom(t *testing.T) {
	r := &recorder{TB: t}
	agent, c := start(r)
	c.write(7, "hello")
	if n, seq := agent.ReadIo(make([]byte, 14)); n != 14 || seq != 7 {
		t.Errorf("got %d, %d", n, seq)
	}
	r.expect("a packet of 17 bytes came, and the buffer has 14")
}

func TestStopEndsWaits(t *testing.T) {
	r := &recorder{TB: t}
	agent, _ := start(r)
	agent.SetTimeout(time.Hour)
	agent.WaitForConnection()
	done := make(chan int)
	go func() {
		n, _ := agent.ReadIo(make([]byte, 32))
		done <- n
	}()
	agent.Stop() // before the wait, or after it has begun
	if n := <-done; n != 0 {
		t.Errorf("got %d", n)
	}
	r.expect("the mock is stopped")
	agent.SendMessage(codeReady, nil) // nobody gets it
	r.expect()
}

func TestCallsBeforeStart(t *testing.T) {
	r := &recorder{TB: t}
	agent := New(r)
	if got := agent.GetLastMessages(); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	r.expect()
	agent.SendReady()
	r.expect("the mock is not started: call Start first")
}

func TestAProgramThatDies(t *testing.T) {
	r := &recorder{TB: t}
	agent, c := start(r)
	c.expect(t, codePing, "", "")
	if err := KillProgram(agent); err != nil {
		t.Fatal(err)
	}
	agent.WaitForMessage(StartPod)
	r.expect("mock-hyperstart has ended")
	agent.Stop()
	r.expect("mock-hyperstart has ended", "signal: killed")
}

func TestAHandlerThatStopsTheMock(t *testing.T) {
	r := &recorder{TB: t}
	agent, c := start(r)
	done := make(chan struct{})
	agent.HandleCommands(func(DecodedMessage) Reply {
		agent.Stop()
		close(done)
		return Reply{}
	})
	c.call(codePing, "")
	<-done
	r.expect("a handler of HandleCommands still runs")
}

func TestAHandlerThatBlocks(t *testing.T) {
	r := &recorder{TB: t}
	agent, c := start(r)
	begun, release := make(chan struct{}), make(chan struct{})
	agent.HandleCommands(func(DecodedMessage) Reply {
		close(begun)
		<-release
		return Reply{}
	})
	go c.call(codePing, "")
	<-begun
	agent.Stop()
	close(release)
	r.expect("a handler of HandleCommands still runs")
}

func TestAHandlerThatDoesNotReturn(t *testing.T) {
	r := &recorder{TB: t}
	agent, c := start(r)
	agent.HandleCommands(func(DecodedMessage) Reply {
		runtime.Goexit() // as t.FailNow
		return Reply{}
	})
	c.expectError(t, codePing, "", "the handler did not return")
	agent.Stop()
	r.expect("the handler did not return")
}

func TestTheArgumentsAreNotChanged(t *testing.T) {
	arguments := []string{"--strict", "mine"}
	New(t, arguments[:1]...)
	if arguments[1] != "mine" {
		t.Errorf("got %q", arguments)
	}
}

func TestAnEmptyPayloadIsNil(t *testing.T) {
	agent, c := start(t)
	c.expect(t, codePing, "", "")
	if message := agent.GetLastMessages()[0]; message.Message != nil {
		t.Errorf("got %#v", message)
	}
}

// ---- Programs that are none

func (r *recorder) Fatalf(format string, arguments ...interface{}) {
	r.Errorf(format, arguments...)
	runtime.Goexit()
}

// expectNoStart starts a mock whose program is that.
func expectNoStart(t *testing.T, program string, texts ...string) {
	t.Helper()
	t.Setenv("MOCK_HYPERSTART", program)
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		New(r).Start()
	}()
	<-done
	for _, text := range texts {
		if len(r.errors) != 1 || !strings.Contains(r.errors[0], text) {
			t.Errorf("the errors are %q; want %q", r.errors, text)
		}
	}
}

func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProgramsThatDoNotStart(t *testing.T) {
	expectNoStart(t, "/nowhere/mock", "/nowhere/mock", "MOCK_HYPERSTART")
	expectNoStart(t, script(t, "echo usage; echo why >&2; exit 3"), "exit status 3", "usage", "why")
}

func TestAProgramThatSaysNothing(t *testing.T) {
	path := script(t, "exec tail -f /dev/null")
	defer SetEndTimeout(time.Millisecond)()
	expectNoStart(t, path, "no line came within 1ms")
}

func TestAChildOfTheProgramThatKeepsStderr(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	t.Setenv("MOCK_HYPERSTART", script(t, fmt.Sprintf(
		"tail -f /dev/null </dev/null >/dev/null & echo $! >%s; exec '%s' \"$@\"", pid,
		os.Getenv("MOCK_HYPERSTART"))))
	agent, _ := start(t)
	agent.Stop()
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	var number int
	fmt.Sscan(string(text), &number)
	syscall.Kill(number, syscall.SIGKILL)
}
