package hyperstartmock

// The channels.
const (
	Ctl = "ctl"
	Io  = "io"
)

// ---- Waiting. A wait that fails fails the test, and says what has come instead.

// WaitForMessage waits for the oldest command of that name, and takes it.
func (h *Hyperstart) WaitForMessage(command string) DecodedMessage {
	h.t.Helper()
	return h.waitForMessage(params{"command": command})
}

// WaitForMessageWithJSON waits for the oldest command of that name whose payload has each of the
// values at its JSON pointer: map[string]interface{}{"/id": "web"}.
func (h *Hyperstart) WaitForMessageWithJSON(command string, values map[string]interface{}) DecodedMessage {
	h.t.Helper()
	return h.waitForMessage(params{"command": command, "payload_json": values})
}

func (h *Hyperstart) waitForMessage(parameters params) DecodedMessage {
	h.t.Helper()
	var m wireMessage
	if !h.wait("wait_for_message", parameters, &m) {
		return DecodedMessage{}
	}
	return h.decode([]wireMessage{m})[0]
}

// ReadStream waits for that many bytes of the stream seq, in whatever packets they come.
func (h *Hyperstart) ReadStream(seq uint64, bytes int) []byte {
	h.t.Helper()
	return h.readStream("read_stream", params{"seq": seq, "bytes": bytes})
}

// ReadStreamToEnd waits for the end of the stream seq, and returns what comes before.
func (h *Hyperstart) ReadStreamToEnd(seq uint64) []byte {
	h.t.Helper()
	return h.readStream("read_stream_to_end", params{"seq": seq})
}

func (h *Hyperstart) readStream(method string, parameters params) []byte {
	h.t.Helper()
	var result struct {
		Data       string
		DataBase64 []byte `json:"data_base64"`
	}
	h.wait(method, parameters, &result)
	return append([]byte(result.Data), result.DataBase64...)
}

// WaitForConnection waits until a client is on both channels.
func (h *Hyperstart) WaitForConnection() {
	h.t.Helper()
	h.wait("wait_for_connection", params{}, nil)
}

// WaitForDisconnect waits until a client has left the channel, Ctl or Io.
func (h *Hyperstart) WaitForDisconnect(channel string) {
	h.t.Helper()
	h.wait("wait_for_disconnect", params{"channel": channel}, nil)
}

// WaitForPlans waits until the reply of each Plan.Reply was sent.
func (h *Hyperstart) WaitForPlans() {
	h.t.Helper()
	h.wait("wait_for_plans", params{}, nil)
}

// ---- Answering, beside On

// SetDefaultReply sets the reply to each command that nothing else answers. Without it, that is an
// `ack`.
func (h *Hyperstart) SetDefaultReply(reply Reply) {
	h.t.Helper()
	h.setUp("set_default_reply", params{"reply": reply.json()})
}

// HandleCommands has handler answer each command that no plan answers. It is called on a goroutine
// of its own, for one command at a time. It must not call Stop, nor run when the test calls Stop. nil
// ends it.
func (h *Hyperstart) HandleCommands(handler func(DecodedMessage) Reply) {
	h.t.Helper()
	h.mu.Lock()
	if handler != nil {
		h.handler = handler
	}
	h.mu.Unlock()
	h.setUp("handle_commands", params{"enabled": handler != nil})
}

// ---- Faults. Channels are Ctl and Io.

// SendRaw sends any bytes.
func (h *Hyperstart) SendRaw(channel string, bytes []byte) {
	h.t.Helper()
	h.send("send_raw", params{"channel": channel, "data_base64": notNil(bytes)})
}

// Disconnect ends the connection of the client.
func (h *Hyperstart) Disconnect(channel string) { h.t.Helper(); h.onChannel("disconnect", channel) }

// Reset ends it with an error, which the client sees once it has written again.
func (h *Hyperstart) Reset(channel string) { h.t.Helper(); h.onChannel("reset", channel) }

// ShutdownSend ends what the client receives; the mock goes on reading.
func (h *Hyperstart) ShutdownSend(channel string) {
	h.t.Helper()
	h.onChannel("shutdown_send", channel)
}

// PauseReading lets the client's writes pile up until ResumeReading.
func (h *Hyperstart) PauseReading(channel string) {
	h.t.Helper()
	h.onChannel("pause_reading", channel)
}

// ResumeReading ends PauseReading.
func (h *Hyperstart) ResumeReading(channel string) {
	h.t.Helper()
	h.onChannel("resume_reading", channel)
}

// StopListening refuses clients until ResumeListening.
func (h *Hyperstart) StopListening(channel string) {
	h.t.Helper()
	h.onChannel("stop_listening", channel)
}

// ResumeListening ends StopListening.
func (h *Hyperstart) ResumeListening(channel string) {
	h.t.Helper()
	h.onChannel("resume_listening", channel)
}

// SetWriteSize has everything sent in writes of that many bytes; 0 ends that.
func (h *Hyperstart) SetWriteSize(channel string, bytes int) {
	h.t.Helper()
	h.setUp("set_write_size", params{"channel": channel, "bytes": bytes})
}

func (h *Hyperstart) onChannel(method, channel string) {
	h.t.Helper()
	h.call(method, params{"channel": channel}, nil)
}

// ---- What happened

// Violation is what the client did against the protocol.
type Violation struct {
	Channel string
	What    string
	Bytes   []byte `json:"bytes_base64"`
}

// TakeViolations returns the violations since its last call. Stop does not fail the test for them.
func (h *Hyperstart) TakeViolations() []Violation {
	h.t.Helper()
	var list []Violation
	h.call("take_violations", nil, &list)
	return list
}

// Transcript returns the conversation as text.
func (h *Hyperstart) Transcript() string {
	h.t.Helper()
	var text string
	h.call("transcript", nil, &text)
	return text
}
