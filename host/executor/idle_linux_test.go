package executor_test

import (
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/executor/guest"
	"github.com/conductorquantum/coda/host/testkit/fakeguest"
)

// Children that do something beside, which no guest can have them do.
func init() {
	mains["__spins"] = func() int {
		go func() {
			var spun atomic.Uint64
			for {
				spun.Add(1)
			}
		}()
		return guest.Main()
	}
	mains["__threads"] = func() int {
		for range 80 {
			go func() {
				runtime.LockOSThread()
				select {}
			}()
		}
		return guest.Main()
	}
}

// TestAChildThatDoesNotSitStill: between jobs no clock of a job runs, and a guest that
// has broken out could go on for years. It is found, and a fresh one takes its place.
func TestAChildThatDoesNotSitStill(t *testing.T) {
	t.Parallel()
	for mode, reason := range map[string]string{"__spins": "of the processor in", "__threads": "threads, and one that does as it should"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			name := "fake" + strings.ReplaceAll(mode, "_", "-")
			told := make(chan string, 1)
			e, err := executor.OpenWith(t.Context(), mode, executor.Config{
				Name: name, Wasm: fakeguest.Assemble(t, nil),
				Log: slog.New(slog.NewTextHandler(says(func(line string) {
					select {
					case told <- line:
					default: // each that comes after it is like it
					}
				}), &slog.HandlerOptions{Level: slog.LevelWarn})),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			first := child(t, name)
			good(t, e)
			if line := <-told; !strings.Contains(line, "executor is started again") || !strings.Contains(line, reason) {
				t.Errorf("the log has %q", line)
			}
			gone(t, first, true)
			good(t, e)
		})
	}
}

type says func(string)

func (w says) Write(p []byte) (int, error) {
	w(string(p))
	return len(p), nil
}
