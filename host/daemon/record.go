package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// holder tells one process from every other, also from those that get its PID
// later.
type holder struct {
	PID   int    `json:"pid"`
	Start string `json:"process_start"` // in the system's own unit; "" where it does not tell
	Boot  string `json:"boot_id"`
}

// record is what the lock's file says of its holder: one line of JSON.
type record struct {
	holder
	Since    time.Time `json:"since"`
	Version  string    `json:"version"`
	Log      string    `json:"log"`
	Drain    float64   `json:"drain_sec"`
	Address  string    `json:"address"`
	Stopping bool      `json:"stopping"`
}

const (
	maxRecord = 64 << 10       // bytes
	maxDrain  = 24 * time.Hour // no number in a file makes Stop wait longer
)

// write replaces what the file holds. A reader in the middle of it sees one
// whole record: the old one's tail is cut off only afterwards.
func (r record) write(f *os.File) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if _, err := f.WriteAt(line, 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(line)))
}

// readRecord reads the first line of r.
func readRecord(r io.Reader) (record, error) {
	var rec record
	text, err := io.ReadAll(io.LimitReader(r, maxRecord))
	if err != nil {
		return rec, err
	}
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	return rec, json.Unmarshal(line, &rec)
}

func (r record) status() Status {
	drain := min(max(r.Drain, 0), maxDrain.Seconds())
	return Status{
		Running: true, PID: r.PID, Since: r.Since, Address: r.Address, Stopping: r.Stopping,
		About:  About{Version: r.Version, LogPath: r.Log, Drain: time.Duration(drain * float64(time.Second))},
		holder: r.holder,
	}
}

// process is what the system tells of a process.
type process struct {
	start string
	uid   int // effective
}

// doubt says why a process may not be the one that holds the lock, or "".
// The file's owner must run it: else a user could have root signal any process.
// Final is set where waiting changes nothing.
func (h holder) doubt(owner int) (reason string, final bool) {
	if h.PID <= 0 {
		return "its lock does not say which process it is", false
	}
	if boot := bootID(); h.Boot != boot {
		return fmt.Sprintf("it is process %d of another machine, which shares the state directory", h.PID), true
	}
	p, err := inspect(h.PID)
	switch {
	case errors.Is(err, errors.ErrUnsupported), err == nil && h.Start == "":
		return fmt.Sprintf("it says that it is process %d, and this system cannot confirm that", h.PID), true
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("it says that it is process %d, which cannot be seen from here; it may run in another container", h.PID), false
	case err != nil:
		return fmt.Sprintf("it says that it is process %d, which cannot be looked at: %v", h.PID, err), true
	case p.start != h.Start:
		return fmt.Sprintf("it says that it is process %d, but that is another process; it may run in another container", h.PID), false
	case p.uid != owner:
		return fmt.Sprintf("it says that it is process %d of user %d, but that runs as user %d", h.PID, owner, p.uid), true
	}
	return "", true
}
