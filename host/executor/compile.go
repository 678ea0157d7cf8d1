package executor

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"

	"github.com/conductorquantum/coda/host/executor/wire"
	"github.com/conductorquantum/coda/host/fault"
)

// temporaryPrefix begins the names of folders that go with their executors.
const temporaryPrefix = "coda-compiled-"

// openStore finds a place for compiled code: the cache, else a folder for this
// executor alone. Where not even that can be made there is none, and every child
// compiles for itself.
func openStore(cacheDir string) *store {
	if cacheDir != "" {
		return &store{dir: cacheDir}
	}
	sweep(os.TempDir(), temporaryPrefix)
	dir, held, err := makeHeld("", temporaryPrefix)
	if err != nil {
		return nil
	}
	return &store{dir: dir, held: held}
}

// close removes what does not outlive its executor.
func (s *store) close() {
	if s != nil && s.held != nil {
		_ = os.RemoveAll(s.dir)
		_ = s.held.Close()
	}
}

// compiledCode returns the folder of the module's compiled code, "" where there is none
// to be had and the child must compile itself. Errors are *fault.ExecutorError:
// the module is at fault.
func (e *Executor) compiledCode(ctx context.Context) (string, error) {
	if e.store == nil || e.store.useless.Load() {
		return "", nil
	}
	dir, err := e.store.find(e.key)
	if err == nil {
		return dir, nil
	}
	if err != errNoCode { //nolint:errorlint // alone it says that nothing was there
		e.cfg.Log.Warn("compiled code is not what it was, and is compiled anew", "executor", e.cfg.Name, "error", err)
	}
	dir, err = e.keepCode(ctx)
	if failed, ok := errors.AsType[*fault.ExecutorError](err); ok && !errors.Is(err, errStale) {
		return "", failed
	}
	if err != nil {
		if e.store.useless.CompareAndSwap(false, true) {
			e.cfg.Log.Warn("compiled code cannot be kept: every child compiles for itself", "executor", e.cfg.Name, "error", err)
		}
		return "", nil
	}
	return dir, nil
}

// keepCode compiles the module and returns the folder of its code.
func (e *Executor) keepCode(ctx context.Context) (string, error) {
	d, err := e.store.begin()
	if err != nil {
		return "", err
	}
	defer d.drop()
	if err := e.compile(ctx, d.code()); err != nil {
		return "", err
	}
	if err := e.store.commit(d, e.key); err != nil {
		return "", err
	}
	return e.store.find(e.key)
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

// noMemory is how the Go runtime, the engine and the C library say that a limit of
// address space was met.
var noMemory = regexp.MustCompile(`out of memory|cannot allocate memory|pthread_create failed`)

// tooLarge reports whether a child was lost because it compiled, and had no memory
// for that.
func (c *child) tooLarge(body *wire.LoadBody, words string) bool {
	if noMemory.MatchString(words) {
		return body.Compile || body.CacheDir == ""
	}
	// What is denied memory may have none left to say so, the C library says it where
	// nobody reads, and the collector is not ready for it. None of the guest's code runs
	// in a child that only compiles, and what is wrong with the engine shows as a panic.
	return body.Compile && c.gone() && c.cmd.ProcessState.ExitCode() == crashStatus && !strings.HasPrefix(words, "panic")
}

// crashStatus is how the Go runtime exits when it crashes.
const crashStatus = 2
