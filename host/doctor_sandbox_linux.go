package host

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/conductorquantum/coda/host/executor/cage"
)

// sandbox says what the kernel has to confine executors with. Each is used where
// it is there; WebAssembly's own sandbox holds everywhere.
func (d *doctor) sandbox(context.Context) []Finding {
	return append(caged(cage.Probe()), limits())
}

// caged says what of the cage around executors this system has.
func caged(report cage.Report) []Finding {
	const check = "sandbox"
	found := make([]Finding, 0, len(report))
	for _, f := range report {
		switch {
		case f.Missing:
			found = append(found, finding(check, Warning, "use a kernel that has it; until then use executors that you trust",
				"%s is missing (%s): %s", f.Name, f.Detail, f.Without))
		case f.Detail != "":
			found = append(found, finding(check, OK, "", "%s is there, %s", f.Name, f.Detail))
		default:
			found = append(found, finding(check, OK, "", "%s: there", f.Name))
		}
	}
	return found
}

func limits() Finding {
	var said []string
	for _, r := range []struct {
		name     string
		resource int
	}{{"files", unix.RLIMIT_NOFILE}, {"address space", unix.RLIMIT_AS}, {"processes", unix.RLIMIT_NPROC}} {
		var l unix.Rlimit
		if err := unix.Getrlimit(r.resource, &l); err != nil {
			said = append(said, fmt.Sprintf("%s unknown (%v)", r.name, err))
			continue
		}
		said = append(said, r.name+" "+bound(l.Cur)+" of "+bound(l.Max))
	}
	return finding("sandbox", OK, "", "resource limits: %s", strings.Join(said, ", "))
}

func bound(n uint64) string {
	if n == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}
