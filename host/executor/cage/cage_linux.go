package cage

import (
	"errors"
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// part is one part of the cage: whether the kernel has it, and how it is entered.
type part struct {
	name    string
	without string                            // what it means that it is missing; "": it never is
	probe   func() (detail string, err error) // nil: every kernel has it
	enter   func(Config) error
}

// parts stand in the order in which they are entered. Each needs something that
// a later one takes away.
var parts = []part{
	{"parent-death signal", "", nil, dieWithParent},
	{"resource limits", "", nil, limit},
	{
		"no_new_privs", "a guest that breaks out of WebAssembly, and past seccomp, can start programs that have more rights than the node",
		probeNoNewPrivs, noNewPrivs,
	},
	{
		"Landlock", "a module that takes over its compiler can open the node's files; one that breaks out as it runs cannot, where there is seccomp",
		probeLandlock, restrict,
	},
	{"capabilities", "", nil, dropCapabilities},
	{"no core dumps", "", nil, func(Config) error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }},
	{
		"seccomp", "a guest that breaks out of WebAssembly can make all system calls: start programs, send signals to the node, use the network, but for what Landlock closes",
		probeSeccomp, func(Config) error { return filter(loading) },
	},
}

// Probe says which parts the kernel has. It changes nothing.
func Probe() Report {
	report := make(Report, 0, len(parts))
	for _, p := range parts {
		f := Feature{Name: p.name}
		if p.probe != nil {
			var err error
			if f.Detail, err = p.probe(); err != nil {
				f.Missing, f.Detail, f.Without = true, err.Error(), p.without
			}
		}
		report = append(report, f)
	}
	return report
}

// Enter confines this process, all of its threads, for the rest of its life. The
// report says which parts the kernel does not have. That one that it has cannot
// be entered is an error: the process must then end.
func Enter(cfg Config) (Report, error) {
	report := Probe()
	for i, p := range parts {
		if report[i].Missing {
			continue
		}
		if err := p.enter(cfg); err != nil {
			return report, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return report, nil
}

// Seal takes away what loading the code needed: files, and memory that can be
// executed.
func Seal() error {
	if _, err := probeSeccomp(); err != nil {
		return nil //nolint:nilerr // Enter has reported it.
	}
	return filter(running)
}

func probeNoNewPrivs() (string, error) {
	_, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	return "", err
}

// noNewPrivs has nothing to do in a child whose parent's thread was shed.
func noNewPrivs(Config) error {
	if on, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err == nil && on == 1 {
		return nil
	}
	return everyThread(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1)
}

// dieWithParent has the kernel kill us when the thread that started us ends; the
// node keeps that thread for as long as we live. A parent that is gone already
// sends no signal.
func dieWithParent(cfg Config) error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	peer, err := unix.GetsockoptUcred(cfg.Socket, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return err
	}
	// 0 is a parent in another PID namespace.
	if parent := os.Getppid(); peer.Pid != 0 && parent != 0 && int(peer.Pid) != parent {
		return errors.New("the node has ended")
	}
	return nil
}

// files is the most descriptors: the standard streams, the socket, what polling
// takes, and a file of compiled code.
const files = 32

// limit sets resource limits, hard ones too.
func limit(cfg Config) error {
	set := map[int]uint64{
		unix.RLIMIT_CORE:     0,
		unix.RLIMIT_FSIZE:    cfg.FileSize,
		unix.RLIMIT_NOFILE:   files,
		unix.RLIMIT_MEMLOCK:  0,
		unix.RLIMIT_MSGQUEUE: 0,
	}
	if cfg.Memory > 0 {
		space, data, err := mapped()
		if err != nil {
			return err
		}
		set[unix.RLIMIT_AS] = space + cfg.Memory
		// What the runtime has reserved is no more than address space until it is used.
		set[unix.RLIMIT_DATA] = data + cfg.Memory
	}
	if cfg.CPU > 0 {
		set[unix.RLIMIT_CPU] = uint64(math.Ceil(cfg.CPU.Seconds()))
	}
	for resource, most := range set {
		var now unix.Rlimit
		if err := unix.Getrlimit(resource, &now); err != nil {
			return err
		}
		most = min(most, now.Max) // what we were given may be less
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("resource %d: %w", resource, err)
		}
	}
	return nil
}

// mapped is how much address space the process has mapped or reserved, and how much
// of it can be written to, in bytes. See statm in proc(5).
func mapped() (space, data uint64, err error) {
	stat, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0, err
	}
	var resident, shared, text, lib uint64
	if _, err := fmt.Sscan(string(stat), &space, &resident, &shared, &text, &lib, &data); err != nil {
		return 0, 0, fmt.Errorf("/proc/self/statm: %w", err)
	}
	page := uint64(os.Getpagesize())
	return space * page, data * page, nil
}

// everyThread makes a system call on all threads, and reports what failed.
func everyThread(trap uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := psx.Syscall6(trap, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}
