package outbox_test

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/outbox"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// A process writes under strace, which records every write and every sync in
// their order, and what was acknowledged in between. Then the power is cut at
// many moments of that recording, and what the disk may have by then is opened.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		jobs   int
		inject string // a fault that strace adds
		lives  int    // of the disk: each keeps other sectors
	}{
		"disk in order":   {jobs: 60, lives: 1},
		"syncs that fail": {jobs: 40, lives: 4, inject: "inject=fdatasync:error=EIO:when=9+7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			r := rand.New(rand.NewPCG(seed, 0))
			dir := filepath.Join(t.TempDir(), "cut")
			events := record(t, work{Name: "job", Jobs: tt.jobs, Writers: 6, Compact: 512 << 10, Sweep: true}, tt.inject)
			for range tt.lives {
				p := player{disk: newDisk(r), heard: acks{steps: map[string]int{}}}
				for i, e := range events {
					if err := p.play(e); err != nil {
						t.Fatal(err)
					}
					// After a sync that failed every moment counts.
					if p.calm > 15 && i < len(events)-1 && r.IntN(len(events)) >= 400/tt.lives {
						continue
					}
					p.cuts++
					if err := reopen(dir, p.disk.cut(), &p.heard); err != nil {
						t.Fatalf("power cut after event %d of %d: %v", i, len(events), err)
					}
				}
				t.Logf("%d events, %d power cuts, %d failed syncs, %d jobs", len(events), p.cuts, p.failedSyncs, len(p.heard.steps))
				if p.cuts < 50 || p.renames < 2 || (p.failedSyncs > 5) != (tt.inject != "") || len(p.heard.steps) != tt.jobs+2 {
					t.Error("the recording does not have all that it is to have")
				}
			}
		})
	}
}

// player does to a disk what was recorded.
type player struct {
	disk                       *disk
	heard                      acks
	cuts, renames, failedSyncs int
	calm                       int // events since a sync failed
}

func (p *player) play(e event) error {
	p.calm++
	switch {
	case e.ack != "":
		for line := range strings.Lines(e.ack) {
			if err := p.heard.hear(strings.TrimSuffix(line, "\n")); err != nil {
				return err
			}
		}
	case e.to != "":
		p.disk.rename(e.path, e.to)
		p.renames++
	case e.removed:
		p.disk.remove(e.path)
	case e.dir:
		p.disk.syncNames()
	case e.sync:
		p.disk.sync(e.path, !e.failed)
		if e.failed {
			p.failedSyncs++
			p.calm = 0
		}
	default:
		p.disk.write(e.path, e.change)
	}
	return nil
}

// reopen opens what a power cut left.
func reopen(dir string, files map[string][]byte, heard *acks) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), content, 0o600); err != nil {
			return err
		}
	}
	s, err := outbox.Open(filepath.Join(dir, "outbox.db"), outbox.Config{})
	if err != nil {
		return err
	}
	defer s.Close()
	return heard.check(s)
}

// event is a system call that matters.
type event struct {
	path    string
	ack     string // a line that was said
	to      string // the new name
	removed bool
	sync    bool
	dir     bool // a sync of the directory
	failed  bool // of a sync
	change
}

// record runs w under strace and returns its writes, syncs and renames.
func record(t *testing.T, w work, inject string) []event {
	t.Helper()
	strace := require.Program(t, "strace", "strace", "strace")
	path := storePath(t)
	w.Path = path
	log := filepath.Join(t.TempDir(), "log")
	args := []string{strace, "-f", "-y", "-xx", "-s", "33554432", "-o", log,
		"-e", "trace=pwrite64,write,fdatasync,fsync,ftruncate,rename,renameat,renameat2,unlink,unlinkat"}
	if inject != "" {
		args = append(args, "-e", inject)
	}
	cmd, out := spawn(t, w, args...)
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("strace: %v", err)
	}
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	events, err := parse(f, filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	return events
}

var (
	// 123 pwrite64(5<path>, "data", 4096, 0) = 4096
	straceCall = regexp.MustCompile(`^(\d+) +(\w+)\((.*)$`)
	// 123 <... fdatasync resumed>) = 0
	straceResumed = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>(.*)$`)
	straceFD      = regexp.MustCompile(`^(\w+)<([^>]*)>`)
)

// parse reads the calls that concern files in dir, and the lines on the standard
// output. A call that was interrupted by others counts from its beginning, but a
// sync from its end.
func parse(log io.Reader, dir string) ([]event, error) {
	var events []event
	pending := map[string]event{} // syncs that have begun, by thread
	lines := bufio.NewReaderSize(log, 1<<20)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		line = strings.TrimSuffix(line, "\n")
		if m := straceResumed.FindStringSubmatch(line); m != nil {
			if e, ok := pending[m[1]]; ok {
				delete(pending, m[1])
				e.failed = !strings.HasSuffix(m[3], "= 0")
				events = append(events, e)
			}
			continue
		}
		m := straceCall.FindStringSubmatch(line)
		if m == nil {
			continue // a signal, or the end of a thread
		}
		e, relevant, err := call(m[2], m[3], dir)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%.200q: %w", line, err)
		case !relevant:
		case e.sync && strings.HasSuffix(line, "<unfinished ...>"):
			pending[m[1]] = e
		default:
			events = append(events, e)
		}
	}
}

// call reads one system call.
func call(name, args, dir string) (e event, relevant bool, err error) {
	failed := strings.Contains(args, ") = -1 ")
	switch name {
	case "rename", "renameat", "renameat2", "unlink", "unlinkat":
		paths, err := texts(args)
		if err != nil || len(paths) == 0 || filepath.Dir(paths[0]) != dir || failed {
			return e, false, err
		}
		e.path = paths[0]
		if e.removed = len(paths) == 1; !e.removed {
			e.to = paths[1]
		}
		return e, true, nil
	}
	fd := straceFD.FindStringSubmatch(args)
	if fd == nil {
		return e, false, nil
	}
	path, err := unhex(fd[2])
	if err != nil {
		return e, false, err
	}
	e.path = path
	if name == "write" {
		if fd[1] != "1" {
			return e, false, nil
		}
		said, err := texts(args)
		if err != nil || len(said) != 1 {
			return e, false, fmt.Errorf("what was said: %w", err)
		}
		e.ack = said[0]
		return e, true, nil
	}
	if path != dir && filepath.Dir(path) != dir {
		return e, false, nil
	}
	switch name {
	case "fsync", "fdatasync":
		e.sync, e.dir, e.failed = true, path == dir, failed
		return e, true, nil
	case "ftruncate":
		e.at, err = strconv.ParseInt(numbers.FindStringSubmatch(args)[1], 10, 64)
		return e, true, err
	case "pwrite64":
		data, err := texts(args)
		if err != nil || len(data) != 1 || failed {
			return e, false, fmt.Errorf("a write: %w", err)
		}
		e.data = []byte(data[0])
		e.at, err = strconv.ParseInt(numbers.FindStringSubmatch(args)[1], 10, 64)
		return e, true, err
	}
	return e, false, nil
}

// numbers finds the last argument.
var numbers = regexp.MustCompile(`, (\d+)(?:\)| <unfinished)`)

// texts are the strings among arguments.
func texts(args string) ([]string, error) {
	var found []string
	parts := strings.Split(args, `"`)
	for i := 1; i < len(parts); i += 2 {
		text, err := unhex(parts[i])
		if err != nil {
			return nil, err
		}
		found = append(found, text)
	}
	return found, nil
}

func unhex(text string) (string, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
	return string(b), err
}
