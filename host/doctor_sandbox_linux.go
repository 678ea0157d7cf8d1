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
	const check = "sandbox"
	found := make([]Finding, 0, 4)
	missing := func(format string, args ...any) {
		found = append(found, finding(check, Warning, "use a kernel that has it; executors are confined by WebAssembly and their process all the same", format, args...))
	}
	for _, f := range cage.Probe() {
		switch {
		case f.Missing:
			missing("the kernel has no %s: %s", f.Name, f.Detail)
		case f.Detail != "":
			found = append(found, finding(check, OK, "", "%s is there, %s", f.Name, f.Detail))
		default:
			found = append(found, finding(check, OK, "", "%s: there", f.Name))
		}
	}
	return append(found, limits())
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
