//go:build unix

package executor

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/conductorquantum/coda/host/executor/cage"
)

// subcommand is guest.Subcommand; a test holds them equal, since only the child
// may link the engine.
const (
	subcommand = "__executor"
	uncaged    = "__uncaged" // the same without a cage, which no binary without the tag uncaged serves
)

// socketBuffer lets a job of 60,000 gates be written without waiting.
const socketBuffer = 1 << 20

// spawn starts this same binary as a child, connected by one socket pair. The
// child inherits nothing else: no environment, no descriptor, no terminal. done is
// closed when it has ended and was reaped.
func spawn(subcommand, name string) (cmd *exec.Cmd, socket *os.File, done chan struct{}, err error) {
	// Until the child has started, a fork elsewhere must not inherit the pair.
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, nil, os.NewSyscallError("socketpair", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "child's end")
	defer theirs.Close()
	_ = syscall.SetNonblock(fds[0], true) // so that ours takes deadlines
	ours := os.NewFile(uintptr(fds[0]), "executor "+name)
	for _, fd := range fds {
		_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, socketBuffer)
	}

	self, err := self()
	if err != nil {
		ours.Close()
		return nil, nil, nil, err
	}
	cmd = &exec.Cmd{
		Path:       self,
		Args:       []string{"coda", subcommand, name}, // the name is for those who read ps
		Env:        []string{"GOGC=off", "GOMAXPROCS=2", "GOTRACEBACK=single"},
		Dir:        "/",
		Stderr:     theirs, // the last words of a runtime that ends itself
		ExtraFiles: []*os.File{theirs},
		// A group of its own: an interrupt at the terminal is the node's to
		// handle, which lets running jobs end.
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	done = make(chan struct{})
	if err := follow(cmd, subcommand, done); err != nil {
		ours.Close()
		return nil, nil, nil, err
	}
	return cmd, ours, done, nil
}

// follow starts a process and reaps it. One thread does both and is there in
// between: a child is killed when the thread that started it ends, not only when
// the node does.
func follow(cmd *exec.Cmd, subcommand string, done chan struct{}) error {
	started := make(chan error)
	go func() {
		// Never unlocked: what the thread has shed it has not for others.
		runtime.LockOSThread()
		if subcommand != uncaged {
			cage.Shed()
		}
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended stands in cmd.ProcessState
			close(done)
		}
	}()
	return <-started
}

// self is the running binary, even where the file was replaced since: an upgrade
// must not pair an old node with a new child.
func self() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}
