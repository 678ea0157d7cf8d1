//go:build unix

package daemon_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/daemon"
	"github.com/conductorquantum/coda/host/fault"
)

var actions = map[daemon.Action]string{daemon.Drain: "drain", daemon.Await: "await", daemon.Hurry: "hurry", daemon.Kill: "kill"}

// steps collects what Stop reports.
func steps(into *[]string, also func(daemon.Step)) func(daemon.Step) {
	return func(s daemon.Step) {
		*into = append(*into, actions[s.Action]+" "+s.Wait.String())
		if also != nil {
			also(s)
		}
	}
}

func TestStopAsksOnce(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"foreground", "background"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			dir := stateDir(t)
			if place == "foreground" {
				foreground(t, "serves", dir)
			} else {
				start(t, "serves", dir)
			}
			var took []string
			try(t, daemon.Stop(t.Context(), daemon.StopConfig{StateDir: dir, Report: steps(&took, nil)}))
			// The node said that its drain takes an hour; the margin comes on top.
			if want := []string{"drain 1h0m10s"}; !slices.Equal(took, want) {
				t.Errorf("steps %q, want %q", took, want)
			}
			if notes := notes(dir); notes[len(notes)-1] != "signal 1" {
				t.Errorf("notes %q", notes)
			}
			if s, err := daemon.Look(dir); err != nil || s.Running {
				t.Errorf("%+v, %v", s, err)
			}
			err := daemon.Stop(t.Context(), daemon.StopConfig{StateDir: dir})
			if _, ok := errors.AsType[*fault.NodeError](err); !ok || !errors.Is(err, daemon.ErrNotRunning) || !strings.Contains(err.Error(), dir) {
				t.Errorf("again: %v", err)
			}
		})
	}
}

// A drain that takes too long is ended by a second signal, as an operator would.
func TestStopHurriesANodeThatTakesTooLong(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	start(t, "busy", dir)
	var took []string
	try(t, daemon.Stop(t.Context(), daemon.StopConfig{
		StateDir: dir, Drain: time.Millisecond, Margin: time.Millisecond, Grace: time.Hour,
		Report: steps(&took, func(s daemon.Step) {
			if s.Action == daemon.Hurry { // two signals at once could arrive as one
				eventually(t, "it is draining", func() bool { return slices.Contains(notes(dir), "draining") })
			}
		}),
	}))
	if want := []string{"drain 2ms", "hurry 1h0m0s"}; !slices.Equal(took, want) {
		t.Errorf("steps %q, want %q", took, want)
	}
	if got := notes(dir)[1:]; !slices.Equal(got, []string{"signal 1", "draining", "signal 2"}) {
		t.Errorf("notes %q", got)
	}
	deserted(t, dir)
}

func TestStopKillsANodeThatDoesNotHear(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	node := foreground(t, "serves", dir)
	try(t, node.Process.Signal(syscall.SIGSTOP))
	var took []string
	try(t, daemon.Stop(t.Context(), daemon.StopConfig{
		StateDir: dir, Drain: time.Millisecond, Margin: time.Millisecond, Grace: 3 * time.Second, Report: steps(&took, nil),
	}))
	if want := []string{"drain 2ms", "hurry 3s", "kill 3s"}; !slices.Equal(took, want) {
		t.Errorf("steps %q, want %q", took, want)
	}
	_ = node.Wait()
	if status := node.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v", node.ProcessState)
	}
}

// Two operators may stop a node; the second one's signal must not cost the jobs.
func TestSecondStopOnlyWaits(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	foreground(t, "busy", dir)
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		first <- daemon.Stop(ctx, daemon.StopConfig{StateDir: dir})
	}()
	eventually(t, "it is draining", func() bool { return slices.Contains(notes(dir), "draining") })
	cancel()
	err := <-first
	if _, ok := errors.AsType[*fault.NodeError](err); !ok || !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
	if s, err := daemon.Look(dir); err != nil || !s.Stopping || s.PID == 0 {
		t.Errorf("%+v, %v", s, err)
	}
	var took []string
	try(t, daemon.Stop(t.Context(), daemon.StopConfig{
		StateDir: dir, Drain: time.Hour,
		Report: steps(&took, func(daemon.Step) { try(t, os.WriteFile(filepath.Join(dir, "done"), nil, 0o600)) }),
	}))
	if want := []string{"await 1h0m10s"}; !slices.Equal(took, want) {
		t.Errorf("steps %q, want %q", took, want)
	}
	if got := notes(dir)[1:]; !slices.Equal(got, []string{"signal 1", "draining", "drained"}) {
		t.Errorf("notes %q", got)
	}
}

// Between the look and the signal another node may have come in its place.
func TestStopDoesNotStopTheSuccessor(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	old := foreground(t, "serves", dir)
	var next int
	try(t, daemon.Stop(t.Context(), daemon.StopConfig{StateDir: dir, Report: func(s daemon.Step) {
		if next != 0 {
			t.Errorf("step %v", s)
			return
		}
		try(t, old.Process.Kill())
		_ = old.Wait()
		next = foreground(t, "serves", dir).Process.Pid
	}}))
	if s, err := daemon.Look(dir); err != nil || s.PID != next || s.Stopping {
		t.Errorf("%+v, %v; want %d", s, err, next)
	}
	if slices.Contains(notes(dir), "signal 1") {
		t.Error("it was signalled")
	}
}
