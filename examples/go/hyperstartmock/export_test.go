package hyperstartmock

import "time"

// KillProgram kills the program of a mock that runs.
func KillProgram(h *Hyperstart) error { return h.program.cmd.Process.Kill() }

// SetEndTimeout returns a function that restores it.
func SetEndTimeout(timeout time.Duration) func() {
	old := endTimeout
	endTimeout = timeout
	return func() { endTimeout = old }
}
