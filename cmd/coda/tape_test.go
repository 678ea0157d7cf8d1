//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/testkit/cguest"
	"github.com/conductorquantum/coda/host/testkit/goguest"
)

// rigDir is a folder with the executor in testdata/rig, its device file, the instrument
// that the file grants, and a circuit for each thing that it does.
type rigDir struct {
	dir        string
	instrument *process
}

func newRig(t *testing.T, wasm []byte) *rigDir {
	t.Helper()
	r := &rigDir{dir: t.TempDir()}
	r.instrument = launch(t, r.dir, nil, "instrument", "echo", "-v")
	r.instrument.waitForOutput(t, "\"\n")
	r.write(t, "rig.wasm", wasm)
	r.write(t, "calibration.txt", []byte("4.7 GHz"))
	device := "executor = \"rig.wasm\"\n[config]\ngain = 0.5\n[files]\ncalibration = \"calibration.txt\"\n" + r.instrument.stdout.String() +
		"[limits]\ncompile_time = \"1h\"\n" // the race detector makes minutes of it
	r.write(t, "device.toml", []byte(device))
	r.write(t, "hasty.toml", []byte(device+"job_time = \"1s\"\n"))
	for _, what := range []string{"measure", "again", "fail", "trap", "wait", "poll", "listen"} {
		r.write(t, what+".json", []byte(circuitNamed(what)))
	}
	return r
}

// circuitNamed is one that tells its executor what to do.
func circuitNamed(what string) string {
	return `{"version":"1.0","target":"cz","num_qubits":2,"gates":[],"measurements":[0,1],"metadata":{"source_hash":"` + what + `","compiled_at":""}}`
}

func (r *rigDir) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// coda runs a command, and returns what it wrote.
func (r *rigDir) coda(t *testing.T, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	p := launch(t, r.dir, nil, args...)
	p.exits(t, code)
	return p.stdout.String(), strings.Join(p.stderr, "\n")
}

// gone takes everything away but the executor and the circuits.
func (r *rigDir) gone(t *testing.T) {
	t.Helper()
	if r.instrument.cmd.ProcessState == nil {
		r.instrument.signal(t, os.Interrupt)
		r.instrument.exits(t, 0)
	}
	if err := os.RemoveAll(filepath.Join(r.dir, "calibration.txt")); err != nil {
		t.Fatal(err)
	}
}

var logTime = regexp.MustCompile(`time=\S+ `)

// A replay comes to what was recorded, to the byte, without the world; from executors in
// both languages.
func TestTape(t *testing.T) {
	t.Parallel()
	for language, build := range map[string]func() []byte{
		"go": func() []byte { return goguest.Build(t, "testdata/rig") },
		"c":  func() []byte { return cguest.Build(t, "../../guests/sdk/c", "testdata/rig/rig.c") },
	} {
		wasm := build()
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, wasm)
			type recording struct {
				tape, device   string
				code           int
				circuits       []string
				want           string // on standard output
				stdout, stderr string
			}
			recordings := []*recording{
				{tape: "good", device: "device.toml", circuits: []string{"measure.json", "again.json", "measure.json"}, want: `"started_at":"20`},
				{tape: "one failed", device: "device.toml", code: 1, circuits: []string{"fail.json", "measure.json"}, want: `no good: `},
				{tape: "trapped", device: "device.toml", code: 1, circuits: []string{"trap.json", "measure.json"}, want: `trapped`},
				{tape: "killed", device: "hasty.toml", code: 1, circuits: []string{"poll.json", "listen.json"}, want: `"job_id":"listen","status":"failed","error":"executor rig: limit: the job ran longer than limits.job_time = 1s; it was killed"`},
			}
			for _, rec := range recordings {
				rec.stdout, rec.stderr = r.coda(t, rec.code, append([]string{"run", "--json", "--device", rec.device, "--record", rec.tape}, rec.circuits...)...)
				if !strings.Contains(rec.stdout, rec.want) || strings.Count(rec.stdout, "\n") != len(rec.circuits) {
					t.Errorf("%s: the recording says\n%s%s", rec.tape, rec.stdout, rec.stderr)
				}
			}
			// Interrupted, as the executor sees.
			p := launch(t, r.dir, nil, "run", "--device", "device.toml", "--record", "interrupted", "wait.json", "measure.json")
			p.waitFor(t, `msg="it says .*job=wait`)
			p.signal(t, os.Interrupt)
			p.exits(t, 1)

			// It is not written over.
			if _, stderr := r.coda(t, 1, "run", "--device", "device.toml", "--record", "good", "measure.json"); !regexp.MustCompile("^coda: the tape cannot be made: .*good: file exists$").MatchString(stderr) {
				t.Errorf("a tape that is there: %s", stderr)
			}

			// What cannot be run leaves no tape in the way of the next try.
			for _, args := range [][]string{
				{"--device", "device.toml", "measure.json", "nope.json"},
				{"--executor", "measure.json", "measure.json"}, // no executor
			} {
				r.coda(t, 1, append([]string{"run", "--record", "none"}, args...)...)
				if _, err := os.Lstat(filepath.Join(r.dir, "none")); !os.IsNotExist(err) {
					t.Errorf("%v leaves a tape: %v", args, err)
				}
			}

			r.gone(t)
			r.failingOpen(t)
			for _, rec := range recordings {
				stdout, stderr := r.coda(t, rec.code, append([]string{"run", "--json", "--device", rec.device, "--replay", rec.tape}, rec.circuits...)...)
				if stdout != rec.stdout {
					t.Errorf("%s: the replay says\n%s%s\nthe recording said\n%s", rec.tape, stdout, stderr, rec.stdout)
				}
				if rec.code == 0 && logTime.ReplaceAllString(stderr, "") != logTime.ReplaceAllString(rec.stderr, "") {
					t.Errorf("%s: the replay logs\n%s\nthe recording\n%s", rec.tape, stderr, rec.stderr)
				}
			}
			// Without the device file, too, and what was interrupted fails as it did.
			if stdout, stderr := r.coda(t, 0, "run", "--json", "--executor", "rig.wasm", "--replay", "good", "measure.json", "again.json", "measure.json"); stdout != recordings[0].stdout {
				t.Errorf("without a device file\n%s%s", stdout, stderr)
			}
			if _, stderr := r.coda(t, 1, "run", "--executor", "rig.wasm", "--replay", "interrupted", "wait.json"); !strings.Contains(stderr, "coda: wait.json: executor rig: cancelled: as asked, after ") {
				t.Errorf("interrupted: %s", stderr)
			}

			r.differences(t, wasm)
		})
	}
}

// failingOpen records an executor whose instrument is not there any more, and plays it.
func (r *rigDir) failingOpen(t *testing.T) {
	r.write(t, "calibration.txt", nil)
	_, recorded := r.coda(t, 1, "run", "--device", "device.toml", "--record", "closed", "measure.json")
	if err := os.Remove(filepath.Join(r.dir, "calibration.txt")); err != nil {
		t.Fatal(err)
	}
	_, replayed := r.coda(t, 1, "run", "--device", "device.toml", "--replay", "closed", "measure.json")
	line := func(stderr string) string { return stderr[strings.LastIndexByte(stderr, '\n')+1:] }
	if !strings.Contains(line(recorded), "the endpoint echo is closed") || line(replayed) != line(recorded) {
		t.Errorf("an open that fails was recorded as\n%s\nand played as\n%s", recorded, replayed)
	}
}

// differences plays a tape with what it was not recorded with: the tape says so, and not
// the executor that it ends.
func (r *rigDir) differences(t *testing.T, wasm []byte) {
	// A custom section changes the file and nothing else.
	r.write(t, "other.wasm", append(bytes.Clone(wasm), 0, 2, 1, 'x'))
	replay := func(args ...string) []string {
		return append([]string{"run", "--executor", "rig.wasm", "--replay", "good"}, args...)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{replay("again.json"), `coda: the replay differs: line \d+ of the tape good has job "measure" of 1024 shots, circuit [0-9a-f]{64}; instead job "again" begins, of 1024 shots, circuit [0-9a-f]{64}`},
		{replay("--shots", "10", "measure.json"), `instead job "measure" begins, of 10 shots, `},
		{replay("measure.json", "again.json"), `has job "measure".*; instead the guest ended`},
		{replay("measure.json", "again.json", "measure.json", "again.json"), `has the guest's end; instead job "again" begins, `},
		{[]string{"run", "--executor", "other.wasm", "--replay", "good", "measure.json"},
			`coda: the tape good was recorded with another executor: its SHA-256 is [0-9a-f]{64}, and this one's is [0-9a-f]{64}`},
		{[]string{"run", "--executor", "rig.wasm", "--replay", "nope", "measure.json"}, `coda: the tape cannot be read: open nope: no such file or directory`},
		{[]string{"run", "--executor", "rig.wasm", "--replay", "measure.json", "measure.json"}, `coda: the tape measure.json: line 1 is cut off: `},
	} {
		_, stderr := r.coda(t, 1, tt.args...)
		last := stderr[strings.LastIndexByte(stderr, '\n')+1:]
		if !regexp.MustCompile(tt.want).MatchString(last) {
			t.Errorf("%v says\n%s", tt.args, stderr)
		}
	}
	// One byte, anywhere.
	good, err := os.ReadFile(filepath.Join(r.dir, "good"))
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{10, len(good) / 2, len(good) - 3} {
		bad := bytes.Clone(good)
		bad[at] ^= 1
		r.write(t, "bad", bad)
		if _, stderr := r.coda(t, 1, "run", "--executor", "rig.wasm", "--replay", "bad", "measure.json"); !regexp.MustCompile(`^coda: the tape bad: line \d+: `).MatchString(stderr) {
			t.Errorf("byte %d was changed: %s", at, stderr)
		}
	}
}
