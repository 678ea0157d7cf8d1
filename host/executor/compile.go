package executor

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/conductorquantum/coda/host/executor/wire"
)

// openStore finds a place for compiled code: the cache, else a folder for this
// executor alone. Where not even that can be made there is none, and every child
// compiles for itself.
func openStore(cacheDir string) *store {
	if cacheDir != "" {
		return &store{dir: cacheDir}
	}
	dir, err := os.MkdirTemp("", "coda-compiled-")
	if err != nil {
		return nil
	}
	return &store{dir: dir, temporary: true}
}

// close removes what does not outlive its executor.
func (s *store) close() {
	if s != nil && s.temporary {
		_ = os.RemoveAll(s.dir)
	}
}

// compiledCode returns the folder of the module's compiled code, "" where there is none
// to be had and the child must compile itself. Errors are *fault.ExecutorError:
// the module is at fault.
func (e *Executor) compiledCode(ctx context.Context) (string, error) {
	if e.store == nil {
		return "", nil
	}
	dir, err := e.store.find(e.key)
	if err == nil {
		return dir, nil
	}
	if err != errNoCode { //nolint:errorlint // alone it says that nothing was there
		e.cfg.Log.Warn("compiled code is not what it was, and is compiled anew", "executor", e.cfg.Name, "error", err)
	}
	entry, err := e.store.begin()
	if err == nil {
		if err := e.compile(ctx, filepath.Join(entry, codeDir)); err != nil {
			_ = os.RemoveAll(entry)
			return "", err
		}
		err = e.store.commit(entry, e.key)
	}
	if err == nil {
		dir, err = e.store.find(e.key)
	}
	if err != nil {
		e.cfg.Log.Warn("compiled code cannot be kept: every child compiles for itself", "executor", e.cfg.Name, "error", err)
		return "", nil
	}
	return dir, nil
}

// compile has a child of its own compile the module into dir, and waits until it
// has ended.
func (e *Executor) compile(ctx context.Context, dir string) error {
	body := e.load
	body.Compile, body.CacheDir, body.Files = true, dir, nil
	c, err := e.launch(ctx, &body)
	if err == nil {
		c.kill() // it has ended, or has nothing left to do
	}
	return err
}

// noMemory is how the Go runtime says that a limit of address space was met.
var noMemory = regexp.MustCompile(`out of memory|cannot allocate memory`)

// tooLarge reports whether a child was lost because it compiled, and had no memory
// for that.
func (c *child) tooLarge(body *wire.LoadBody, words string) bool {
	if noMemory.MatchString(words) {
		return body.Compile || body.CacheDir == ""
	}
	// What is denied memory may have none left to say so, and the C library says it
	// where nobody reads. None of the guest's code runs in a child that only compiles.
	return body.Compile && c.gone() && c.cmd.ProcessState.ExitCode() == crashStatus &&
		(words == "" || strings.HasPrefix(words, "SIGABRT"))
}

// crashStatus is how the Go runtime exits when it crashes.
const crashStatus = 2
