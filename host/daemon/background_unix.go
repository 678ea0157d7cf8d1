//go:build unix

package daemon

import (
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"
)

// What Start and the process that it starts agree on.
const (
	notesVariable  = "CODA_DAEMON_FD"        // the descriptor of a pipe, for one note
	secretVariable = "CODA_DAEMON_SECRET_FD" // that of a pipe with the secret, if there is one
	logVariable    = "CODA_DAEMON_LOG"       // where standard output and error go
	noteReady      = "ready"                 // followed by the address
	noteFailed     = "failed"                // followed by the error, quoted
	maxNote        = 64 << 10
)

// Background is the far side of Start, in the process that it started. A nil
// one, as in the foreground, takes every call and does nothing.
type Background struct {
	LogPath string // standard output and error already go there

	once   sync.Once
	notes  *os.File
	secret string
}

// InBackground returns nil in a process that Start did not start. Call it once,
// before anything else: it takes from the environment and from the descriptors
// what children of this process must not inherit.
func InBackground() *Background {
	notes, secret := inherited(notesVariable), inherited(secretVariable)
	path := os.Getenv(logVariable)
	_ = os.Unsetenv(logVariable) // cannot fail with this name
	b := &Background{LogPath: path, notes: notes}
	if secret != nil {
		text, _ := io.ReadAll(secret) // of a starter that died, as much as it wrote
		secret.Close()
		b.secret = string(text)
	}
	if notes == nil {
		return nil
	}
	return b
}

// inherited is the pipe whose descriptor a variable holds; nil where there is none.
func inherited(variable string) *os.File {
	number, err := strconv.Atoi(os.Getenv(variable))
	_ = os.Unsetenv(variable) // cannot fail with these names
	if err != nil || number <= 2 {
		return nil
	}
	var stat syscall.Stat_t
	if syscall.Fstat(number, &stat) != nil || stat.Mode&syscall.S_IFMT != syscall.S_IFIFO {
		return nil // somebody else set the variable
	}
	syscall.CloseOnExec(number)
	return os.NewFile(uintptr(number), variable)
}

// Secret is what Start was to hand over; "" if nothing.
func (b *Background) Secret() string {
	if b == nil {
		return ""
	}
	return b.secret
}

// Ready tells Start that the node holds the lock and serves at the address.
func (b *Background) Ready(address string) { b.say(noteReady + " " + address) }

// Failed tells Start why the node does not come up. It does nothing after Ready.
func (b *Background) Failed(err error) {
	text := err.Error()
	b.say(noteFailed + " " + strconv.Quote(text[:min(len(text), maxNote/8)]))
}

// say writes the one note. Whoever should read it may be gone, which is fine.
func (b *Background) say(note string) {
	if b == nil {
		return
	}
	b.once.Do(func() {
		_, _ = b.notes.WriteString(note + "\n")
		b.notes.Close()
	})
}

func unquote(text string) string {
	if plain, err := strconv.Unquote(text); err == nil {
		return plain
	}
	return text
}
