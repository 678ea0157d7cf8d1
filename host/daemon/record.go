package daemon

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/conductorquantum/coda/host/process"
)

// record is what the lock's file says of its holder: one line of JSON.
type record struct {
	process.ID
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
		holder: r.ID,
	}
}
