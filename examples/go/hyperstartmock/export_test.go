package hyperstartmock

// KillProgram kills the program of a mock that runs.
func KillProgram(h *Hyperstart) error { return h.program.cmd.Process.Kill() }
