package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/spf13/cobra"
)

// A person hears what is done only after a while, and nothing of it is left.
func TestWorking(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		tty  bool
		took time.Duration
		want string
	}{
		{"quick", true, patience - 1, ""},
		{"slow", true, patience + 1, "running bell (1 of 2) …" + eraseLine},
		{"no terminal", false, time.Hour, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				s := &screen{w: &out, tty: tt.tty, width: 80}
				done := s.working("running %s (%d of %d)", "bell", 1, 2)
				time.Sleep(tt.took)
				done()
				time.Sleep(time.Hour)
				if got := out.String(); got != tt.want {
					t.Errorf("shown: %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// Messages stand above what is being done.
func TestMessageWhileWorking(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := &screen{w: &out, tty: true, width: 12}
		done := s.working("running a circuit")
		time.Sleep(patience)
		synctest.Wait()
		s.printf("a message\n")
		done()
		const status = "running a c" // cut, so that it never wraps
		if got, want := out.String(), status+eraseLine+"a message\n"+status+eraseLine; got != want {
			t.Errorf("shown: %q, want %q", got, want)
		}
	})
}

func TestBanner(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	(&screen{w: &out}).banner("NODE", [][2]string{{"MODE", "token"}})
	lines := strings.Split(out.String(), "\n")
	if lines[1] != "│  C O D A  ·  N O D E                           │" || lines[3] != "  MODE          token" {
		t.Errorf("shown:\n%s", out.String())
	}
	for _, line := range []string{lines[0], lines[1], lines[2], lines[4]} {
		if n := len([]rune(line)); n != 50 {
			t.Errorf("%q has %d columns", line, n)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	wrong := &fault.ConfigError{Where: "CODA_PORT", Reason: "must be a number"}
	down := &fault.NodeError{Op: "connect", Reason: "no answer"}
	for _, tt := range []struct {
		name string
		err  error
		code int
		want string
	}{
		{"none", nil, exitOK, ""},
		{"said before", errReported, exitFailed, ""},
		{"any", errors.New("it broke"), exitFailed, "coda: it broke\n"},
		{"settings", wrong, exitFailed, "coda: CODA_PORT: must be a number\n"},
		{"several", errors.Join(wrong, errors.Join(errors.New("a"), errors.New("b"))), exitFailed,
			"coda: CODA_PORT: must be a number\ncoda: a\ncoda: b\n"},
		{"usage", misused(&cobra.Command{Use: "run"}, "no such flag"), exitUsage,
			"coda: no such flag\nRun 'run --help' for its usage.\n"},
		{"wrapped usage", fmt.Errorf("twice: %w", misused(&cobra.Command{Use: "run"}, "no")), exitUsage,
			"coda: twice: no\nRun 'run --help' for its usage.\n"},
		{"start", &startError{down}, exitStart, "coda: connect: no answer\n"},
		{"settings at start", starting(t.Context(), wrong), exitFailed, "coda: CODA_PORT: must be a number\n"},
		{"cloud at start", starting(t.Context(), down), exitStart, "coda: connect: no answer\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			c := &cli{name: "coda", stderr: &screen{w: &out}}
			c.printError(tt.err)
			if code := exitCode(tt.err); code != tt.code || out.String() != tt.want {
				t.Errorf("exit code %d and %q, want %d and %q", code, out.String(), tt.code, tt.want)
			}
		})
	}
}
