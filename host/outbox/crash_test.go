package outbox_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/conductorquantum/coda/host/outbox"
)

// acks is what a process said: the last acknowledged step of each job.
type acks struct {
	steps map[string]int
	swept bool // it may have removed tombstones
}

func (a *acks) hear(line string) error {
	if line == "sweep" {
		a.swept = true
		return nil
	}
	var id string
	var n int
	if _, err := fmt.Sscanf(line, "ack %s %d", &id, &n); err != nil {
		return fmt.Errorf("%q: %w", line, err)
	}
	a.steps[id] = n
	return nil
}

// check holds a store against what was acknowledged: of each job everything that
// was, perhaps one step more, and its body byte for byte.
func (a *acks) check(s *outbox.Store) error {
	for id, acked := range a.steps {
		r, err := s.Get(id)
		if errors.Is(err, outbox.ErrUnknown) {
			if _, end := stepsOf(id); a.swept && end == outbox.Delivered && acked == steps(id) {
				continue
			}
		}
		if err != nil {
			return fmt.Errorf("%s was acknowledged up to step %d: %w", id, acked, err)
		}
		if got := progress(r); got < acked || got > acked+1 {
			return fmt.Errorf("%s was acknowledged up to step %d, and is at step %d: %s", id, acked, got, r.State)
		}
	}
	for list := (outbox.Filter{}); ; {
		page, next := s.List(list)
		for _, r := range page {
			if a.steps[r.JobID] == 0 && r.State != outbox.Begun {
				return fmt.Errorf("%s is %s, which nobody asked for", r.JobID, r.State)
			}
			body, err := s.Body(r.JobID)
			if r.State == outbox.Begun && errors.Is(err, outbox.ErrUnknown) {
				continue
			}
			if err != nil || !bytes.Equal(body, bodyOf(r.JobID)) {
				return fmt.Errorf("%s: the body, of %d bytes, is not the one that was decided: %w", r.JobID, len(body), err)
			}
		}
		if list.After = next; next == (outbox.Cursor{}) {
			return nil
		}
	}
}

// spawn starts a process that does w, after a command line that wraps it.
func spawn(tb testing.TB, w work, wrap ...string) (*exec.Cmd, io.Reader) {
	tb.Helper()
	spec, err := json.Marshal(w)
	if err != nil {
		tb.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	args := append(wrap, self)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), childSpec+"="+string(spec))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	return cmd, out
}

// A process is killed in the middle of its work, again and again, on one store.
func TestKilled(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	path := storePath(t)
	heard := acks{steps: map[string]int{}}
	for round := range 15 {
		w := work{Path: path, Name: fmt.Sprintf("round-%d", round), Writers: 1 + r.IntN(16), Compact: 1 << 30}
		cmd, out := spawn(t, w)
		after := r.IntN(400)
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if err := heard.hear(lines.Text()); err != nil {
				t.Error(err)
			}
			if n == after {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() >= 0 {
			t.Fatalf("the process ended by itself: %v", err)
		}
		s, err := outbox.Open(path, outbox.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if err := heard.check(s); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		// What this round left is what the next begins with.
		settle(t, path, heard.steps)
	}
}

// settle notes where every job now is, since nothing continues it.
func settle(t *testing.T, path string, steps map[string]int) {
	t.Helper()
	s := openStore(t, path)
	for id := range steps {
		r, err := s.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		steps[id] = progress(r)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
