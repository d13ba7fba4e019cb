package hyperstartmock

import "time"

// Reply is what the mock answers to a command. The zero value is what it would answer without a
// plan. A Reply never changes: each method returns another one.
type Reply struct {
	fields params
}

// AckReply is an `ack` with that payload.
func AckReply(payload []byte) Reply { return Reply{}.with("ack_base64", payload) }

// ErrorReply is an `error` with that text.
func ErrorReply(text string) Reply { return Reply{}.with("error_base64", []byte(text)) }

// FrameReply is any frame.
func FrameReply(command string, payload []byte) Reply {
	return Reply{}.with("frame", params{"command": command, "payload_base64": notNil(payload)})
}

// RawReply is any bytes.
func RawReply(bytes []byte) Reply { return Reply{}.with("raw_base64", bytes) }

// NoReply answers nothing.
func NoReply() Reply { return Reply{}.with("nothing", true) }

// After sends the reply that much later. Milliseconds count.
func (r Reply) After(delay time.Duration) Reply { return r.with("after_ms", delay.Milliseconds()) }

// InPieces sends the reply in writes of that many bytes, with a pause between two of them.
func (r Reply) InPieces(bytes int, pause time.Duration) Reply {
	return r.with("pieces", bytes).with("gap_ms", pause.Milliseconds())
}

// Truncated sends only the first bytes of the reply.
func (r Reply) Truncated(bytes int) Reply { return r.with("truncated", bytes) }

// WithLength says another length in the header of the reply.
func (r Reply) WithLength(length uint32) Reply { return r.with("with_length", length) }

// ThenDisconnect ends the connection after the reply.
func (r Reply) ThenDisconnect() Reply { return r.with("then_disconnect", true) }

func (r Reply) with(key string, value interface{}) Reply {
	if bytes, ok := value.([]byte); ok {
		value = notNil(bytes)
	}
	fields := params{key: value}
	for name, old := range r.fields {
		if name != key {
			fields[name] = old
		}
	}
	return Reply{fields}
}

func (r Reply) json() params {
	if r.fields == nil {
		return params{}
	}
	return r.fields
}

// notNil: nil would be null in JSON, instead of the base64 of no bytes.
func notNil(bytes []byte) []byte {
	if bytes == nil {
		return []byte{}
	}
	return bytes
}

// Plan is for the commands of one name, or those of them that match.
type Plan struct {
	h          *Hyperstart
	parameters params
}

// On begins the plan for a command: On(StartPod).Reply(ErrorReply("no space")).
func (h *Hyperstart) On(command string) Plan {
	return Plan{h, params{"command": command}}
}

// WithJSON confines the plan to commands whose payload has that value at that JSON pointer, such as
// "/process/id". Such plans are asked before those without, the newest first.
func (p Plan) WithJSON(pointer string, value interface{}) Plan {
	wanted := params{pointer: value}
	if old, ok := p.parameters["payload_json"].(params); ok {
		for key, value := range old {
			if key != pointer {
				wanted[key] = value
			}
		}
	}
	return Plan{p.h, params{"command": p.parameters["command"], "payload_json": wanted}}
}

// Reply answers one command. Several calls for the same command answer one after another. A reply
// that was never used fails the test at Stop.
func (p Plan) Reply(reply Reply) {
	p.h.t.Helper()
	p.on(reply, "once")
}

// ReplyRepeatedly answers each command that no Reply is left for.
func (p Plan) ReplyRepeatedly(reply Reply) {
	p.h.t.Helper()
	p.on(reply, "repeatedly")
}

func (p Plan) on(reply Reply, times string) {
	p.h.t.Helper()
	parameters := params{"reply": reply.json(), "times": times}
	for key, value := range p.parameters {
		parameters[key] = value
	}
	p.h.setUp("on", parameters)
}
