//go:build unix

package daemon

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/private"
)

const (
	lastWords = 10      // lines of the log in an error
	maxWords  = 8 << 10 // bytes of them
)

// Start runs this same binary in the background, in a session of its own, and
// returns when it is ready: when it holds the lock and called Ready. A node that
// fails, ends, or takes too long, is an error with its own words and the last lines
// that it logged, and leaves no process. Where a node already runs the error is an
// ErrRunning. The end of ctx ends the wait and the process.
func Start(ctx context.Context, cfg StartConfig) (Status, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Grace == 0 {
		cfg.Grace = defaultEndGrace
	}
	if cfg.LogPath == "" {
		cfg.LogPath = DefaultLog(cfg.StateDir)
	}
	if status, err := Look(cfg.StateDir); err != nil {
		return Status{}, err
	} else if status.Running {
		return Status{}, alreadyRunning(cfg.StateDir, status)
	}
	if err := private.MakeDir(cfg.StateDir); err != nil {
		return Status{}, &fault.NodeError{Op: "start", Reason: "cannot use the state directory " + cfg.StateDir, Err: err}
	}
	child, err := launch(cfg)
	if err != nil {
		return Status{}, &fault.NodeError{Op: "start", Reason: "cannot start a process in the background", Err: err}
	}
	defer child.log.Close()
	defer child.notes.Close()

	err = child.await(ctx, cfg.Timeout)
	status, lookErr := Look(cfg.StateDir)
	if err == nil {
		switch {
		case lookErr != nil:
			err = lookErr
		case !status.Running || status.holder.PID != child.pid:
			err = fmt.Errorf("it ended as soon as it was ready%s", child.words())
		default:
			return status, nil
		}
	}
	_, leaving := errors.AsType[failure](err)
	child.end(leaving, cfg.Grace)
	if leaving {
		err = fmt.Errorf("%w%s", err, child.words())
	}
	if lookErr == nil && status.Running && status.holder.PID != child.pid {
		return Status{}, alreadyRunning(cfg.StateDir, status) // another starter was faster
	}
	return Status{}, &fault.NodeError{Op: "start", Reason: "the node did not come up", Err: err}
}

// launched is a process in the background that is not ready yet.
type launched struct {
	pid    int
	proc   *os.Process
	notes  *os.File // what it says to us
	ended  chan struct{}
	state  *os.ProcessState // once ended
	log    *os.File
	logAt  int64 // the log's size before the start
	logged string
}

func launch(cfg StartConfig) (*launched, error) {
	self, err := self()
	if err != nil {
		return nil, err
	}
	log, err := private.Make(cfg.LogPath, os.O_RDWR|os.O_APPEND)
	if err != nil {
		return nil, err
	}
	info, err := log.Stat()
	if err != nil {
		log.Close()
		return nil, err
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		log.Close()
		return nil, err
	}
	defer theirs.Close()
	closeInherited()
	env := cfg.Env
	if env == nil {
		env = os.Environ()
	}
	cmd := &exec.Cmd{
		Path:        self,
		Args:        cfg.Argv,
		Env:         append(env[:len(env):len(env)], notesVariable+"=3", logVariable+"="+cfg.LogPath),
		Stdout:      log,
		Stderr:      log,
		ExtraFiles:  []*os.File{theirs},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if cfg.Secret != "" {
		secret, err := handOver(cfg.Secret)
		if err != nil {
			ours.Close()
			log.Close()
			return nil, err
		}
		defer secret.Close()
		cmd.Env = append(cmd.Env, secretVariable+"=4")
		cmd.ExtraFiles = append(cmd.ExtraFiles, secret)
	}
	if err := cmd.Start(); err != nil {
		ours.Close()
		log.Close()
		return nil, err
	}
	l := &launched{
		pid: cmd.Process.Pid, proc: cmd.Process, notes: ours, ended: make(chan struct{}),
		log: log, logAt: info.Size(), logged: cfg.LogPath,
	}
	go func() {
		_ = cmd.Wait() // how it ended is in the state
		l.state = cmd.ProcessState
		close(l.ended)
	}()
	return l, nil
}

// handOver returns a pipe that text can be read from, once.
func handOver(text string) (*os.File, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	go func() { // there may be more of it than a pipe holds
		_, _ = in.WriteString(text) // fails where nobody is left to read it
		in.Close()
	}()
	return out, nil
}

// closeInherited keeps from children what this process got from its own parent,
// such as the pipes of a shell or of make, which would wait for the node's end.
// What Go opens is kept from them anyway.
func closeInherited() {
	names, _ := os.ReadDir("/dev/fd")
	for _, name := range names {
		if fd, err := strconv.Atoi(name.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

// self is the running binary, even where the file was replaced since.
func self() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// await returns nil once the child said that it is ready.
func (l *launched) await(ctx context.Context, timeout time.Duration) error {
	note := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(io.LimitReader(l.notes, maxNote)).ReadString('\n')
		note <- line
	}()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	ended := l.ended
	for {
		select {
		case line := <-note:
			switch ready, err := readNote(line); {
			case ready || err != nil:
				return err
			case l.hasEnded():
				return fmt.Errorf("it ended (%s) before it was ready%s", l.state, l.words())
			}
			note, ended = nil, l.ended // it closed its end: nothing else will come
		case <-ended:
			if note == nil {
				return fmt.Errorf("it ended (%s) before it was ready%s", l.state, l.words())
			}
			ended = nil // what it said last is still on its way
			_ = l.notes.SetReadDeadline(time.Now().Add(time.Second))
		case <-timer.C:
			return fmt.Errorf("it was not ready after %s%s", timeout, l.words())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *launched) hasEnded() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// end makes sure that the child is gone. One that is leaving gets time to undo
// what it did.
func (l *launched) end(leaving bool, grace time.Duration) {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if !leaving {
			_ = l.proc.Signal(sig) // it may have ended
		}
		leaving = false
		timer.Reset(grace)
		select {
		case <-l.ended:
			return
		case <-timer.C:
		}
	}
	_ = l.proc.Kill()
	<-l.ended
}

// words are the last lines that were logged since the start, to follow a
// sentence: of the log before that, nothing would help.
func (l *launched) words() string {
	var b bytes.Buffer
	if info, err := l.log.Stat(); err == nil {
		_ = writeTail(&b, io.NewSectionReader(l.log, l.logAt, max(0, info.Size()-l.logAt)), lastWords)
	}
	text := b.Bytes()
	text = bytes.TrimSpace(text[max(0, len(text)-maxWords):])
	if len(text) == 0 {
		return "; it logged nothing to " + l.logged
	}
	return "; the last lines of " + l.logged + ":\n  " + strings.ReplaceAll(string(text), "\n", "\n  ")
}

// failure is what the node said of itself before it ended.
type failure string

func (f failure) Error() string { return string(f) }

// readNote takes apart what Background wrote. No note is neither.
func readNote(line string) (ready bool, err error) {
	word, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	switch word {
	case noteReady:
		return true, nil
	case noteFailed:
		return false, failure(unquote(text))
	default:
		return false, nil
	}
}
