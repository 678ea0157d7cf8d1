package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/conductorquantum/coda/host/testkit/require"
)

// TestJUnitWhereNothingCanBeMoved: a container has the report mounted by itself, or in a
// folder that takes no other files, or on a disk that is full. The verdict is told
// anyway, and nothing is left beside the report.
func TestJUnitWhereNothingCanBeMoved(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		require.Missing(t, "root", "only root can mount")
	}
	backend := fixtures(t)["backend.wasm"]
	path := codaOnPath(t)
	const (
		mounted = `mount --bind host.xml out/report.xml; `
		full    = `mount -t tmpfs -o size=4k tmpfs out; head -c 4096 /dev/zero >out/full; `
		noop    = `coda test --junit out/report.xml --only abi noop`
		wrong   = `coda test --junit out/report.xml --only gates --physics exact backend.wasm`
	)
	for name, c := range map[string]struct {
		script string
		status int
		stdout string
		stderr string
	}{
		"mounted by itself":  {mounted + noop, 0, "noop  built in\n", ""},
		"read-only folder":   {"mount --bind out out; mount -o remount,bind,ro out; " + mounted + noop, 0, "noop  built in\n", ""},
		"full":               {full + noop, 2, "noop  built in\n", "coda: out/report.xml: no space left on device\n"},
		"full, and it fails": {full + wrong, 1, "FAILED", "coda: out/report.xml: no space left on device\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			earlier := []byte(strings.Repeat("earlier ", 10000)) // longer than the report
			for file, content := range map[string][]byte{"host.xml": earlier, "out/report.xml": nil, "backend.wasm": backend} {
				file = filepath.Join(dir, file)
				if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, content, 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), "sh", "-uc", c.script+"; status=$?; ls -A out >left; exit $status")
			cmd.Dir = dir
			cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
			cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CACHE_HOME="+cacheDir, "GORACE="+raceOptions, "PATH="+path+":"+os.Getenv("PATH"))
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run()
			if got := cmd.ProcessState.ExitCode(); got != c.status || !strings.Contains(stdout.String(), c.stdout) || stderr.String() != c.stderr {
				t.Errorf("status %d, want %d\n%s%s", got, c.status, stdout.String(), stderr.String())
			}
			if left, err := os.ReadFile(filepath.Join(dir, "left")); err != nil || strings.Contains(string(left), ".tmp") {
				t.Errorf("in the folder is left:\n%s%v", left, err)
			}
			if report, err := os.ReadFile(filepath.Join(dir, "host.xml")); c.status == 0 &&
				(err != nil || !bytes.Contains(report, []byte(`<testsuite name="coda test noop"`)) || bytes.Contains(report, []byte("earlier"))) {
				t.Errorf("the report is %.200q, %v", report, err)
			}
		})
	}
}

// TestJUnitBesideALeftover: one that was killed leaves its file, and the next may have
// its process id.
func TestJUnitBesideALeftover(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "report.xml")
	killed, err := createJUnit(path)
	if err != nil {
		t.Fatal(err)
	}
	defer killed.discard()
	next, err := createJUnit(path)
	if err != nil {
		t.Fatal(err)
	}
	defer next.discard()
	if err := next.put([]byte("report")); err != nil {
		t.Error(err)
	}
	if report, err := os.ReadFile(path); string(report) != "report" {
		t.Errorf("%q, %v", report, err)
	}
}
