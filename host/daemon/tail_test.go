package daemon_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/daemon"
)

func TestTail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		files []string // the newest first; "-" is none
		lines int
		want  string
	}{
		{"fewer than there are", []string{"a\nb\nc\n"}, 2, "b\nc\n"},
		{"all", []string{"a\nb\nc\n"}, 3, "a\nb\nc\n"},
		{"more than there are", []string{"a\nb\nc\n"}, 4, "a\nb\nc\n"},
		{"open end", []string{"a\nb\nc"}, 2, "b\nc"},
		{"empty lines", []string{"a\n\n\n"}, 2, "\n\n"},
		{"one newline", []string{"\n"}, 1, "\n"},
		{"empty", []string{""}, 5, ""},
		{"none wanted", []string{"a\n"}, 0, ""},
		{"fewer than none", []string{"a\n"}, -1, ""},
		{"from an older file", []string{"c\n", "a\nb\n"}, 2, "b\nc\n"},
		{"from all of them", []string{"", "c\n", "b\n", "a\n"}, 9, "a\nb\nc\n"},
		{"older ones not needed", []string{"c\n", "a\nb\n"}, 1, "c\n"},
		{"in the middle of a rotation", []string{"-", "a\nb\n"}, 1, "b\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "log")
			for i, text := range tt.files {
				if text == "-" {
					continue
				}
				name := path
				if i > 0 {
					name += "." + string(rune('0'+i))
				}
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var b strings.Builder
			if err := daemon.Tail(&b, path, tt.lines); err != nil || b.String() != tt.want {
				t.Errorf("%q, %v; want %q", b.String(), err, tt.want)
			}
		})
	}
}

func TestTailOfNoLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := daemon.Tail(new(strings.Builder), filepath.Join(dir, "log"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := daemon.Tail(new(strings.Builder), dir, 1); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory: %v", err)
	}
}

// wantTail cuts the last lines off by going through the whole text.
func wantTail(text []byte, lines int) []byte {
	all := bytes.SplitAfter(text, []byte{'\n'})
	if len(all[len(all)-1]) == 0 {
		all = all[:len(all)-1]
	}
	return bytes.Join(all[max(0, len(all)-max(0, lines)):], nil)
}

// The file is read in blocks from its end, so lines may lie across their edges.
func TestTailAcrossBlocks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	rng := rand.New(rand.NewPCG(1, 2))
	for _, longest := range []int{3, 100, 1 << 16, 1 << 17} {
		var text []byte
		for len(text) < 300_000 {
			text = append(text, bytes.Repeat([]byte{'x'}, rng.IntN(longest))...)
			text = append(text, '\n')
		}
		if longest == 100 {
			text = text[:len(text)-1]
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, lines := range []int{1, 2, 3, 10, 1000, 1 << 30} {
			var b bytes.Buffer
			if err := daemon.Tail(&b, path, lines); err != nil || !bytes.Equal(b.Bytes(), wantTail(text, lines)) {
				t.Errorf("lines of up to %d, the last %d: %d bytes, %v; want %d", longest, lines, b.Len(), err, len(wantTail(text, lines)))
			}
		}
	}
}

func FuzzTail(f *testing.F) {
	f.Add([]byte("a\nb\n"), 1)
	f.Add([]byte("\n\n"), 2)
	f.Add([]byte(""), 1)
	f.Fuzz(func(t *testing.T, text []byte, lines int) {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := daemon.Tail(&b, path, lines); err != nil || !bytes.Equal(b.Bytes(), wantTail(text, lines)) {
			t.Errorf("the last %d of %q: %q, %v", lines, text, b.Bytes(), err)
		}
	})
}
