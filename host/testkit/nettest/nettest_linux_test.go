package nettest_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/conductorquantum/coda/host/testkit/nettest"
)

func TestNamespacesAreJoinedByTheirLinkOnly(t *testing.T) {
	t.Parallel()
	a, b, alone := nettest.New(t), nettest.New(t), nettest.New(t)
	nettest.Link(t, a, b, "192.0.2.1/24", "192.0.2.2/24")

	listener, err := b.Listen("tcp", "192.0.2.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = fmt.Fprint(conn, conn.RemoteAddr().(*net.TCPAddr).IP)
			conn.Close()
		}
	}()

	conn, err := a.Dial(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if said, err := io.ReadAll(conn); err != nil || string(said) != "192.0.2.1" {
		t.Errorf("the other side saw %q, %v", said, err)
	}
	if conn, err := alone.Dial(t.Context(), "tcp", listener.Addr().String()); err == nil {
		conn.Close()
		t.Error("a namespace without a link got through")
	}
	if _, err := a.Dial(t.Context(), "tcp", "localhost:1"); err == nil {
		t.Error("a name was looked up")
	}
}

func TestLinksCarryPacketsOfBothFamilies(t *testing.T) {
	t.Parallel()
	a, b := nettest.New(t), nettest.New(t)
	nameA, nameB := nettest.Link(t, a, b, "192.0.2.1/24", "192.0.2.2/24")
	a.Address(nameA, "2001:db8::1/64")
	b.Address(nameB, "2001:db8::2/64")
	for _, host := range []string{"192.0.2.2", "2001:db8::2"} {
		packets, err := b.ListenPacket("udp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer packets.Close()
		conn, err := a.Dial(t.Context(), "udp", packets.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		packet := make([]byte, 16)
		size, _, err := packets.ReadFrom(packet)
		if err != nil || string(packet[:size]) != "hello" {
			t.Errorf("%s: got %q, %v", host, packet[:size], err)
		}
	}
}

func TestProgramsRunInTheNamespace(t *testing.T) {
	t.Parallel()
	n := nettest.New(t)
	want := strconv.FormatUint(inode(t, n), 10)
	for name, cmd := range map[string]*exec.Cmd{
		"Command": n.Command("sh", "-c", "echo $$; readlink /proc/self/ns/net"),
		"Program": exec.Command(n.Program("sh"), "-c", "echo $$; readlink /proc/self/ns/net"),
	} {
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Fields(string(out)); len(got) != 2 || got[0] != strconv.Itoa(cmd.Process.Pid) || got[1] != "net:["+want+"]" {
			t.Errorf("%s is process %d in %s: %q", name, cmd.Process.Pid, want, got)
		}
	}
}

func TestATunLivesAsLongAsItsFile(t *testing.T) {
	t.Parallel()
	n := nettest.New(t)
	file := n.Tun("tun3", "198.51.100.5/24")
	var addresses []net.Addr
	var err error
	n.Do(func() {
		var link *net.Interface
		if link, err = net.InterfaceByName("tun3"); err == nil {
			addresses, err = link.Addrs()
		}
	})
	if err != nil || len(addresses) == 0 || addresses[0].String() != "198.51.100.5/24" {
		t.Errorf("addresses %v, %v", addresses, err)
	}
	file.Close()
	n.Do(func() { _, err = net.InterfaceByName("tun3") })
	if err == nil {
		t.Error("the device outlived its file")
	}
}

func TestThreadsComeBack(t *testing.T) {
	t.Parallel()
	home, n := threadInode(t), nettest.New(t)
	var done sync.WaitGroup
	for range 20 {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			func() {
				defer func() { _ = recover() }()
				n.Do(func() { panic("within") })
			}()
			if got := threadInode(t); got != home {
				t.Errorf("the thread is in %s, not in %s", got, home)
			}
		})
	}
	done.Wait()
}

// inode is the number of the namespace, as seen from within.
func inode(t *testing.T, n *nettest.Namespace) (number uint64) {
	n.Do(func() {
		if _, err := fmt.Sscanf(threadInode(t), "net:[%d]", &number); err != nil {
			t.Error(err)
		}
	})
	return number
}

func threadInode(t *testing.T) string {
	text, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Error(err)
	}
	return text
}
