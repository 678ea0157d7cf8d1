package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/instrument/tape"
)

// deck records a tape or plays one. Nil does neither.
type deck struct {
	path   string
	record *tape.Recorder
	play   *tape.Player
	guests bool // there was one
	failed error
}

// newDeck opens the tape that is named, if any.
func newDeck(record, replay string) (*deck, error) {
	if replay == "" {
		if record == "" {
			return nil, nil
		}
		return &deck{path: record}, nil
	}
	player, err := tape.Open(replay)
	if err != nil {
		return nil, err
	}
	return &deck{path: replay, play: player}, nil
}

// plays reports whether the tape stands in for the world.
func (d *deck) plays() bool { return d != nil && d.play != nil }

// insert puts the tape between the executor and the world.
func (d *deck) insert(cfg *executor.Config) error {
	sum := sha256.Sum256(cfg.Wasm)
	header := tape.Header{Coda: readVersions().Version, Module: hex.EncodeToString(sum[:]), Grants: cfg.Grants}
	if d.play != nil {
		if was := d.play.Header().Module; was != header.Module {
			return fmt.Errorf("the tape %s was recorded with another executor: its SHA-256 is %s, and this one's is %s", d.path, was, header.Module)
		}
		cfg.Files, cfg.Hardware, cfg.Grants = d.play.Files(), nil, d.play.Header().Grants
		cfg.Missing = func([]string) string { return "" }
		cfg.Tape = func(inner effect.Door) (effect.Door, error) {
			door, err := d.play.Door(func(call *effect.Call) { _, _ = inner.Do(context.Background(), call) })
			return d.watched(door, err)
		}
		return nil
	}
	var err error
	if d.record, err = tape.Create(d.path, header, 0); err != nil {
		return err
	}
	if err := d.record.Files(cfg.Files); err != nil {
		return err
	}
	cfg.Tape = func(inner effect.Door) (effect.Door, error) { return d.watched(d.record.Door(inner)) }
	return nil
}

// watched notes the first failure of the tape: it, and not the guest that it ends, is
// what went wrong.
func (d *deck) watched(door effect.Door, err error) (effect.Door, error) {
	if err != nil {
		return nil, d.note(err)
	}
	d.guests = true
	return &watched{door, d}, nil
}

type watched struct {
	effect.Door
	deck *deck
}

func (w *watched) Do(ctx context.Context, call *effect.Call) (effect.Answer, error) {
	answer, err := w.Door.Do(ctx, call)
	return answer, w.deck.note(err)
}

func (w *watched) Close() error { return w.deck.note(w.Door.Close()) }

func (d *deck) note(err error) error {
	if err != nil && d.failed == nil && !errors.Is(err, tape.ErrEnded) {
		d.failed = err
		if d.play == nil {
			d.failed = fmt.Errorf("the tape %s: %w", d.path, err)
		}
	}
	return err
}

// failure is what went wrong with the tape, or nil.
func (d *deck) failure() error {
	if d == nil {
		return nil
	}
	return d.failed
}

// begin marks that a job begins. It returns when that is; of a replay, when it was.
func (d *deck) begin(job *abi.Job) (time.Time, error) {
	now := time.Now()
	if d == nil {
		return now, nil
	}
	now = now.UTC()
	sum := sha256.Sum256(job.Circuit.AppendIR(nil))
	on := tape.Job{ID: job.ID, Shots: job.Shots, Circuit: hex.EncodeToString(sum[:])}
	if d.play != nil {
		at, err := d.play.JobBegin(on)
		return at, d.note(err)
	}
	return now, d.note(d.record.JobBegin(on, now))
}

// end marks what the job came to. It returns when that is; of a replay, when it was. The
// error is the job's own, or that of the tape.
func (d *deck) end(e *abi.Execution, failed error) (time.Time, error) {
	now := time.Now()
	if d == nil {
		return now, failed
	}
	now = now.UTC()
	if d.play != nil {
		if ended := d.play.Ended(); ended != "" && failed != nil {
			failed = errors.New(ended)
		}
		at, err := d.play.JobEnd(digest(e, failed))
		return at, cmp.Or(d.failure(), d.note(err), failed)
	}
	end := tape.End{Result: digest(e, failed), At: now}
	if endedByNode(failed) {
		end.Ended = failed.Error()
	}
	err := d.note(d.record.JobEnd(end))
	return now, cmp.Or(d.failure(), err, failed)
}

// digest is that of what a job came to.
func digest(e *abi.Execution, failed error) string {
	var result string
	if failed != nil {
		result = "failed: " + failed.Error()
	} else {
		result = fmt.Sprintf("%d shots in %v: %v", e.ShotsCompleted, *e.Elapsed, e.Outcomes)
	}
	sum := sha256.Sum256([]byte(result))
	return hex.EncodeToString(sum[:])
}

// endedByNode reports whether a guest may not have come to its own end.
func endedByNode(failed error) bool {
	e, ok := errors.AsType[*fault.ExecutorError](failed)
	return ok && (e.Cause == fault.Limit || e.Cause == fault.Lost || e.Cause == fault.Cancelled && errors.Is(e, context.Canceled))
}

// abandon ends the tape of an executor that did not open, and says why it did not.
func (d *deck) abandon(err error) error {
	err = cmp.Or(d.failure(), err)
	if closed := d.close(); closed != nil && !d.plays() && !errors.Is(err, closed) {
		return errors.Join(err, closed) // of a replay the tape goes on, which is no news
	}
	return err
}

// close ends the tape. A replay that leaves some of it unplayed fails, and a recording of
// no guest at all is no tape.
func (d *deck) close() error {
	switch {
	case d == nil:
		return nil
	case d.play != nil:
		return cmp.Or(d.failure(), d.note(d.play.Close()))
	case d.record != nil:
		err := cmp.Or(d.failure(), d.note(d.record.Close()))
		if !d.guests {
			_ = os.Remove(d.path) // it would stand in the way of the next
		}
		return err
	default:
		return nil
	}
}
