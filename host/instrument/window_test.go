//go:build unix

package instrument_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi/effect"
)

// device is a file of 8 KiB that stands for the memory of one.
func device(tb testing.TB) (path string, word func(offset int64) uint32, set func(offset int64, word uint32)) {
	tb.Helper()
	path = filepath.Join(tb.TempDir(), "registers")
	if err := os.WriteFile(path, make([]byte, 8192), 0o600); err != nil {
		tb.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.Close() })
	var bytes [4]byte
	return path, func(offset int64) uint32 {
			if _, err := f.ReadAt(bytes[:], offset); err != nil {
				tb.Fatal(err)
			}
			return binary.LittleEndian.Uint32(bytes[:])
		}, func(offset int64, word uint32) {
			var bytes [4]byte
			binary.LittleEndian.PutUint32(bytes[:], word)
			if _, err := f.WriteAt(bytes[:], offset); err != nil {
				tb.Error(err)
			}
		}
}

const fpga = `
[endpoints.fpga]
url = "mmio://%s?size=4096&offset=4096"
timeout = "60s"
ranges = [
	"0x000-0x0ff rw",
	"0x100-0x1ff r",
	"0x204 w",
	{ range = "0x300-0x303", access = "rw", values = [0, 1] },
	{ range = "0x304-0x307", access = "rw", mask = 0xf0 },
]
`

func (u *user) window(endpoint string) uint32 {
	u.Helper()
	return uint32(u.must(effect.Call{Func: effect.WindowOpen, Text: endpoint}).Number)
}

func TestRegisters(t *testing.T) {
	t.Parallel()
	path, word, set := device(t)
	b, _ := bench(t, fmt.Sprintf(fpga, path))
	u := guest(t, b)
	h := u.window("fpga")
	set(4096+0x104, 0xdeadbeef)
	if got := u.must(effect.Call{Func: effect.WindowRead32, Handle: h, Number: 0x104}).Number; got != 0xdeadbeef {
		t.Errorf("read 0x%x", got)
	}
	u.must(effect.Call{Func: effect.WindowWrite32, Handle: h, Number: 0x10, Second: 0x01020304})
	if got := word(4096 + 0x10); got != 0x01020304 {
		t.Errorf("wrote 0x%x", got)
	}
	u.must(effect.Call{Func: effect.WindowWriteBlock, Handle: h, Number: 0x20, Data: []byte{1, 0, 0, 0, 2, 0, 0, 0}})
	u.must(effect.Call{Func: effect.WindowWrite32, Handle: h, Number: 0x204, Second: 7})
	u.must(effect.Call{Func: effect.WindowWrite32, Handle: h, Number: 0x300, Second: 1})
	u.must(effect.Call{Func: effect.WindowWrite32, Handle: h, Number: 0x304, Second: 0x30})
	// A block may span ranges.
	set(4096+0x100, 9)
	got := u.must(effect.Call{Func: effect.WindowReadBlock, Handle: h, Number: 0xfc, Second: 2}).Data
	if want := string([]byte{0, 0, 0, 0, 9, 0, 0, 0}); string(got) != want || word(4096+0x24) != 2 || word(4096+0x204) != 7 {
		t.Errorf("read %x", got)
	}
	u.must(effect.Call{Func: effect.WindowReadBlock, Handle: h, Number: 0})
	u.must(effect.Call{Func: effect.WindowDrop, Handle: h})
	if _, err := u.door.Do(t.Context(), &effect.Call{Func: effect.WindowRead32, Handle: h}); err == nil {
		t.Error("a dropped window is read")
	}
}

// What the ranges do not allow never reaches the device, nor does a block of which
// one word is not allowed.
func TestRegistersOutOfRange(t *testing.T) {
	t.Parallel()
	path, _, _ := device(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := bench(t, fmt.Sprintf(fpga, path))
	u := guest(t, b)
	h := u.window("fpga")
	for _, call := range []effect.Call{
		{Func: effect.WindowWrite32, Number: 0x100, Second: 1},
		{Func: effect.WindowWrite32, Number: 0x200, Second: 1},
		{Func: effect.WindowWrite32, Number: 0x208, Second: 1},
		{Func: effect.WindowWrite32, Number: 0x01, Second: 1},
		{Func: effect.WindowWrite32, Number: 0x02, Second: 1},
		{Func: effect.WindowWrite32, Number: 0x1000, Second: 1},
		{Func: effect.WindowWrite32, Number: 0xffc, Second: 1},
		{Func: effect.WindowWrite32, Number: 0xfffffffc, Second: 1},
		{Func: effect.WindowWrite32, Number: 1<<64 - 4, Second: 1},
		{Func: effect.WindowWrite32, Number: 0x300, Second: 2},
		{Func: effect.WindowWrite32, Number: 0x304, Second: 0x31},
		{Func: effect.WindowRead32, Number: 0x204},
		{Func: effect.WindowRead32, Number: 0x1000},
		{Func: effect.WindowRead32, Number: 0x103},
		{Func: effect.WindowPoll32, Number: 0x204},
		{Func: effect.WindowPoll32, Number: 0x100, Second: 1, Third: 2},
		{Func: effect.WindowReadBlock, Number: 0x1fc, Second: 2},
		{Func: effect.WindowReadBlock, Number: 0xfc, Second: 1 << 30},
		{Func: effect.WindowReadBlock, Number: 4, Second: 1<<64 - 1},
		{Func: effect.WindowWriteBlock, Number: 0xfc, Data: []byte{1, 1, 1, 1, 1, 1, 1, 1}},
		{Func: effect.WindowWriteBlock, Number: 0x300, Data: []byte{1, 0, 0, 0, 1, 0, 0, 0}},
		{Func: effect.WindowWriteBlock, Number: 0, Data: []byte{1, 1, 1}},
	} {
		call.Handle = h
		silent(t, u.fails(effect.OutOfRange, call), path)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("something was written (%v)", err)
	}
}

// The Show: one call of the host sees a bit that comes after 5 ms.
func TestPoll(t *testing.T) {
	t.Parallel()
	path, _, set := device(t)
	b, _ := bench(t, fmt.Sprintf(fpga, path))
	u := guest(t, b)
	h := u.window("fpga")
	before := b.Status()[0].Calls
	began := time.Now()
	time.AfterFunc(5*time.Millisecond, func() { set(4096+0x100, 0x8001) })
	answer := u.must(effect.Call{Func: effect.WindowPoll32, Handle: h, Number: 0x100, Second: 1, Third: 1, Fourth: 50000})
	if took := time.Since(began); answer.Number != 0x8001 || took < 5*time.Millisecond {
		t.Errorf("0x%x after %s", answer.Number, took)
	}
	if calls := b.Status()[0].Calls - before; calls != 1 {
		t.Errorf("%d calls", calls)
	}
	call := effect.Call{Func: effect.WindowPoll32, Handle: h, Number: 0x100, Second: 2, Third: 2, Fourth: 20}
	if message := u.fails(effect.TimedOut, call); !strings.Contains(message, "0x00008001") {
		t.Errorf("it says %q", message)
	}
	call.Fourth = 0 // the grant's own limit, which a cancellation does not wait for
	cancelled(t, u, call)
}

func TestRegistersThatAreCutShort(t *testing.T) {
	t.Parallel()
	path, _, _ := device(t)
	b, log := bench(t, fmt.Sprintf(fpga, path))
	u := guest(t, b)
	h := u.window("fpga")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	silent(t, u.fails(effect.Other, effect.Call{Func: effect.WindowRead32, Handle: h}), path)
	u.fails(effect.Closed, effect.Call{Func: effect.WindowRead32, Handle: h})
	u.fails(effect.Closed, effect.Call{Func: effect.WindowWrite32, Handle: h})
	if !strings.Contains(log.String(), "did not answer an access to its memory") {
		t.Errorf("the log:\n%s", log)
	}
	u.fails(effect.Other, effect.Call{Func: effect.WindowOpen, Text: "fpga"}) // too short
	u.must(effect.Call{Func: effect.WindowDrop, Handle: h})
}

func TestRegistersExclusiveAndReadOnly(t *testing.T) {
	t.Parallel()
	path, _, _ := device(t)
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	b, _ := bench(t, fmt.Sprintf(`
[endpoints.x]
url = "mmio://%s?size=4096"
ranges = ["0-0xfff r"]
[endpoints.folder]
url = "mmio:///tmp?size=4096"
ranges = ["0-0xfff r"]
[endpoints.null]
url = "mmio:///dev/null?size=4096"
ranges = ["0-0xfff rw"]
[endpoints.none]
url = "mmio:///dev/coda-none?size=4096"
ranges = ["0-0xfff rw"]
`, path))
	one, two := guest(t, b), guest(t, b)
	h := one.window("x")
	two.fails(effect.Busy, effect.Call{Func: effect.WindowOpen, Text: "x"})
	one.fails(effect.OutOfRange, effect.Call{Func: effect.WindowWrite32, Handle: h})
	one.door.Close()
	two.window("x")
	two.fails(effect.Other, effect.Call{Func: effect.WindowOpen, Text: "folder"})
	two.fails(effect.Other, effect.Call{Func: effect.WindowOpen, Text: "null"})
	two.fails(effect.Closed, effect.Call{Func: effect.WindowOpen, Text: "none"}) // not there yet
	two.fails(effect.NotGranted, effect.Call{Func: effect.StreamOpen, Text: "x"})
}
