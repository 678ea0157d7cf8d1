package openvpn

import (
	"bufio"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/conductorquantum/coda/host/socket"
)

// maxLine bounds a line of the management interface; OpenVPN's own lines are
// shorter.
const maxLine = 64 << 10

// management is the connection that OpenVPN made to us.
type management struct {
	net.Conn
}

// listen opens the socket that OpenVPN is to connect to.
func (s *Supervisor) listen() (*net.UnixListener, error) {
	path := filepath.Join(s.Dir, socketFile)
	_ = os.Remove(path)
	short, done, err := socket.Short(path)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // its name is a shortened one
	return l, os.Chmod(path, 0o600)
}

// accept waits for the process to connect. A connection of anybody else is closed.
func accept(ctx context.Context, l *net.UnixListener, pid int) (*management, error) {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return nil, err
		}
		if isPeer(conn, pid) {
			return &management{conn}, nil
		}
		conn.Close()
	}
}

// say sends commands. One that is not taken in time means that nobody reads.
func (m *management) say(commands ...string) error {
	if err := m.SetWriteDeadline(time.Now().Add(silence)); err != nil {
		return err
	}
	_, err := m.Write([]byte(strings.Join(commands, "\n") + "\n"))
	return err
}

// read hands on messages until the connection ends. nil is a line that says
// nothing to us, but proves that somebody is there.
func (m *management) read(ctx context.Context, to chan<- Message) error {
	lines := bufio.NewScanner(m)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	for lines.Scan() {
		select {
		case to <- ParseMessage(strings.TrimSuffix(lines.Text(), "\r")):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return errHungUp
}
