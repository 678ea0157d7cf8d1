package daemon

import (
	"io"
	"strings"
	"testing"
)

// counting counts the bytes that are read from it.
type counting struct {
	io.ReaderAt
	n int
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	c.n += len(p)
	return c.ReaderAt.ReadAt(p, off)
}

func TestTailReadsOnlyTheEnd(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("a line of twenty-one\n", 1_000_000)
	r := &counting{ReaderAt: strings.NewReader(text)}
	var b strings.Builder
	if err := writeTail(&b, io.NewSectionReader(r, 0, int64(len(text))), 50); err != nil || b.String() != text[:50*21] {
		t.Errorf("%q, %v", b.String(), err)
	}
	if most := 3 * block; r.n > most {
		t.Errorf("read %d bytes, more than %d", r.n, most)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(`{"pid":12,"process_start":"345","boot_id":"b","since":"2026-01-02T03:04:05Z","drain_sec":30}` + "\n")
	f.Add(`{"pid":-1}`)
	f.Add("12\n")
	f.Add(`{"drain_sec":-5}`)
	f.Add(`{"drain_sec":1e300}`)
	f.Add(`{"pid":1e99,"drain_sec":1e300}`)
	f.Fuzz(func(t *testing.T, text string) {
		rec, err := readRecord(strings.NewReader(text))
		if err != nil {
			return
		}
		// Nothing that anybody could write is verified: it would have to guess
		// a process and when it started.
		reason, _ := rec.Doubt(-1)
		if reason == "" {
			t.Errorf("%q is verified", text)
		}
		if s := rec.status(); s.Drain < 0 || s.Drain > maxDrain {
			t.Errorf("%q: drain %s", text, s.Drain)
		}
	})
}
