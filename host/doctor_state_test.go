package host_test

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDoctorLooksAtTheState(t *testing.T) {
	t.Parallel()
	const config = `{"qpu_id":"q"}`
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, state, temp string)
		wants   []string
	}{
		"empty": {func(*testing.T, string, string) {}, []string{"/state, mode 0700, holds nothing yet"}},
		"all is well": {func(t *testing.T, state, _ string) { write(t, state+"/coda.config", config, 0o600) },
			[]string{"/state, mode 0700, with coda.config"}},
		"others may write":     {func(t *testing.T, state, _ string) { chmod(t, state, 0o770) }, []string{"problem state", "has mode 0770: others may put files there", "→ chmod 700 "}},
		"others may read":      {func(t *testing.T, state, _ string) { chmod(t, state, 0o750) }, []string{"warning state", "has mode 0750"}},
		"a file for all":       {func(t *testing.T, state, _ string) { write(t, state+"/coda-private-key", "x", 0o640) }, []string{"problem state", "coda-private-key has mode 0640", "→ chmod 600 "}},
		"a log for all":        {func(t *testing.T, state, _ string) { write(t, state+"/coda-node.log", "x", 0o644) }, []string{"warning state", "coda-node.log has mode 0644"}},
		"a folder in the way":  {func(t *testing.T, state, _ string) { mkdir(t, state+"/coda.config") }, []string{"problem state", "it is a directory → see what it is"}},
		"a link in the way":    {func(t *testing.T, state, _ string) { symlink(t, "/etc/passwd", state+"/coda-fingerprint") }, []string{"problem state", "it is a symbolic link"}},
		"no directory":         {func(t *testing.T, state, _ string) { _ = os.Remove(state); write(t, state, "", 0o600) }, []string{"problem state", "/state is no directory"}},
		"to be taken over":     {func(t *testing.T, _, temp string) { write(t, temp+"/coda.config", config, 0o600) }, []string{"ok older node", "will be taken over at the next start"}},
		"cannot be taken over": {func(t *testing.T, _, temp string) { write(t, temp+"/coda.config", config, 0o644) }, []string{"problem older node", "stands in the way"}},
		"left behind": {func(t *testing.T, state, temp string) {
			write(t, state+"/coda.config", config, 0o600)
			write(t, temp+"/coda.config", config, 0o600)
			write(t, temp+"/coda-node.pid", "1", 0o644)
		}, []string{"warning older node left behind and not used: ", "/coda.config, ", "/coda-node.pid"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := healthy(t)
			mkdir(t, p.env["CODA_STATE_DIR"])
			tt.prepare(t, p.env["CODA_STATE_DIR"], p.temp)
			found, _ := p.examine(t.Context(), t)
			expect(t, found, tt.wants...)
		})
	}
}

func file(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	write(t, path, text, mode)
	return path
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	chmod(t, path, mode)
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}
