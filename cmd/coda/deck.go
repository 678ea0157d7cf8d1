package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/instrument/tape"
)

// deck records a tape or plays one. Nil does neither.
type deck struct {
	path   string
	log    *slog.Logger
	record *tape.Recorder
	play   *tape.Player
	failed error
}

// newDeck opens the tape that is named, if any.
func newDeck(record, replay string, log *slog.Logger) (*deck, error) {
	switch {
	case record != "" && replay != "":
		return nil, errors.New("give either --record or --replay")
	case record != "":
		return &deck{path: record, log: log}, nil
	case replay == "":
		return nil, nil
	}
	player, err := tape.Open(replay)
	if err != nil {
		return nil, err
	}
	return &deck{path: replay, log: log, play: player}, nil
}

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
		d.failed = cmp.Or(d.failed, err)
		return nil, err
	}
	return &watched{door, d}, nil
}

type watched struct {
	effect.Door
	deck *deck
}

func (w *watched) Do(ctx context.Context, call *effect.Call) (effect.Answer, error) {
	answer, err := w.Door.Do(ctx, call)
	if err != nil {
		w.deck.failed = cmp.Or(w.deck.failed, err)
	}
	return answer, err
}

// failure is what went wrong with the tape, or nil.
func (d *deck) failure() error {
	if d == nil || d.failed == nil {
		return nil
	}
	return fmt.Errorf("the tape %s: %w", d.path, d.failed)
}

// begin marks that a job begins.
func (d *deck) begin(job *abi.Job) error {
	if d == nil {
		return nil
	}
	sum := sha256.Sum256(job.Circuit.AppendIR(nil))
	on := tape.Job{ID: job.ID, Shots: job.Shots, Circuit: hex.EncodeToString(sum[:])}
	if d.play != nil {
		return d.play.JobBegin(on)
	}
	return d.record.JobBegin(on)
}

// end marks what the job came to.
func (d *deck) end(e *abi.Execution, failed error) error {
	if d == nil {
		return nil
	}
	result := ""
	if failed != nil {
		result = "failed: " + failed.Error()
	} else {
		result = fmt.Sprintf("%d shots in %v: %v", e.ShotsCompleted, *e.Elapsed, e.Outcomes)
	}
	sum := sha256.Sum256([]byte(result))
	digest := hex.EncodeToString(sum[:])
	if d.play != nil {
		return d.play.JobEnd(digest)
	}
	return d.record.JobEnd(digest)
}

// close ends the tape. A replay that leaves some of it unplayed fails.
func (d *deck) close() error {
	switch {
	case d == nil:
		return nil
	case d.play != nil:
		return cmp.Or(d.failure(), d.play.Close())
	case d.record != nil:
		return cmp.Or(d.failure(), d.record.Close())
	default:
		return nil
	}
}
