package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/instrument"
)

// executor finds the executor as the node would, inspects it and opens it, unless
// a node runs, whose hardware it could disturb.
func (d *doctor) executor(ctx context.Context) []Finding {
	const check = "executor"
	found := []Finding{compileCache()}
	if running := d.runningExecutor(); running != nil {
		return append(found, running...)
	}
	if d.deviceErr != nil {
		return append(found, finding(check, Warning, "correct the device file", "not looked at: the device file, which may name it, cannot be read"))
	}
	choice, err := Choose(d.s, d.device)
	if err != nil {
		return append(found, executorTrouble(err))
	}
	found = append(found, finding(check, OK, "", "%s (%s)", choice.Name, choice.Source))
	if choice.Warning != "" {
		found = append(found, finding(check, Warning, "name one with --executor, CODA_EXECUTOR or in the device file", "%s", choice.Warning))
	}
	if err := choice.Check(d.device.Limits); err != nil {
		return append(found, executorTrouble(err))
	}
	if d.node.Running {
		return append(found, notOpened)
	}
	if needs := choice.Needs(); len(needs) > 0 {
		if missing := instrument.Missing(needs, d.device.Endpoints); missing != "" {
			return append(found, finding(check, Problem, "grant it in the device file", "%s", missing))
		}
		return append(found, finding(check, OK, "", "not opened, because it drives hardware (%s)", strings.Join(needs, ", ")))
	}
	e, err := openExecutor(ctx, choice.Program, d.device, slog.New(slog.DiscardHandler))
	if err != nil {
		return append(found, executorTrouble(err))
	}
	device := e.Device()
	if err := e.Close(); err != nil {
		return append(found, executorTrouble(err))
	}
	return append(found, finding(check, OK, "", "opens: %s, target %v, qubits %d", device.Name, device.Target, device.NumQubits))
}

var notOpened = finding("executor", OK, "", "not opened, because the node that runs may hold its hardware")

// runningExecutor is what a node that runs says it has, which may have been named
// by a flag or by an environment that is not here; nil where none says so. What
// would be taken here is told where it is another.
func (d *doctor) runningExecutor() []Finding {
	const check = "executor"
	if d.node.PID == 0 || d.node.Address == "" {
		return nil
	}
	ready, err := d.ready()
	if err != nil || ready.Executor == "" {
		return nil
	}
	found := []Finding{finding(check, OK, "", "%s, in the node that runs", ready.Executor), notOpened}
	if d.deviceErr != nil {
		return found
	}
	const do = "start it the next time as it was started, or name the executor in the device file"
	choice, err := Choose(d.s, d.device)
	if err == nil {
		err = choice.Check(d.device.Limits)
	}
	switch {
	case err != nil:
		return append(found, finding(check, Warning, do, "a node that is started with the settings here would not come up: %v", err))
	case choice.Name != ready.Executor:
		return append(found, finding(check, OK, do, "a node that is started with the settings here would have %s (%s)", choice.Name, choice.Source))
	}
	return found
}

func executorTrouble(err error) Finding {
	do := ""
	if failed, ok := errors.AsType[*fault.ExecutorError](err); ok {
		switch failed.Cause {
		case fault.Refused:
			do = fmt.Sprintf("see what the file is: coda inspect %s", failed.Executor)
		case fault.Limit:
			do = "raise the limit in the device file, if the executor is right to need more"
		default:
			do = "see what its author says of its settings and its hardware"
		}
	} else if wrong, ok := errors.AsType[*fault.ConfigError](err); ok {
		do = "correct " + wrong.Where
	}
	return Finding{Check: "executor", Level: Problem, What: err.Error(), Do: do}
}

// compileCache looks at where compiled executors are kept, which is made if it is
// not there.
func compileCache() Finding {
	dir, err := executor.OpenCache()
	if err != nil {
		return finding("cache", Warning, "make the directory private, or set XDG_CACHE_HOME to one that can be",
			"executors are compiled anew at every start: %v", err)
	}
	return finding("cache", OK, "", "%s is private", dir)
}
