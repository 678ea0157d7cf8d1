package outbox_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/outbox"
)

// sound is a store with jobs in every state, and its content.
func sound(tb testing.TB) (file []byte, records map[string]outbox.Record, bodies map[string][]byte) {
	tb.Helper()
	path := storePath(tb)
	s, err := outbox.Open(path, outbox.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	records, bodies = map[string]outbox.Record{}, map[string][]byte{}
	for i := range 60 {
		id := fmt.Sprintf("job-%d", i)
		for n := 1; n <= min(1+i%8, steps(id)); n++ {
			if err := take(s, id, n); err != nil {
				tb.Fatal(err)
			}
		}
		if records[id], err = s.Get(id); err != nil {
			tb.Fatal(err)
		}
		if body, err := s.Body(id); err == nil {
			bodies[id] = body
		}
	}
	// The last commit changes nothing, so that a damaged meta page, after which
	// the one before counts, does no harm.
	if err := errors.Join(s.Probe(tb.Context()), s.Close()); err != nil {
		tb.Fatal(err)
	}
	if file, err = os.ReadFile(path); err != nil {
		tb.Fatal(err)
	}
	return file, records, bodies
}

// examine opens a damaged file and uses all of it. What can be read must be what
// was written; the rest is an error of the family, never a panic.
func examine(t *testing.T, dir string, file []byte, records map[string]outbox.Record, bodies map[string][]byte) (opened bool) {
	t.Helper()
	path := filepath.Join(dir, "outbox.db")
	defer os.RemoveAll(dir)
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(path, file, 0o600)); err != nil {
		t.Fatal(err)
	}
	known := func(err error) {
		t.Helper()
		if _, ok := errors.AsType[fault.Error](err); err != nil && !ok {
			t.Errorf("%v is not of the family", err)
		}
	}
	s, err := outbox.Open(path, outbox.Config{})
	if err != nil {
		known(err)
		if !errors.Is(err, outbox.ErrDamaged) && !errors.Is(err, outbox.ErrNewer) {
			t.Errorf("%v is not ErrDamaged", err)
		}
		return false
	}
	for id, want := range records {
		got, err := s.Get(id)
		known(err)
		if ended := want.State > outbox.Parked; err == nil && !same(got, want) || err != nil && !ended {
			t.Errorf("%s is %+v (%v), want %+v", id, got, err, want)
		}
		body, err := s.Body(id)
		known(err)
		if err == nil && !bytes.Equal(body, bodies[id]) {
			t.Errorf("%s: a body that was not decided", id)
		}
	}
	for i := range 8 {
		id := fmt.Sprintf("job-%d", 7*i)
		_, err := s.Begin(t.Context(), outbox.Attempt{JobID: id})
		known(err)
		known(s.Delivered(t.Context(), id))
	}
	_, err = s.Decide(t.Context(), completed("new", make([]byte, 10_000)))
	known(err)
	known(s.Close())
	return true
}

// damage changes a file as instructions say, four bytes each: where, three bytes,
// and which bits, one. What is left over cuts the file.
func damage(file, instructions []byte) []byte {
	file = bytes.Clone(file)
	for len(instructions) >= 4 {
		at := binary.BigEndian.Uint32(instructions) >> 8
		file[int(at)%len(file)] ^= instructions[3]
		instructions = instructions[4:]
	}
	if len(instructions) == 3 {
		at := binary.BigEndian.Uint32(append([]byte{0}, instructions...))
		file = file[:int(at)%len(file)]
	}
	return file
}

func TestDamage(t *testing.T) {
	t.Parallel()
	file, records, bodies := sound(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir := filepath.Join(t.TempDir(), "damaged")
	opened, refused := 0, 0
	for range 250 {
		instructions := make([]byte, [...]int{4, 4, 4, 8, 40, 3}[r.IntN(6)])
		for i := range instructions {
			instructions[i] = byte(r.Uint32())
		}
		if r.IntN(2) == 0 && len(instructions) == 4 { // one bit, rather where pages begin
			page := r.IntN(len(file) / os.Getpagesize())
			binary.BigEndian.PutUint32(instructions, uint32(page*os.Getpagesize()+r.IntN(128))<<8|1<<r.IntN(8))
		}
		if examine(t, dir, damage(file, instructions), records, bodies) {
			opened++
		} else {
			refused++
		}
		if t.Failed() {
			t.Fatalf("with %x", instructions)
		}
	}
	t.Logf("%d opened, %d refused", opened, refused)
	if opened < 25 || refused < 25 {
		t.Error("the damage is all of one kind")
	}
}

func FuzzDamage(f *testing.F) {
	file, records, bodies := sound(f)
	f.Add([]byte{})
	f.Add([]byte{0, 0, 16, 1})
	f.Add([]byte{0, 32, 10, 0xff, 0, 48, 12, 1})
	f.Add([]byte{0, 64, 0})
	f.Fuzz(func(t *testing.T, instructions []byte) {
		if examine(t, filepath.Join(t.TempDir(), "damaged"), damage(file, instructions), records, bodies); t.Failed() {
			t.Logf("with %x", instructions)
		}
	})
}
