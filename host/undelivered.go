package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/conductorquantum/coda/host/control"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/outbox"
)

// ErrUndelivered is an outbox that holds, or may hold, outcomes that nobody has
// taken.
var ErrUndelivered = errors.New("results would be lost")

// checkDelivered returns an ErrUndelivered where the file in a state directory that
// no node uses holds outcomes.
func checkDelivered(stateDir string) error {
	stats, err := readOutbox(stateDir)
	if err != nil {
		return undelivered("what it holds cannot be told", err)
	}
	return countUndelivered(stats.Waiting, stats.Parked)
}

// CheckDelivered asks the node that runs. What is being sent for the first time is
// not counted: it has a drain to be taken in.
func CheckDelivered(ctx context.Context, box *Outbox) error {
	waiting, parked := 0, 0
	q := control.Query{State: control.All, Limit: control.MaxPage}
	for {
		page, err := box.List(ctx, q)
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			switch {
			case e.State == control.Parked:
				parked++
			case e.Tries > 0:
				waiting++
			}
		}
		if q.After = page.Next; q.After == "" {
			return countUndelivered(waiting, parked)
		}
	}
}

func countUndelivered(waiting, parked int) error {
	if waiting+parked == 0 {
		return nil
	}
	return undelivered(fmt.Sprintf("outcomes that wait to be delivered: %d, that are parked: %d", waiting, parked), nil)
}

func undelivered(reason string, err error) error {
	cause := ErrUndelivered
	if err != nil {
		cause = fmt.Errorf("%w: %w", ErrUndelivered, err)
	}
	return &fault.NodeError{Op: "outbox", Reason: reason, Err: cause}
}

// readOutbox counts what the outbox of a state directory holds, by its file, and
// changes nothing. Where there is no file there is nothing in it.
func readOutbox(stateDir string) (outbox.Stats, error) {
	path := filepath.Join(stateDir, outboxFile)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return outbox.Stats{}, nil
	}
	store, err := outbox.Open(path, outbox.Config{AsItIs: true})
	if err != nil {
		return outbox.Stats{}, err
	}
	return store.Stats(), store.Close()
}
