// Package nettest makes network namespaces for tests: each a network of its own
// with its loopback up, joined to others by Link. They have no names, so that
// even a killed test leaves nothing behind. Where a test may not make them it is
// skipped, or fails if CODA_REQUIRE names netns.
package nettest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/conductorquantum/coda/host/testkit/require"
)

const part = "netns"

// Namespace is a network of its own. It ends with the test, or with the last
// process in it.
type Namespace struct {
	// Netlink changes the links, addresses and routes of the namespace, from any
	// goroutine.
	Netlink *netlink.Handle

	tb   testing.TB
	file *os.File
}

// New makes a namespace that has nothing but a loopback interface.
func New(tb testing.TB) *Namespace {
	tb.Helper()
	n := &Namespace{tb: tb}
	err := apart(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		file, err := current()
		n.file = file
		return err
	})
	if err != nil {
		require.Missing(tb, part, fmt.Sprintf("network namespaces cannot be made (%v): run the test as root", err))
	}
	tb.Cleanup(func() { n.file.Close() })
	n.Netlink, err = netlink.NewHandleAt(netns.NsHandle(n.file.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(n.Netlink.Close)
	n.Up("lo")
	return n
}

// Do runs f in the namespace, on the caller's goroutine. What f opens stays in the
// namespace, and so does a process that it starts. A goroutine that f starts is
// outside, and so is a look-up of a name, which takes goroutines of its own.
func (n *Namespace) Do(f func()) {
	n.tb.Helper()
	err := apart(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		f()
		return nil
	})
	if err != nil {
		n.tb.Fatalf("network namespace: %v", err)
	}
}

// Command is exec.Command for a program that is to run in the namespace. The
// process is the program's own, for signals and by its id, and ends if the test
// is killed.
func (n *Namespace) Command(program string, args ...string) *exec.Cmd {
	n.tb.Helper()
	cmd := exec.Command(n.nsenter(), append([]string{n.flag(), "--", program}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// Program returns the path of a script that becomes program in the namespace, for
// code under test that takes a path and starts it itself. The environment it is
// started with does not matter.
func (n *Namespace) Program(program string) string {
	n.tb.Helper()
	program, err := exec.LookPath(program)
	if err != nil {
		n.tb.Fatal(err)
	}
	path := filepath.Join(n.tb.TempDir(), filepath.Base(program))
	script := fmt.Sprintf("#!/bin/sh\nexec %s %s -- %s \"$@\"\n", n.nsenter(), n.flag(), quote(program))
	// No process is forked meanwhile, which would hold the file open for writing and
	// so keep it from being run.
	syscall.ForkLock.RLock()
	err = os.WriteFile(path, []byte(script), 0o700)
	syscall.ForkLock.RUnlock()
	if err != nil {
		n.tb.Fatal(err)
	}
	return path
}

// Listen is net.Listen in the namespace. The address is numeric.
func (n *Namespace) Listen(network, address string) (listener net.Listener, err error) {
	if err := numeric(address); err != nil {
		return nil, err
	}
	n.Do(func() { listener, err = net.Listen(network, address) })
	return listener, err
}

// ListenPacket is net.ListenPacket in the namespace. The address is numeric.
func (n *Namespace) ListenPacket(network, address string) (conn net.PacketConn, err error) {
	if err := numeric(address); err != nil {
		return nil, err
	}
	n.Do(func() { conn, err = net.ListenPacket(network, address) })
	return conn, err
}

// Dial connects from within the namespace, and can be the DialContext of an
// http.Transport. The address is numeric.
func (n *Namespace) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := numeric(address); err != nil {
		return nil, err
	}
	var conn net.Conn
	// Not Do: a transport dials on goroutines of its own, which may not end the test.
	err := apart(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		var err error
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// enter moves the calling thread.
func (n *Namespace) enter() error {
	return os.NewSyscallError("setns", unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET))
}

func (n *Namespace) nsenter() string {
	n.tb.Helper()
	return require.Program(n.tb, part, "nsenter", "util-linux")
}

// flag names the namespace to nsenter, by the file that this process holds open.
func (n *Namespace) flag() string {
	return fmt.Sprintf("--net=/proc/%d/fd/%d", os.Getpid(), n.file.Fd())
}

// apart runs f on a thread that comes back to its namespace afterwards, also if f
// panics or ends the goroutine. A thread that cannot come back serves nobody else:
// it ends with the goroutine.
func apart(f func() error) (err error) {
	runtime.LockOSThread()
	home, err := current()
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() {
		defer home.Close()
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
			panic(fmt.Sprintf("the thread cannot leave its network namespace: %v", back))
		}
		runtime.UnlockOSThread()
	}()
	return f()
}

// current is the namespace of the calling thread.
func current() (*os.File, error) { return os.Open("/proc/thread-self/ns/net") }

// numeric refuses names, which would be looked up outside the namespace.
func numeric(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err == nil && host != "" {
		_, err = netip.ParseAddr(host)
	}
	return err
}

// quote writes a word for the shell.
func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
