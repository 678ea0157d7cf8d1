package host

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tunnelDevice looks for the device that tunnels are made with, and for the right
// to make one.
func tunnelDevice() []Finding {
	const check, device = "vpn", "/dev/net/tun"
	const only = "only a node behind a tunnel needs it: "
	found := make([]Finding, 0, 2)
	switch err := unix.Access(device, unix.R_OK|unix.W_OK); {
	case err == nil:
		found = append(found, finding(check, OK, "", "%s can be used", device))
	case errors.Is(err, unix.ENOENT):
		found = append(found, finding(check, OK, only+"modprobe tun, or give the container the device", "%s is not there", device))
	default:
		found = append(found, finding(check, OK, only+"give the node's user access to it", "%s cannot be used: %v", device, err))
	}
	if has, err := capability(unix.CAP_NET_ADMIN); err != nil {
		found = append(found, finding(check, OK, "", "whether this has CAP_NET_ADMIN cannot be told: %v", err))
	} else if has {
		found = append(found, finding(check, OK, "", "this has CAP_NET_ADMIN"))
	} else {
		found = append(found, finding(check, OK, only+"run as root, or with AmbientCapabilities=CAP_NET_ADMIN", "this lacks CAP_NET_ADMIN"))
	}
	return found
}

// capability reports whether one is effective here, see proc(5).
func capability(bit uint) (bool, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false, err
	}
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "CapEff:"); ok {
			set, err := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
			return set>>bit&1 == 1, err
		}
	}
	return false, errors.New("/proc/self/status has no line CapEff")
}

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
