package profile_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/vpn/profile"
)

// Whatever comes, it is accepted and then written within OpenVPN's limits and the
// same for ever, or it is refused with an error of ours.
func FuzzParse(f *testing.F) {
	for _, r := range rows(f) {
		f.Add([]byte(r.Profile))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := profile.Parse(text)
		if err != nil {
			if _, ok := errors.AsType[*fault.VPNError](err); !ok {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		written := p.Text()
		if len(written) > profile.MaxSize {
			t.Fatalf("%d bytes are written", len(written))
		}
		again, err := profile.Parse(written)
		if err != nil {
			t.Fatalf("%q, of %q, is refused: %v", written, text, err)
		}
		if got := again.Text(); !bytes.Equal(got, written) {
			t.Fatalf("%q, of %q, is written again as %q", written, text, got)
		}
		for line := range strings.Lines(string(written)) {
			if len(line) > 255 {
				t.Fatalf("a line of %d bytes is written", len(line))
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := []byte(rows(b)[0].Profile)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		p, err := profile.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		if len(p.Text()) == 0 {
			b.Fatal("nothing is written")
		}
	}
}
