package cage

import (
	"os"
	"slices"
	"unsafe"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// always is what a child does from start to end, the frequent ones first: its
// socket, memory, the clock, and Go's runtime with its own threads. None of it
// names a file, another process, or an address.
var always = []string{
	"futex", "read", "write", "poll", "ppoll", "epoll_pwait", "epoll_wait", "epoll_pwait2", "epoll_ctl",
	"nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time",
	"sched_yield", "sched_getaffinity", "getpid", "gettid", "getrandom",
	"munmap", "madvise", "mremap", "brk", "mincore", "membarrier",
	"sigaltstack", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "restart_syscall",
	"close", "fcntl", "mmap", "mprotect", "tgkill", "eventfd2", "epoll_create1", "writev", "readv",
	"exit", "exit_group", "set_robust_list", "rseq",
}

// storing is what wazero's cache does with files, which Landlock confines to one
// folder.
var storing = []string{
	"openat", "newfstatat", "fstat", "lseek", "pread64", "getdents64", "fsync",
	"mkdirat", "unlinkat", "renameat", "renameat2", "readlinkat", "getcwd",
}

// loading is in force from Enter on, and running from Seal on, on top of it: what
// either refuses is refused.
var (
	loading = stage{
		allow: slices.Concat(always, storing, []string{"clone", "seccomp"}),
		refuse: []seccomp.NameWithConditions{
			// Threads, and never processes.
			when("clone", 0, seccomp.BitsNotSet, unix.CLONE_THREAD),
			// Signals are for the threads of this process alone: the Go runtime's.
			when("tgkill", 0, seccomp.NotEqual, uint64(os.Getpid())),
			// No owner of a descriptor, who would get signals from it.
			when("fcntl", 1, seccomp.GreaterThan, unix.F_SETFL),
		},
	}
	running = stage{
		allow: append(slices.Clone(always), "clone"), // which loading holds to threads: the Go runtime ends where it cannot have one
		refuse: []seccomp.NameWithConditions{
			// No new code.
			when("mmap", 2, seccomp.BitsSet, unix.PROT_EXEC),
			when("mprotect", 2, seccomp.BitsSet, unix.PROT_EXEC),
		},
	}
)

// stage is what a child may call. Everything else is EPERM, which the Go runtime
// and wazero can take.
type stage struct {
	allow  []string // as far as this machine has them
	refuse []seccomp.NameWithConditions
}

func when(name string, argument uint32, op seccomp.Operation, value uint64) seccomp.NameWithConditions {
	return seccomp.NameWithConditions{Name: name, Conditions: seccomp.ArgumentConditions{
		{Argument: argument, Operation: op, Value: value},
	}}
}

// filter confines all threads to a stage. Each refusal is a filter of its own: in
// the library's programs, what follows a condition on an argument compares that
// argument where it means the call's number.
func filter(s stage) error {
	machine, err := arch.GetInfo("")
	if err != nil {
		return err
	}
	const refused = seccomp.ActionErrno // EPERM
	for _, r := range s.refuse {
		err := install(seccomp.ActionAllow, seccomp.SyscallGroup{
			NamesWithCondtions: []seccomp.NameWithConditions{r}, Action: refused,
		})
		if err != nil {
			return err
		}
	}
	var known []string
	for _, name := range s.allow {
		if _, ok := machine.SyscallNames[name]; ok {
			known = append(known, name)
		}
	}
	return install(refused,
		seccomp.SyscallGroup{Names: known, Action: seccomp.ActionAllow},
		// At ENOSYS the C library takes clone, whose flags a filter can see.
		seccomp.SyscallGroup{Names: []string{"clone3"}, Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)})
}

func install(otherwise seccomp.Action, groups ...seccomp.SyscallGroup) error {
	return seccomp.LoadFilter(seccomp.Filter{
		Flag:   seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{DefaultAction: otherwise, Syscalls: groups},
	})
}

// probeSeccomp asks for the action that filters use; nothing is installed.
func probeSeccomp() (string, error) {
	const getActionAvail = 2 // SECCOMP_GET_ACTION_AVAIL
	action := uint32(unix.SECCOMP_RET_ERRNO)
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, getActionAvail, 0, uintptr(unsafe.Pointer(&action)))
	if errno != 0 {
		return "", errno
	}
	if _, err := arch.GetInfo(""); err != nil {
		return "", err
	}
	return "", nil
}
