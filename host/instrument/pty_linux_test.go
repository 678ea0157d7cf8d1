package instrument_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi/effect"
	"golang.org/x/sys/unix"
)

// pty is a pair of lines: what is written to one can be read from the other.
func pty(tb testing.TB) (master *os.File, slave string) {
	tb.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { master.Close() })
	raw, err := master.SyscallConn()
	if err != nil {
		tb.Fatal(err)
	}
	var number int
	if err := raw.Control(func(fd uintptr) {
		err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		if err != nil {
			return
		}
		if number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN); err != nil {
			return
		}
		var t *unix.Termios
		if t, err = unix.IoctlGetTermios(int(fd), unix.TCGETS); err != nil {
			return
		}
		t.Iflag, t.Oflag, t.Lflag = 0, 0, 0 // raw
		err = unix.IoctlSetTermios(int(fd), unix.TCSETS, t)
	}); err != nil {
		tb.Fatal(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return master, fmt.Sprintf("/dev/pts/%d", number)
}

// lines are endpoints over a pty: as a serial line, and as a character device.
func lines(path string) map[string]string {
	return map[string]string{
		"serial": fmt.Sprintf("[endpoints.a]\nurl = \"serial://%s?baud=115200&parity=even&data=7&stop=2\"\n", path),
		"file":   fmt.Sprintf("[endpoints.a]\nurl = \"file://%s\"\n", path),
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"serial", "file"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			master, path := pty(t)
			b, _ := bench(t, lines(path)[kind])
			u := guest(t, b)
			h := u.open("a")
			peer := bufio.NewReader(master)
			for range 3 {
				u.write(h, "*IDN?\n")
				if line, err := peer.ReadString('\n'); line != "*IDN?\n" {
					t.Fatalf("the line has %q, %v", line, err)
				}
				if _, err := master.WriteString("a,b,c\n"); err != nil {
					t.Fatal(err)
				}
				u.line(h, "a,b,c\n")
			}
			u.must(effect.Call{Func: effect.StreamSetTimeout, Handle: h, Number: 30})
			u.fails(effect.TimedOut, effect.Call{Func: effect.StreamRead, Handle: h, Number: 1})
			u.must(effect.Call{Func: effect.StreamSetTimeout, Handle: h})
			cancelled(t, u, effect.Call{Func: effect.StreamRead, Handle: h, Number: 1})
			cancelled(t, u, effect.Call{Func: effect.StreamReadUntil, Handle: h, Number: 5, Second: '\n'})
			// Nothing was lost by that.
			if _, err := master.WriteString("still\n"); err != nil {
				t.Fatal(err)
			}
			u.line(h, "still\n")
			// A line on which the other side does not listen: the write ends with the job,
			// and the handle with it.
			cancelled(t, u, effect.Call{Func: effect.StreamWrite, Handle: h, Data: make([]byte, 1<<20)})
			u.fails(effect.Closed, effect.Call{Func: effect.StreamWrite, Handle: h, Data: []byte("x")})
			u.fails(effect.Closed, effect.Call{Func: effect.StreamRead, Handle: h, Number: 1})
			u.must(effect.Call{Func: effect.StreamDrop, Handle: h})
		})
	}
}

func TestLineThatIsUnplugged(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"serial", "file"} {
		master, path := pty(t)
		b, _ := bench(t, lines(path)[kind])
		u := guest(t, b)
		h := u.open("a")
		master.Close()
		u.fails(effect.Closed, effect.Call{Func: effect.StreamReadExact, Handle: h, Number: 1})
		u.fails(effect.Closed, effect.Call{Func: effect.StreamReadExact, Handle: h, Number: 1})
	}
}

func TestDevicesThatNeverWait(t *testing.T) {
	t.Parallel()
	b, _ := bench(t, "[endpoints.null]\nurl = \"file:///dev/null\"\n[endpoints.zero]\nurl = \"file:///dev/zero\"\n[endpoints.full]\nurl = \"file:///dev/full\"\n")
	u := guest(t, b)
	null, zero, full := u.open("null"), u.open("zero"), u.open("full")
	u.write(null, "x")
	u.reads(null, 1, "")
	if got := u.must(effect.Call{Func: effect.StreamReadExact, Handle: zero, Number: 10000}).Data; len(got) != 10000 {
		t.Errorf("%d bytes", len(got))
	}
	u.fails(effect.Other, effect.Call{Func: effect.StreamWrite, Handle: full, Data: []byte("x")})
}

// Guests that come and go, also in the middle of a call, leave nothing behind.
func TestNothingIsLeftBehind(t *testing.T) { // not parallel: it counts
	path, _, _ := device(t)
	master, line := pty(t)
	go func() { // what was written is read, for a line does not close before
		buffer := make([]byte, 1<<10)
		for {
			if _, err := master.Read(buffer); err != nil {
				return
			}
		}
	}()
	b, _ := bench(t, fmt.Sprintf("[endpoints.a]\nurl = \"tcp://%s\"\n[endpoints.line]\nurl = \"serial://%s\"\n", listen(t, mute), line)+fmt.Sprintf(fpga, path))
	round := func() {
		u := guest(t, b)
		u.open("line")
		u.window("fpga")
		h := u.open("a")
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Millisecond, cancel)
		u.do(ctx, effect.Call{Func: effect.StreamRead, Handle: h, Number: 1})
		u.door.Close()
	}
	round()
	files, routines := left(t)
	for range 20 {
		round()
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		f, r := left(t)
		if f <= files && r <= routines+1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d files were open and %d goroutines ran; now there are %d and %d", files, routines, f, r)
		}
	}
	for _, s := range b.Status() {
		if s.Open != 0 {
			t.Errorf("status %+v", s)
		}
	}
}

func left(tb testing.TB) (files, routines int) {
	tb.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	return len(entries), goroutines()
}
