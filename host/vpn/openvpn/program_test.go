//go:build unix

package openvpn

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/testkit/require"
)

// script writes a program of sh into a folder.
func script(t *testing.T, folder, text string) string {
	t.Helper()
	return install(t, folder, "openvpn", []byte("#!/bin/sh\n"+text+"\n"))
}

// install writes a program. No process is forked meanwhile, which would hold the
// file open for writing and so keep it from being run.
func install(t *testing.T, folder, name string, program []byte) string {
	t.Helper()
	path := filepath.Join(folder, name)
	syscall.ForkLock.RLock()
	err := os.WriteFile(path, program, 0o755)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFind(t *testing.T) {
	onPath, beside, empty := t.TempDir(), t.TempDir(), t.TempDir()
	first, second := script(t, onPath, ""), script(t, beside, "")
	if err := os.WriteFile(filepath.Join(empty, "openvpn"), nil, 0o644); err != nil { // not a program
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ path, folder, want string }{
		"on PATH":           {empty + ":" + onPath, beside, first},
		"elsewhere":         {empty, beside, second},
		"nowhere":           {empty, empty, ""},
		"without PATH":      {"", beside, second},
		"relative, refused": {relative(t, onPath), empty, ""},
	} {
		t.Setenv("PATH", tt.path)
		if got := find(tt.folder); got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func relative(t *testing.T, path string) string {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if path, err = filepath.Rel(here, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMissingProgram(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ script, want string }{
		"2.4":            {"echo 'OpenVPN 2.4.12 x86_64-pc-linux-gnu [SSL (OpenSSL)]'; exit 1", "is OpenVPN 2.4, older than 2.5"},
		"2.5":            {"echo 'OpenVPN 2.5.0 x86_64-pc-linux-gnu [SSL (OpenSSL)]'; exit 1", ""},
		"2.10":           {"echo 'OpenVPN 2.10_beta1 x86_64-pc-linux-gnu'", ""},
		"3.0":            {"echo 'OpenVPN 3.0.1 linux'", ""},
		"1.6":            {"echo 'OpenVPN 1.6.0 linux'", "older"},
		"a word before":  {"echo 'WARNING: of something'; echo 'OpenVPN 2.6.14 linux'", ""},
		"another's":      {"echo 'SomethingElse 2.6'", "does not say OpenVPN"},
		"broken":         {"exit 127", "exit status 127"},
		"environment":    {`[ -z "$HOME" ] && echo "OpenVPN 2.6.0"`, ""},
		"asks otherwise": {`[ "$*" = --version ] && echo "OpenVPN 2.6.0"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expect(t, missingProgram(t.Context(), script(t, t.TempDir(), tt.script)), tt.want)
		})
	}
	expect(t, missingProgram(t.Context(), ""), "neither on PATH")
	expect(t, missingProgram(t.Context(), filepath.Join(t.TempDir(), "openvpn")), "openvpn cannot be used: stat")
}

func TestAProgramThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, _, err := version(ctx, script(t, t.TempDir(), "exec sleep 600"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestTheRealProgramWillDo(t *testing.T) {
	t.Parallel()
	expect(t, missingProgram(t.Context(), require.Program(t, "openvpn", "openvpn", "openvpn")), "")
}

// expect compares what is missing; want is a part of it, or empty for nothing.
func expect(t *testing.T, got *Lack, want string) {
	t.Helper()
	switch {
	case got == nil && want == "":
	case got == nil:
		t.Errorf("nothing is missing, not %q", want)
	case want == "" || !strings.Contains(got.What, want):
		t.Errorf("missing is %q, not %q", got, want)
	case got.Do == "":
		t.Errorf("%q comes without advice", got)
	}
}
