package tape_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/instrument/tape"
)

// world answers every call with something.
type world struct{}

var answers = map[effect.Func]effect.Answer{
	effect.Cancelled: {Number: 1}, effect.ConfigGet: {Number: 1, Data: []byte("9095")},
	effect.ConfigKeys: {Pairs: [][2]string{{"a.b", ""}, {"\xff", ""}}}, effect.WallClock: {Number: 1<<64 - 1}, effect.Clock: {Number: 5},
	effect.Random: {Data: []byte{0, 1, 2, 255}}, effect.StreamOpen: {Number: 1}, effect.StreamRead: {Data: []byte("a\"<&>\\\r\n\tü")},
	effect.StreamReadExact: effect.Fail(effect.TimedOut, "too \x01 late"), effect.StreamReadUntil: {Data: []byte{}},
	effect.HTTPSend:   {Number: 200, Pairs: [][2]string{{"a", "b"}}, Data: []byte("{}")},
	effect.WindowOpen: {Number: 2}, effect.WindowRead32: {Number: 7}, effect.WindowReadBlock: {Data: make([]byte, 8)}, effect.WindowPoll32: {Number: 3},
}

func (w *world) Do(_ context.Context, call *effect.Call) (effect.Answer, error) {
	if call.Handle == 99 {
		return effect.Answer{}, errors.New("no such handle")
	}
	return answers[call.Func], nil
}
func (*world) Close() error { return nil }

// everything is a call of each function, with all that it has.
func everything() []effect.Call {
	var calls []effect.Call
	for f := effect.Log; f.Valid(); f++ {
		c := effect.Call{Func: f}
		switch f {
		case effect.Log, effect.ConfigGet, effect.StreamOpen, effect.WindowOpen:
			c.Text = "awg\n\u2028"
		case effect.HTTPSend:
			c.Text, c.Method, c.Path, c.Pairs, c.Data, c.Number = "api", "POST", "/x?y", [][2]string{{"k", "v"}}, []byte{0, 1}, 5
		case effect.Sleep, effect.Progress, effect.Random:
			c.Number = 1 << 63
		case effect.StreamWrite, effect.WindowWriteBlock:
			c.Handle, c.Data = 1, []byte("*RST\n")
		case effect.WindowPoll32:
			c.Handle, c.Number, c.Second, c.Third, c.Fourth = 2, 4, 1, 1, 100
		case effect.WindowWrite32, effect.WindowReadBlock, effect.StreamReadUntil:
			c.Handle, c.Number, c.Second = 2, 8, 10
		case effect.Cancelled, effect.ConfigKeys, effect.WallClock, effect.Clock:
		default:
			c.Handle = 1
		}
		calls = append(calls, c)
	}
	return append(calls, effect.Call{Func: effect.StreamRead, Handle: 99})
}

var (
	header = tape.Header{Coda: "1.0", Module: "abc", Grants: "def"}
	job    = tape.Job{ID: "j1", Shots: 100, Circuit: "c0ffee"}
	start  = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	files  = map[string][]byte{"cal.json": []byte("{}"), "raw": {0, 255}}
)

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// record makes a tape of calls in one job.
func record(tb testing.TB, calls []effect.Call) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "tape")
	r, err := tape.Create(path, header, 0)
	check(tb, err)
	check(tb, r.Files(files))
	door, err := r.Door(&world{})
	check(tb, err)
	if _, err := r.Door(&world{}); err == nil {
		tb.Error("two guests are on one tape")
	}
	check(tb, r.JobBegin(job, start))
	for _, c := range calls {
		_, _ = door.Do(tb.Context(), &c)
	}
	check(tb, r.JobEnd(tape.End{Result: "result", At: start.Add(time.Second)}))
	check(tb, door.Close())
	check(tb, r.Close())
	return path
}

func TestReplayIsExact(t *testing.T) {
	t.Parallel()
	calls := everything()
	path := record(t, calls)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	p, err := tape.Open(path)
	check(t, err)
	if p.Header() != header || !reflect.DeepEqual(p.Files(), files) {
		t.Errorf("header %+v, files %q", p.Header(), p.Files())
	}
	var echoed []effect.Func
	door, err := p.Door(func(c *effect.Call) { echoed = append(echoed, c.Func) })
	check(t, err)
	at, err := p.JobBegin(job)
	check(t, err)
	if !at.Equal(start) {
		t.Errorf("the job began at %v", at)
	}
	for _, c := range calls {
		got, err := door.Do(t.Context(), &c)
		want, broke := (&world{}).Do(t.Context(), &c)
		if fmt.Sprint(err) != fmt.Sprint(broke) || fmt.Sprintf("%q", fmt.Sprint(got)) != fmt.Sprintf("%q", fmt.Sprint(want)) {
			t.Errorf("%s: %+v, %v; want %+v, %v", c.Func, got, err, want, broke)
		}
	}
	at, err = p.JobEnd("result")
	check(t, err)
	if !at.Equal(start.Add(time.Second)) {
		t.Errorf("the job ended at %v", at)
	}
	check(t, door.Close())
	check(t, p.Close())
	if !reflect.DeepEqual(echoed, []effect.Func{effect.Log, effect.Progress}) {
		t.Errorf("echoed %v", echoed)
	}
}

func TestReplayThatDiffers(t *testing.T) {
	t.Parallel()
	write := func(text string) effect.Call {
		return effect.Call{Func: effect.StreamWrite, Handle: 1, Data: []byte(text)}
	}
	long := strings.Repeat("x", 1000)
	path := record(t, []effect.Call{write("*RST\n"), write(long + "a")})
	for _, tt := range []struct {
		calls []effect.Call
		want  []string
	}{
		{[]effect.Call{write("*IDN?\n")}, []string{"line 6", `byte-stream.write connection 1 data "*RST\n"`, `instead the guest called byte-stream.write connection 1 data "*IDN?\n"`}},
		{[]effect.Call{{Func: effect.StreamWrite, Handle: 2, Data: []byte("*RST\n")}}, []string{"connection differs: 1 on the tape, 2 now"}},
		{[]effect.Call{{Func: effect.Clock}}, []string{`the guest called clock.monotonic`}},
		{[]effect.Call{write("*RST\n"), write(long + "b")}, []string{"line 7", "data differs: …", `xa" on the tape`, `xb" now`}},
		{[]effect.Call{write("*RST\n"), write(long + "a"), write("more")}, []string{"line 8", "the job's end", `"more"`}},
		{[]effect.Call{write("*RST\n")}, []string{"line 7", "xxx", "instead the job ends"}},
	} {
		p, err := tape.Open(path)
		check(t, err)
		door, err := p.Door(nil)
		check(t, err)
		_, err = p.JobBegin(job)
		check(t, err)
		var failed error
		for _, c := range tt.calls {
			if _, failed = door.Do(t.Context(), &c); failed != nil {
				if _, again := door.Do(t.Context(), &c); !errors.Is(again, failed) {
					t.Errorf("after a difference: %v", again)
				}
			}
		}
		if failed == nil {
			_, failed = p.JobEnd("result")
		}
		for _, want := range tt.want {
			if failed == nil || !strings.Contains(failed.Error(), want) {
				t.Errorf("says %v\nwithout %s", failed, want)
			}
		}
		p.Close()
	}
	p, err := tape.Open(path)
	check(t, err)
	_, err = p.Door(nil)
	check(t, err)
	if _, err := p.JobBegin(tape.Job{ID: "other"}); err == nil || !strings.Contains(err.Error(), `job "j1"`) {
		t.Errorf("another job: %v", err)
	}
	p, err = tape.Open(path)
	check(t, err)
	if err := p.Close(); err == nil || !strings.Contains(err.Error(), "a new guest") {
		t.Errorf("a tape that was not played: %v", err)
	}
}

// A guest that the node ended is ended at the same call, whether it waited for the
// answer or not, and what follows is played as it was.
func TestReplayOfAGuestThatWasEnded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tape")
	r, err := tape.Create(path, header, 0)
	check(t, err)
	clock := effect.Call{Func: effect.Clock}
	for i, ended := range []string{"it ran too long", ""} {
		door, err := r.Door(&world{})
		check(t, err)
		check(t, r.JobBegin(job, start))
		_, err = door.Do(t.Context(), &clock)
		check(t, err)
		check(t, door.Close())
		if i == 0 {
			rest, err := r.Door(&world{}) // make-safe's
			check(t, err)
			_, err = rest.Do(t.Context(), &clock)
			check(t, err)
			check(t, rest.Close())
		}
		check(t, r.JobEnd(tape.End{Result: "r", Ended: ended, At: start}))
	}
	check(t, r.Close())

	p, err := tape.Open(path)
	check(t, err)
	for i, ended := range []string{"it ran too long", ""} {
		door, err := p.Door(nil)
		check(t, err)
		_, err = p.JobBegin(job)
		check(t, err)
		if _, err := door.Do(t.Context(), &clock); errors.Is(err, tape.ErrEnded) != (ended != "") || p.Ended() != ended {
			t.Errorf("job %d: %v, ended %q", i, err, p.Ended())
		}
		check(t, door.Close())
		if i == 0 {
			rest, err := p.Door(nil)
			check(t, err)
			_, err = rest.Do(t.Context(), &clock)
			check(t, err)
			check(t, rest.Close())
		}
		_, err = p.JobEnd("r")
		check(t, err)
	}
	check(t, p.Close())
}

// A guest that was killed before its first call may come to that call on a machine that
// is faster; one that ended by itself may not.
func TestReplayOfAGuestThatWasEndedAtOnce(t *testing.T) {
	t.Parallel()
	for _, ended := range []string{"it ran too long", ""} {
		path := filepath.Join(t.TempDir(), "tape")
		r, err := tape.Create(path, header, 0)
		check(t, err)
		door, err := r.Door(&world{})
		check(t, err)
		check(t, r.JobBegin(job, start))
		check(t, door.Close())
		check(t, r.JobEnd(tape.End{Result: "r", Ended: ended, At: start}))
		check(t, r.Close())

		p, err := tape.Open(path)
		check(t, err)
		door, err = p.Door(nil)
		check(t, err)
		_, err = p.JobBegin(job)
		check(t, err)
		if _, err := door.Do(t.Context(), &effect.Call{Func: effect.Clock}); err == nil || errors.Is(err, tape.ErrEnded) != (ended != "") || p.Ended() != ended {
			t.Errorf("ended %q: %v, %q", ended, err, p.Ended())
		}
		if ended != "" {
			check(t, door.Close())
			_, err = p.JobEnd("r")
			check(t, err)
			check(t, p.Close())
		}
	}
}

// One byte that is changed anywhere, left out, or added, is found; so is every cut.
func TestDamage(t *testing.T) {
	t.Parallel()
	path := record(t, []effect.Call{{Func: effect.Clock}, {Func: effect.Random, Number: 4}})
	good, err := os.ReadFile(path)
	check(t, err)
	if calls, err := tape.Verify(bytes.NewReader(good)); calls != 2 || err != nil {
		t.Fatalf("%d calls, %v", calls, err)
	}
	for i := range good {
		for _, bad := range [][]byte{
			bytes.Join([][]byte{good[:i], {good[i] ^ 1}, good[i+1:]}, nil),
			bytes.Join([][]byte{good[:i], {good[i] ^ 0x20}, good[i+1:]}, nil),
			bytes.Join([][]byte{good[:i], good[i+1:]}, nil),
			bytes.Join([][]byte{good[:i], {' '}, good[i:]}, nil),
			good[:i],
		} {
			if _, err := tape.Verify(bytes.NewReader(bad)); err == nil || !strings.Contains(err.Error(), "line ") {
				t.Fatalf("at byte %d: %v", i, err)
			}
		}
	}
	if _, err := tape.Verify(bytes.NewReader(append(bytes.Clone(good), good...))); err == nil {
		t.Error("a tape behind a tape is read")
	}
	lines := bytes.SplitAfter(good, []byte("\n"))
	lines[4], lines[5] = lines[5], lines[4]
	if _, err := tape.Verify(bytes.NewReader(bytes.Join(lines, nil))); err == nil {
		t.Error("lines in another order are read")
	}
}

func TestFullTape(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tape")
	r, err := tape.Create(path, header, 500)
	check(t, err)
	door, err := r.Door(&world{})
	check(t, err)
	var failed error
	for range 10 {
		if _, failed = door.Do(t.Context(), &effect.Call{Func: effect.Clock}); failed != nil {
			break
		}
	}
	if failed == nil || !strings.Contains(failed.Error(), "the tape is full: it may have 500 bytes") {
		t.Errorf("says %v", failed)
	}
	if err := r.JobEnd(tape.End{Result: "x"}); err == nil {
		t.Error("a full tape goes on")
	}
	if err := r.Close(); err == nil {
		t.Error("a full tape ends well")
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 500 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	if _, err := tape.Open(path); err == nil || !strings.Contains(err.Error(), "without its end") {
		t.Errorf("it is read: %v", err)
	}
	if _, err := tape.Create(path, header, 0); err == nil {
		t.Error("a tape is written over")
	}
}

func FuzzTape(f *testing.F) {
	good, err := os.ReadFile(record(f, everything()))
	check(f, err)
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, text := range [][]byte{text, tape.Reseal(text)} {
			calls, err := tape.Verify(bytes.NewReader(text))
			if err == nil && calls > uint64(len(text)) {
				t.Errorf("%d calls in %d bytes", calls, len(text))
			}
		}
	})
}

func TestResealedTapeIsRead(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile(record(t, everything()))
	check(t, err)
	if again := tape.Reseal(good); !bytes.Equal(again, good) {
		t.Error("the fuzzer never gets behind the checksums")
	}
}
