package host

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sandbox says what the kernel has to confine executors with. Each is used where
// it is there; WebAssembly's own sandbox holds everywhere.
func (d *doctor) sandbox(context.Context) []Finding {
	const check = "sandbox"
	found := make([]Finding, 0, 4)
	missing := func(format string, args ...any) {
		found = append(found, finding(check, Warning, "use a kernel that has it; executors are confined by WebAssembly and their process all the same", format, args...))
	}
	if _, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err != nil {
		missing("the kernel has no no_new_privs: %v", err)
	} else {
		found = append(found, finding(check, OK, "", "no_new_privs is there"))
	}
	if err := seccomp(); err != nil {
		missing("the kernel has no seccomp filters: %v", err)
	} else {
		found = append(found, finding(check, OK, "", "seccomp filters are there"))
	}
	if abi, err := landlock(); err != nil {
		missing("the kernel has no Landlock: %v", err)
	} else {
		found = append(found, finding(check, OK, "", "Landlock is there, ABI version %d", abi))
	}
	return append(found, limits())
}

// seccomp asks for the action that filters use; nothing is installed.
func seccomp() error {
	const getActionAvail = 2 // SECCOMP_GET_ACTION_AVAIL
	action := uint32(unix.SECCOMP_RET_KILL_PROCESS)
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, getActionAvail, 0, uintptr(unsafe.Pointer(&action)))
	if errno != 0 {
		return errno
	}
	return nil
}

// landlock is the version of the ABI that the kernel speaks.
func landlock() (int, error) {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0, errno
	}
	return int(version), nil
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
