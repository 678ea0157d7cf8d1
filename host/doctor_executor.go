package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
)

// executor finds the executor as the node would, inspects it and opens it, unless
// a node runs, whose hardware it could disturb.
func (d *doctor) executor(ctx context.Context) []Finding {
	const check = "executor"
	found := []Finding{compileCache()}
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
	if err := choice.Check(); err != nil {
		return append(found, executorTrouble(err))
	}
	if d.node.Running {
		return append(found, finding(check, OK, "", "not opened, because the node that runs may hold its hardware"))
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
