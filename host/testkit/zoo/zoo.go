// Package zoo reads the hostile guests of host/executor/testdata/zoo: one file for
// each, whose first lines say what it tries and what must happen.
package zoo

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

// BadQubits is the width of the circuit for which a guest does what it tries; a
// circuit of any other width it answers as it should.
const BadQubits = 13

// GoodQubits is such another width.
const GoodQubits = 5

// Guest is one guest and what must become of it.
type Guest struct {
	Name   string
	Tries  string
	Must   Must
	Logs   []string // words that its lines in the node's log hold
	Rests  string   // words of why its hardware is not at rest after the bad job; "": it is
	Limits config.Limits
	Device string        // a device file of its limits
	Grants bool          // it needs hardware
	Cancel time.Duration // after which the bad job is cancelled; 0: it is not

	path string
	body string // the file below its first lines
}

// Must is how a guest ends: an error of a cause, or a right result.
type Must struct {
	Cause fault.Cause
	Right bool // the bad job's result is right, and there is no error
	Words string
	At    Stage
}

// Stage is when a guest's end comes.
type Stage int

// The stages.
const (
	Inspect Stage = iota // before there is a process
	Open                 // when it is compiled, started, or opened
	Run                  // when it has a job
)

var stages = [...]string{Inspect: "inspect", Open: "open", Run: "run"}

// Circuit is a circuit of n qubits, all of them measured.
func Circuit(n uint16) *abi.Circuit {
	c := &abi.Circuit{NumQubits: n, Metadata: abi.Metadata{SourceHash: "sha256:00", CompiledAt: "2026-01-02T03:04:05Z"}}
	for q := range n {
		c.Operations = append(c.Operations, abi.Operation{Gate: abi.RX, Q0: q, Q1: q, Param: 1})
		c.Measurements = append(c.Measurements, q)
	}
	return c
}

// Read reads every guest in dir.
func Read(tb testing.TB, dir string) []*Guest {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	var guests []*Guest
	for _, entry := range entries {
		if entry.Name() == "README.md" {
			continue
		}
		g, err := read(tb, filepath.Join(dir, entry.Name()))
		if err != nil {
			tb.Fatalf("%s: %v", entry.Name(), err)
		}
		guests = append(guests, g)
	}
	return guests
}

// marks begin a comment, by what the file is written in.
var marks = map[string]string{".wat": ";; ", ".c": "// ", ".hex": "# "}

func read(tb testing.TB, path string) (*Guest, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	kind := filepath.Ext(path)
	mark, ok := marks[kind]
	if !ok {
		return nil, fmt.Errorf("a guest is a .wat, a .c or a .hex")
	}
	g := &Guest{Name: strings.TrimSuffix(filepath.Base(path), kind), path: path, body: string(b)}
	seen := map[string]bool{}
	for {
		line, rest, more := strings.Cut(g.body, "\n")
		comment, ok := strings.CutPrefix(line, mark)
		key, value, found := strings.Cut(comment, ": ")
		if !ok || !found || !more {
			break
		}
		g.body = rest
		if seen[key] {
			return nil, fmt.Errorf("%q stands there twice", key)
		}
		seen[key] = key != "logs"
		if err := g.set(tb, key, value); err != nil {
			return nil, err
		}
	}
	if g.Tries == "" || !seen["must"] {
		return nil, fmt.Errorf("its first lines lack what it tries, or what must happen")
	}
	return g, nil
}

func (g *Guest) set(tb testing.TB, key, value string) (err error) {
	switch key {
	case "tries":
		g.Tries = value
	case "must":
		g.Must, err = parseMust(value)
	case "logs":
		g.Logs = append(g.Logs, value)
	case "rests":
		g.Rests = value
	case "limits":
		g.Device = "[limits]\n" + strings.ReplaceAll(value, ", ", "\n") + "\n"
		g.Limits, err = limits(tb, g.Device)
	case "grants":
		g.Grants = true
	case "cancel":
		g.Cancel, err = time.ParseDuration(value)
	default:
		err = fmt.Errorf("%q is nothing that is said of a guest", key)
	}
	return err
}

var mustForm = regexp.MustCompile(`^(?:(\w+) "(.+)"|a right result) at (\w+)$`)

func parseMust(s string) (m Must, err error) {
	parts := mustForm.FindStringSubmatch(s)
	if parts == nil {
		return m, fmt.Errorf(`what must happen is: CAUSE "words" at inspect|open|run, or: a right result at run; not %s`, s)
	}
	at := slices.Index(stages[:], parts[3])
	if at < 0 {
		return m, fmt.Errorf("%q is no stage", parts[3])
	}
	m = Must{Words: parts[2], At: Stage(at), Right: parts[1] == ""}
	if m.Right {
		return m, nil
	}
	for m.Cause.String() != parts[1] {
		if m.Cause.String() == "unknown" {
			return m, fmt.Errorf("%q is no cause", parts[1])
		}
		m.Cause++
	}
	return m, nil
}

// limits reads those of a device file.
func limits(tb testing.TB, text string) (config.Limits, error) {
	file := filepath.Join(tb.TempDir(), "device.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return config.Limits{}, err
	}
	device, err := config.LoadDevice(file)
	return device.Limits, err
}
