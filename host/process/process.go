// Package process tells one process from every other, also from those that get its
// PID later: before a process is signalled that another one only wrote down.
package process

import (
	"errors"
	"fmt"
	"io/fs"
)

// ID is a process of a machine since its boot. Two that are equal are the same
// process.
type ID struct {
	PID   int    `json:"pid"`
	Start string `json:"process_start"` // in the system's own unit; "" where it does not tell
	Boot  string `json:"boot_id"`
}

// Of is the ID of a process that runs now. Where the system does not tell when it
// began, Start is empty, and no later look confirms it.
func Of(pid int) ID {
	id := ID{PID: pid, Boot: bootID()}
	if f, err := look(pid); err == nil {
		id.Start = f.start
	}
	return id
}

// Ended reports whether the process is known to have ended, as far as can be seen
// from here. One of another machine or container is taken to have.
func (id ID) Ended() bool {
	if id.Boot != bootID() {
		return true
	}
	f, err := look(id.PID)
	return errors.Is(err, fs.ErrNotExist) || err == nil && id.Start != "" && f.start != id.Start
}

// facts are what the system tells of a process.
type facts struct {
	start string
	uid   int // effective
}

// Doubt says why the process that runs under the PID now may not be the one, or
// "". The owner of what was written down must run it: else a user could have root
// signal any process. Final is set where waiting changes nothing.
func (id ID) Doubt(owner int) (reason string, final bool) {
	if id.PID <= 0 {
		return "what was written down does not say which process it is", false
	}
	if boot := bootID(); id.Boot != boot {
		return fmt.Sprintf("it is process %d of another machine, which shares the state directory", id.PID), true
	}
	f, err := look(id.PID)
	switch {
	case errors.Is(err, errors.ErrUnsupported), err == nil && id.Start == "":
		return fmt.Sprintf("it says that it is process %d, and this system cannot confirm that", id.PID), true
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("it says that it is process %d, which cannot be seen from here; it may run in another container", id.PID), false
	case err != nil:
		return fmt.Sprintf("it says that it is process %d, which cannot be looked at: %v", id.PID, err), true
	case f.start != id.Start:
		return fmt.Sprintf("it says that it is process %d, but that is another process; it may run in another container", id.PID), false
	case f.uid != owner:
		return fmt.Sprintf("it says that it is process %d of user %d, but that runs as user %d", id.PID, owner, f.uid), true
	}
	return "", true
}
