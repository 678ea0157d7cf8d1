package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/executor/module"
	"github.com/conductorquantum/coda/host/fault"
)

// Choice is the executor that a node runs.
type Choice struct {
	Program
	Source  string // what named it: "CODA_EXECUTOR", "site/device.toml", "found in executors"
	Warning string // for the operator, as long as the node runs; "" if all is well
}

// pythonPath is how older nodes named an executor: module:attribute.
var pythonPath = regexp.MustCompile(`^[A-Za-z_][\w.]*:[A-Za-z_]\w*$`)

// Choose finds the executor. The first that is named counts: CODA_EXECUTOR (or
// the flag above it), CODA_EXECUTOR_FACTORY, the device file. A named executor
// that cannot be loaded is an error, never a reason to look further. Where none
// is named, the one executor in ./executors, else in the state directory's
// executors, is taken; where there is none, noop, whose results are made up, with
// a warning.
func Choose(s config.Settings, d config.Device) (Choice, error) {
	for _, named := range []struct{ ref, source string }{
		{s.Executor, "CODA_EXECUTOR"},
		{s.ExecutorFactory, "CODA_EXECUTOR_FACTORY"},
		{d.Executor, d.Path},
	} {
		if named.ref == "" {
			continue
		}
		if err := CheckMoved(named.ref, named.source); err != nil {
			return Choice{}, err
		}
		p, err := Find(named.ref)
		if refused, ok := errors.AsType[*fault.ExecutorError](err); ok {
			refused.Reason += " (it is named by " + named.source + ")"
		}
		return Choice{Program: p, Source: named.source}, err
	}
	folders := []string{"executors"}
	if s.StateDir != "" {
		folders = append(folders, filepath.Join(s.StateDir, "executors"))
	}
	var refused []string
	for _, folder := range folders {
		found, bad, err := discover(folder, d.Limits)
		if err != nil {
			return Choice{}, err
		}
		refused = append(refused, bad...)
		if found != nil {
			return Choice{Program: *found, Source: "found in " + folder, Warning: passedOver(refused)}, nil
		}
	}
	p, err := Find("noop")
	warning := "no executor is configured: noop answers every job with zeros that nothing measured; name one with --executor"
	if also := passedOver(refused); also != "" {
		warning += "; " + also
	}
	return Choice{Program: p, Source: "default", Warning: warning}, err
}

// CheckMoved refuses what older sites name as their executor, a Python object, with a
// word on how to move. The error is a *fault.ConfigError of source, where ref stands.
func CheckMoved(ref, source string) error {
	if !pythonPath.MatchString(ref) {
		return nil
	}
	return &fault.ConfigError{Where: source, Reason: fmt.Sprintf(
		"names the Python object %s, and executors are WebAssembly files now: build the backend as one "+
			"(guests/README.md), check it with coda inspect, and name its path here", ref)}
}

// discover looks for executors in a folder: the one there is, or nil; and says
// which files are none.
func discover(folder string, limits config.Limits) (found *Program, refused []string, err error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, &fault.ConfigError{Where: folder,
			Reason: "cannot be searched for executors; make it readable, or name an executor with --executor", Err: err}
	}
	var good []Program
	var names []string
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		if filepath.Ext(path) != ".wasm" {
			continue
		}
		p, err := Find(path)
		if err == nil {
			err = p.Check(limits)
		}
		if err != nil {
			refused = append(refused, err.Error())
			continue
		}
		good, names = append(good, p), append(names, path)
	}
	switch len(good) {
	case 0:
		return nil, refused, nil
	case 1:
		return &good[0], refused, nil
	default:
		return nil, refused, &fault.ConfigError{Where: folder, Reason: fmt.Sprintf(
			"holds several executors (%s): name one with --executor, CODA_EXECUTOR or in the device file", strings.Join(names, ", "))}
	}
}

func passedOver(refused []string) string {
	if len(refused) == 0 {
		return ""
	}
	return "passed over: " + strings.Join(refused, "; ")
}

// Check holds the program against the limits that an operator set and the contract
// with executors, without compiling or running it. The error is a
// *fault.ExecutorError.
func (p *Program) Check(limits config.Limits) error {
	limits = p.Limits(limits).OrDefaults()
	if _, _, err := module.Admit(p.Wasm, &limits); err != nil {
		return &fault.ExecutorError{Executor: p.Ref, Cause: module.CauseOf(err), Reason: err.Error()}
	}
	return nil
}

// Needs are the interfaces of the contract that the program uses to reach hardware.
func (p *Program) Needs() []string {
	m, err := module.Parse(p.Wasm)
	if err != nil {
		return nil
	}
	c, err := module.Check(m)
	if err != nil {
		return nil
	}
	return c.Needs
}
