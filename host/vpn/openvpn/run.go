package openvpn

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/conductorquantum/coda/host/fault"
)

// The times of one run.
const (
	connectIn  = 10 * time.Second      // OpenVPN to the management socket
	silence    = 5 * time.Second       // then an OpenVPN that is connected is stuck
	patience   = time.Minute           // then one that is not: it waits for the answers of DNS
	askEvery   = 10 * time.Second      // one that is not
	attempt    = 5 * time.Minute       // to connect; a profile may set OpenVPN's own limits to years
	politeness = 3 * time.Second       // from the request to end until the kill
	dying      = 20 * time.Millisecond // from the first sign of an end until it is one
)

// run is the life of one OpenVPN process: start, management, messages, end. The
// error says why it ended; it is nil only where ctx did.
type run struct {
	s     *Supervisor
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has
	exit  error         // how; read after ended
	tail  tail
	m     *management
	holds int // that it was released from since the last connection

	released time.Time // from the last one
	wrong    string    // the last fault in its log since then
	ever     bool      // it was connected

	byItself bool // it ended without being asked to
}

// once runs OpenVPN until it ends, is stuck, is to be restarted, or ctx ends. It
// reports whether there was a connection.
func (s *Supervisor) once(ctx context.Context) (connected bool, err error) {
	r := &run{s: s, ended: make(chan struct{})}
	defer s.tidy()
	if err := s.prepare(); err != nil {
		return false, err
	}
	program, err := s.program()
	if err != nil {
		return false, err
	}
	listener, err := s.listen()
	if err != nil {
		return false, &fault.VPNError{Reason: "the management socket cannot be made", Err: err}
	}
	defer listener.Close()
	if err := r.start(program); err != nil {
		return false, &fault.VPNError{Reason: "OpenVPN cannot be started", Retry: true, Err: err}
	}
	s.update(func(st *Status) { st.PID, st.Traffic = r.cmd.Process.Pid, Traffic{} })
	defer s.update(func(st *Status) { st.PID, st.Interface = 0, "" })

	going, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		r.exit = r.cmd.Wait()
		close(r.ended)
		cancel(errEnded)
	}()

	limited, stop := context.WithTimeoutCause(going, connectIn, errors.New("it did not connect to its management socket"))
	r.m, err = accept(limited, listener, r.cmd.Process.Pid)
	stop()
	if err == nil {
		defer r.m.Close()
		err = r.converse(going)
	}
	s.down("OpenVPN: "+err.Error(), false) // at once; its end may take a while
	r.end(err)
	if ctx.Err() != nil {
		return r.ever, nil
	}
	return r.ever, r.explain(err)
}

// start starts the process: with no terminal, no environment of ours, in a group of
// its own, so that an interrupt at the terminal is the node's to handle.
func (r *run) start(program string) error {
	output := &output{to: r.s.Output, tail: &r.tail}
	r.cmd = &exec.Cmd{
		Path: program, Args: append([]string{"openvpn"}, arguments()...),
		Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
		Dir: r.s.Dir, Stdout: output, Stderr: output,
		WaitDelay:   time.Second,
		SysProcAttr: attributes(),
	}
	if err := r.cmd.Start(); err != nil {
		return err
	}
	if r.s.Started != nil {
		if err := r.s.Started(r.cmd.Process.Pid); err != nil {
			r.s.Log.Warn("which process OpenVPN is could not be noted; coda stop-vpn will not find it", "error", err)
		}
	}
	return nil
}

// converse follows what OpenVPN says until something is to be done about it.
func (r *run) converse(ctx context.Context) error {
	// The bytes are counted every two seconds, and so a sign of life.
	if err := r.m.say("log on", "state on", "bytecount 2"); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	messages := make(chan Message)
	read := make(chan struct{})
	go func() {
		defer close(read)
		cancel(r.m.read(ctx, messages))
	}()
	defer func() {
		cancel(nil)
		_ = r.m.SetReadDeadline(time.Now())
		<-read
	}()

	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var release <-chan time.Time
	heard, asked, began := time.Now(), time.Now(), time.Now()
	moved := false // it was told to try the next server
	for {
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case wish := <-r.s.restart:
			if status, _ := r.s.Status(); status.Connected && status.Since.Equal(wish.made) {
				return errors.New(wish.reason)
			}
		case <-release:
			release, r.released = nil, time.Now()
			began, moved = r.released, false
			r.holds++
			err = r.m.say("hold release")
		case <-tick.C:
			status, _ := r.s.Status()
			if status.Connected {
				began = time.Now()
			}
			switch quiet := time.Since(heard); {
			case quiet > patience, status.Connected && quiet > silence:
				return errStuck
			case time.Since(began) > r.s.attempt:
				r.wrong = fmt.Sprintf("no connection within %s", r.s.attempt)
				if moved {
					return errStays
				}
				began, moved = time.Now(), true
				err = r.m.say("signal SIGUSR1")
			case min(quiet, time.Since(asked)) > askEvery:
				asked = time.Now()
				err = r.m.say("pid")
			}
		case m := <-messages:
			heard = time.Now()
			if _, ok := m.(Hold); ok {
				release = time.After(pause(r.holds, r.released))
				continue
			}
			err = r.hear(m)
		}
		if err != nil {
			return err
		}
	}
}

// hear takes in one message. An error ends the run.
func (r *run) hear(m Message) error {
	switch m := m.(type) {
	case Phase:
		r.phase(m)
	case Traffic:
		r.s.mu.Lock()
		r.s.status.Traffic = m
		r.s.mu.Unlock()
	case Line:
		if name := m.Opened(); name != "" {
			r.s.update(func(st *Status) { st.Interface = name })
		}
		if m.Wrong && !strings.HasPrefix(m.Text, "event_wait ") { // which a signal interrupts
			r.wrong = clean(m.Text)
		}
	case Question:
		return fmt.Errorf("it asks for something that nobody here can answer: %s", clean(m.Text))
	case Fatal:
		r.wrong = clean(m.Text)
	}
	return nil
}

// phase follows the connection from one step to the next.
func (r *run) phase(p Phase) {
	switch p.Name {
	case "CONNECTED":
		if p.Detail != "SUCCESS" { // ERROR, ROUTE_ERROR
			r.s.Log.Warn("OpenVPN connected, but could not set everything up", "state", clean(p.Detail), "said", r.wrong)
		}
		r.holds, r.wrong, r.ever = 0, "", true
		r.s.update(func(st *Status) {
			st.Connected, st.Since, st.Problem = true, time.Now(), ""
			st.Local, st.Remote = p.Local, p.Remote
		})
	case "RECONNECTING":
		r.s.update(func(st *Status) { st.Restarts++ })
		r.s.down(r.because("reconnecting: "+reason(p.Detail)), false)
	case "EXITING":
		r.s.down(r.because("ended: "+reason(p.Detail)), false)
	}
}

// because adds what the log last complained of.
func (r *run) because(what string) string {
	if r.wrong == "" {
		return "OpenVPN is " + what
	}
	return fmt.Sprintf("OpenVPN is %s (%s)", what, r.wrong)
}

// reasons are OpenVPN's words for why a connection ends, in ours.
var reasons = map[string]string{
	"ping-restart":     "the server fell silent (ping-restart)",
	"ping-exit":        "the server fell silent (ping-exit)",
	"tls-error":        "no TLS session with the server (tls-error)",
	"tls-exit":         "no TLS session with the server (tls-exit)",
	"connection-reset": "the server closed the connection (connection-reset)",
	"auth-failure":     "the server refuses this node (auth-failure); a new token brings a new profile",
	"init_instance":    "the server cannot be reached",
	"remote-exit":      "the server ended (remote-exit)",
	"server_poll":      "the server does not answer (server_poll)",
}

func reason(detail string) string {
	if words, ok := reasons[detail]; ok {
		return words
	}
	if detail == "" {
		return "no reason given"
	}
	return clean(detail)
}

// end sees to it that the process is gone: it is asked to end over both of its
// ears, then killed. One that is stuck hears nothing and is killed at once.
func (r *run) end(cause error) {
	select {
	case <-r.ended:
		r.byItself = true
		return
	case <-time.After(dying):
	}
	if !errors.Is(cause, errStuck) {
		if r.m != nil {
			_ = r.m.say("signal SIGTERM")
		}
		_ = r.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-r.ended:
			return
		case <-time.After(politeness):
		}
	}
	_ = r.cmd.Process.Kill()
	<-r.ended
}

var (
	errEnded  = errors.New("it ended")
	errHungUp = errors.New("it closed its management connection")
	errStays  = errors.New("it does not go on to the next server")
	errStuck  = errors.New("it does not answer on its management socket and was killed")
)

// explain says why a run ended, in one line for people.
func (r *run) explain(cause error) error {
	if r.byItself {
		cause = fmt.Errorf("it ended with %s", how(r.exit))
	}
	words := cause.Error()
	if last := r.last(); last != "" {
		words += ": " + last
	}
	if !r.ever {
		ctx, cancel := context.WithTimeout(context.Background(), connectIn)
		defer cancel()
		for _, lack := range Missing(ctx, r.cmd.Path) {
			words += fmt.Sprintf("; %s (%s)", lack.What, lack.Do)
		}
	}
	return &fault.VPNError{Reason: "OpenVPN: " + words, Retry: true}
}

func how(err error) string {
	if err == nil {
		return "status 0"
	}
	return strings.Replace(err.Error(), "exit status", "status", 1)
}

// last is the line that most likely says what went wrong.
func (r *run) last() string {
	if r.wrong != "" {
		return r.wrong
	}
	if r.ever {
		return ""
	}
	return r.tail.last()
}

// clean makes a line of OpenVPN's fit to be shown: no control characters, no end
// of it out of sight.
func clean(text string) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return ' '
	}, strings.ToValidUTF8(text, "?"))
	const most = 300
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return strings.TrimSpace(text)
}
