// Package openvpn keeps one OpenVPN client running: a child of the node, in the
// node's foreground, which ends with it. Its management interface, a private Unix
// socket that OpenVPN connects to, tells how the tunnel is; the same socket closing
// is what ends an OpenVPN whose node is gone.
package openvpn

import (
	"cmp"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/conductorquantum/coda/host/fault"
)

// Config sets a supervisor up.
type Config struct {
	// Program is the OpenVPN binary; "" looks for one at each start.
	Program string
	// Dir is the folder that OpenVPN works in. It is made, mode 0700, where it is
	// missing, and should hold nothing else.
	Dir string
	// Profile reads, checks and writes anew what OpenVPN is to run with. It is
	// called before each start.
	Profile func() ([]byte, error)
	// Started, if set, is told of each process, before it does anything. An error
	// of it is logged.
	Started func(pid int) error
	// Output takes OpenVPN's own log; nil drops it. Writes of it that fail are not
	// repeated.
	Output io.Writer
	Log    *slog.Logger
}

// Status is how the tunnel stands.
type Status struct {
	Connected bool
	Interface string         // that OpenVPN made; "" before it did
	Local     []netip.Addr   // its addresses in the tunnel
	Remote    netip.AddrPort // the server; zero where it is not known
	Since     time.Time      // when the connection in hand was made
	Restarts  int            // how often a connection broke, or OpenVPN was started again
	PID       int            // 0 where it does not run
	Traffic   Traffic        // of the process in hand

	Problem     string // why there is no connection; "" while there is one, or nothing is known
	Hopeless    bool   // starting again does not help until somebody has changed something
	LastError   string // the last problem, also after its end
	LastErrorAt time.Time
}

// Supervisor starts OpenVPN, starts it again when it ends, and ends it.
type Supervisor struct {
	Config
	restart chan restart
	attempt time.Duration // that a connection may be in the making

	mu      sync.Mutex
	status  Status
	changed chan struct{}
}

// New makes a supervisor. It does nothing before Run.
func New(cfg Config) *Supervisor {
	if cfg.Output == nil {
		cfg.Output = io.Discard
	}
	return &Supervisor{Config: cfg, restart: make(chan restart, 1), attempt: attempt, changed: make(chan struct{})}
}

// Status is how things stand, and a channel that is closed when that changes. The
// traffic alone is no change.
func (s *Supervisor) Status() (Status, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := s.status
	status.Local = slices.Clone(status.Local)
	return status, s.changed
}

// restart is a wish to have a connection made anew.
type restart struct {
	made   time.Time
	reason string
}

// Restart ends the process whose connection was made at a time, if that is still
// the one in hand, for a reason that is logged and shown, and has a new one
// started.
func (s *Supervisor) Restart(made time.Time, reason string) {
	select {
	case s.restart <- restart{made, reason}:
	default: // one is wished for already
	}
}

// update changes the status and tells those who wait for that.
func (s *Supervisor) update(change func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.status)
	close(s.changed)
	s.changed = make(chan struct{})
}

// down notes that there is no connection, and why.
func (s *Supervisor) down(problem string, hopeless bool) {
	s.update(func(st *Status) {
		st.Connected, st.Since, st.Local, st.Remote = false, time.Time{}, nil, netip.AddrPort{}
		st.Problem, st.Hopeless = problem, hopeless
		if problem != "" {
			st.LastError, st.LastErrorAt = problem, time.Now()
		}
	})
}

// program is the binary to start.
func (s *Supervisor) program() (string, error) {
	path := cmp.Or(s.Program, Find())
	if path == "" {
		return "", &fault.VPNError{Reason: "openvpn is not found; " + advice}
	}
	return path, nil
}

// prepare makes the folder and writes the profile into it.
func (s *Supervisor) prepare() error {
	text, err := s.Profile()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return &fault.VPNError{Reason: "the folder of OpenVPN cannot be made", Err: err}
	}
	path := filepath.Join(s.Dir, profileFile)
	_ = os.Remove(path) // whatever it was, it is not written through
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.Write(text)
		err = cmp.Or(err, f.Close())
	}
	if err != nil {
		return &fault.VPNError{Reason: "the profile cannot be written", Err: err}
	}
	return nil
}

// tidy removes what a run needed. The profile holds a key.
func (s *Supervisor) tidy() {
	os.Remove(filepath.Join(s.Dir, profileFile))
	os.Remove(filepath.Join(s.Dir, socketFile))
}

// Names within the folder.
const (
	profileFile = "profile.ovpn"
	socketFile  = "management.sock"
)

// Leftovers are what a run that could not tidy up leaves in the folder, and of which
// type each is.
var Leftovers = map[string]fs.FileMode{profileFile: 0, socketFile: fs.ModeSocket}

// kept is how the pushed options begin that OpenVPN passes over: those that would
// make the tunnel the way to everywhere, or the server's resolvers this machine's.
// OpenVPN compares a beginning, and reads words afterwards: in quotes it would not
// know these.
var kept = []string{
	"redirect-gateway", "redirect-private", "dhcp-option", "dns", "block-outside-dns",
	`"`, "'",
}

// arguments come after the program's name. What stands last counts, but of filters
// what stands first: a profile changes none of it. Level 1 of script security runs
// no program but OpenVPN's own; level 0 would forbid those of some builds.
func arguments() []string {
	var filters []string
	for _, option := range kept {
		filters = append(filters, "--pull-filter", "ignore", option)
	}
	return append(filters,
		"--config", profileFile,
		"--verb", "3", "--mute", "0", // else the line that names the interface may be missing
		"--management", socketFile, "unix", "--management-client", "--management-hold", "--management-query-passwords",
		"--script-security", "1",
	)
}
