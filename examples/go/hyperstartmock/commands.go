package hyperstartmock

import "fmt"

// The names of the commands.
const (
	Version           = "version"
	StartPod          = "startpod"
	GetPod            = "getpod"
	StopPod           = "stoppod"
	DestroyPod        = "destroypod"
	RestartContainer  = "restartcontainer"
	ExecCmd           = "execcmd"
	FinishCmd         = "finishcmd"
	Ready             = "ready"
	Ack               = "ack"
	Error             = "error"
	WinSize           = "winsize"
	Ping              = "ping"
	FinishPod         = "finishpod"
	Next              = "next"
	WriteFile         = "writefile"
	ReadFile          = "readfile"
	NewContainer      = "newcontainer"
	KillContainer     = "killcontainer"
	OnlineCPUMem      = "onlinecpumem"
	SetupInterface    = "setupinterface"
	SetupRoute        = "setuproute"
	RemoveContainer   = "removecontainer"
	ProcessAsyncEvent = "processasyncevent"
	SignalProcess     = "signalprocess"
	DeleteInterface   = "deleteinterface"
	// PsContainer exists only with "--dialect", "clear-containers".
	PsContainer = "pscontainer"
)

// In the order of their numbers, which begin with 0.
var commandNames = []string{
	Version, StartPod, GetPod, StopPod, DestroyPod, RestartContainer, ExecCmd, FinishCmd, Ready, Ack,
	Error, WinSize, Ping, FinishPod, Next, WriteFile, ReadFile, NewContainer, KillContainer,
	OnlineCPUMem, SetupInterface, SetupRoute, RemoveContainer, ProcessAsyncEvent, SignalProcess,
	DeleteInterface,
}

// commandCode returns the number of a command that the program has told by its name, or by its
// number.
func commandCode(value interface{}, clearContainers bool) (uint32, error) {
	switch command := value.(type) {
	case float64:
		return uint32(command), nil
	case string:
		if clearContainers && command == PsContainer {
			return 23, nil
		}
		if clearContainers && command == ProcessAsyncEvent {
			return 24, nil
		}
		for code, name := range commandNames {
			if name == command {
				return uint32(code), nil
			}
		}
	}
	return 0, fmt.Errorf("%v is no command", value)
}
