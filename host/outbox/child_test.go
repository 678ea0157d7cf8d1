package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/conductorquantum/coda/host/outbox"
)

// childSpec is the variable that makes the test binary a process that writes.
const childSpec = "CODA_OUTBOX_CHILD"

// work is what such a process does: jobs from several writers. It says what is
// acknowledged, one line for each step of a job, on its standard output.
type work struct {
	Path    string
	Name    string // begins the ids of its jobs
	Jobs    int    // 0 for as many as it lives to do
	Writers int
	Compact int64
	Sweep   bool // at the end, as of nine days later, and the file is written anew
}

func (w work) job(i int) string { return fmt.Sprintf("%s-%d", w.Name, i) }

// stepsOf is the life of a job, which depends on its id alone: begin, decide,
// publish, failed attempts, and one of three ends.
func stepsOf(id string) (attempts int, end outbox.State) {
	if strings.HasSuffix(id, ballast) {
		return 0, outbox.Delivered
	}
	r := source(id)
	return r.IntN(3), [...]outbox.State{outbox.Delivered, outbox.Delivered, outbox.Delivered, outbox.Parked, outbox.Published}[r.IntN(5)]
}

// steps is how many steps a job has.
func steps(id string) int {
	attempts, end := stepsOf(id)
	if end == outbox.Published {
		return 3 + attempts
	}
	return 3 + attempts + 1
}

// take takes step n of a job, from 1 on.
func take(s *outbox.Store, id string, n int) error {
	ctx := context.Background()
	attempts, end := stepsOf(id)
	switch {
	case n == 1:
		_, err := s.Begin(ctx, outbox.Attempt{JobID: id, MessageID: "1-0"})
		return err
	case n == 2:
		_, err := s.Decide(ctx, completed(id, bodyOf(id)))
		return err
	case n == 3:
		return s.Published(ctx, id)
	case n <= 3+attempts:
		return s.Attempted(ctx, id, outbox.Try{Number: n - 3, Next: time.Now(), Error: "HTTP 503"})
	case end == outbox.Delivered:
		return s.Delivered(ctx, id)
	default:
		return s.Park(ctx, id, "HTTP 410")
	}
}

// progress is the number of steps that a record has behind it.
func progress(r outbox.Record) int {
	switch r.State {
	case outbox.Absent:
		return 0
	case outbox.Begun:
		return 1
	case outbox.Decided:
		return 2
	case outbox.Published:
		return 3 + r.Tries
	default:
		return steps(r.JobID)
	}
}

func child(spec string) error {
	var w work
	if err := json.Unmarshal([]byte(spec), &w); err != nil {
		return err
	}
	s, err := outbox.OpenSmall(w.Path, outbox.Config{}, w.Compact)
	if err != nil {
		return err
	}
	errs := make(chan error, w.Writers+3)
	var all sync.WaitGroup
	for writer := range w.Writers {
		all.Go(func() {
			for i := writer; w.Jobs == 0 || i < w.Jobs; i += w.Writers {
				if err := live(s, w.job(i)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	if w.Sweep {
		errs <- live(s, w.Name+ballast)
		say("sweep")
		for err = outbox.ErrDisk; errors.Is(err, outbox.ErrDisk); {
			_, err = s.Sweep(context.Background(), time.Now().Add(9*24*time.Hour))
		}
		errs <- err
		errs <- live(s, w.Name+"-last")
	}
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return s.Close()
}

// live takes all steps of a job, each again while the disk fails.
func live(s *outbox.Store, id string) error {
	for n := 1; n <= steps(id); n++ {
		err := take(s, id, n)
		for errors.Is(err, outbox.ErrDisk) {
			err = take(s, id, n)
		}
		if err != nil {
			return err
		}
		say(fmt.Sprintf("ack %s %d", id, n))
	}
	return nil
}

// say writes a line with one call, so that it is whole or not there.
func say(line string) { _, _ = os.Stdout.WriteString(line + "\n") }
