package cage_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/conductorquantum/coda/host/executor/cage"
)

const attemptMode = "__attempt"

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == attemptMode {
		os.Exit(attempt(os.Args[2] == "caged", os.Args[3]))
	}
	os.Exit(m.Run())
}

// try is something that a guest that has broken out of its sandbox may want.
type try struct {
	name string
	hard bool // it may fail without a cage too, on this machine or for this user
	do   func() error
}

func raw(nr uintptr, a ...uintptr) error {
	var v [6]uintptr
	copy(v[:], a)
	if _, _, errno := syscall.RawSyscall6(nr, v[0], v[1], v[2], v[3], v[4], v[5]); errno != 0 {
		return errno
	}
	return nil
}

func connect(domain, kind int) func() error {
	return func() error {
		fd, err := unix.Socket(domain, kind, 0)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
}

func read(path string) func() error {
	return func() error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.Read(make([]byte, 1))
		return err
	}
}

func tries(folder string) []try {
	parent := os.Getppid()
	proc := "/proc/" + strconv.Itoa(parent)
	create := func(dir string) func() error {
		return func() error {
			path := filepath.Join(dir, fmt.Sprintf("coda-attempt-%d", os.Getpid()))
			f, err := os.Create(path)
			if err == nil {
				f.Close()
				os.Remove(path)
			}
			return err
		}
	}
	page := make([]byte, 8)
	return []try{
		{"open /etc/passwd", false, read("/etc/passwd")},
		{"create in /tmp", false, create("/tmp")},
		{"create in the cache", false, create(folder)},
		{"read the node's environment", false, read(proc + "/environ")},
		{"open the node's memory", false, func() error {
			f, err := os.Open(proc + "/mem")
			if err == nil {
				f.Close()
			}
			return err
		}},
		{"process_vm_readv", false, func() error {
			local := unix.Iovec{Base: &page[0], Len: 8}
			remote := unix.RemoteIovec{Base: uintptr(unsafe.Pointer(&tries0)), Len: 8}
			_, err := unix.ProcessVMReadv(parent, []unix.Iovec{local}, []unix.RemoteIovec{remote}, 0)
			if err == unix.EFAULT {
				err = nil // it may, and nothing is there
			}
			return err
		}},
		{"ptrace", true, func() error { return unix.PtraceSeize(parent) }},
		{"kill the node", false, func() error { return unix.Kill(parent, 0) }},
		{"tgkill the node", false, func() error { return unix.Tgkill(parent, parent, 0) }},
		{"TCP socket", false, connect(unix.AF_INET, unix.SOCK_STREAM)},
		{"UDP socket", false, connect(unix.AF_INET, unix.SOCK_DGRAM)},
		{"unix socket", false, connect(unix.AF_UNIX, unix.SOCK_STREAM)},
		{"netlink socket", false, connect(unix.AF_NETLINK, unix.SOCK_RAW)},
		{"abstract socket", false, func() error {
			l, err := net.Listen("unix", "@coda-attempt-"+strconv.Itoa(os.Getpid()))
			if err == nil {
				l.Close()
			}
			return err
		}},
		{"connect the node's socket", true, func() error {
			return raw(unix.SYS_CONNECT, 3, uintptr(unsafe.Pointer(&unix.RawSockaddrUnix{Family: unix.AF_UNIX})), 2)
		}},
		{"fork and exec", false, func() error { return exec.Command("/bin/true").Run() }},
		{"fork", false, func() error {
			pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
			if errno != 0 {
				return errno
			}
			if pid == 0 {
				raw(unix.SYS_EXIT_GROUP, 0)
			}
			return nil
		}},
		{"execve of what is not there", true, func() error { return unix.Exec("/nothing", nil, nil) }},
		{"mount", true, func() error { return unix.Mount("none", "/mnt", "tmpfs", 0, "") }},
		{"unshare", true, func() error { return unix.Unshare(unix.CLONE_NEWUTS) }},
		{"raise a limit", true, func() error {
			return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20})
		}},
		{"the node's limits", false, func() error {
			var l unix.Rlimit
			return unix.Prlimit(parent, unix.RLIMIT_NOFILE, nil, &l)
		}},
		{"memfd", false, func() error {
			fd, err := unix.MemfdCreate("x", 0)
			if err == nil {
				unix.Close(fd)
			}
			return err
		}},
		{"open a descriptor anew", false, func() error {
			f, err := os.Open("/proc/self/fd/0")
			if err == nil {
				f.Close()
			}
			return err
		}},
		{"io_uring", true, func() error {
			var p [120]byte
			return raw(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&p)))
		}},
		{"bpf", true, func() error {
			var a [64]byte
			return raw(unix.SYS_BPF, 0, uintptr(unsafe.Pointer(&a)), 64)
		}},
		{"perf", true, func() error { _, err := unix.PerfEventOpen(&unix.PerfEventAttr{}, 0, -1, -1, 0); return err }},
		{"keyctl", true, func() error {
			_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, true)
			return err
		}},
		{"signals from a descriptor", false, func() error { _, err := unix.FcntlInt(3, unix.F_SETOWN, os.Getpid()); return err }},
		{"code in new memory", false, func() error {
			_, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
			return err
		}},
		{"more memory", false, func() error {
			_, err := unix.Mmap(-1, 0, 3<<30, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
			return err
		}},
		{"a capability", true, func() error {
			header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			var has, none [2]unix.CapUserData
			if err := unix.Capget(&header, &has[0]); err != nil || has == none {
				return unix.EPERM
			}
			return nil
		}},
	}
}

var tries0 [8]byte

// attempt tries all, in a cage or not, and reports on descriptor 3.
func attempt(caged bool, folder string) int {
	socket := os.NewFile(3, "parent")
	all := tries(folder)
	if caged {
		if _, err := cage.Enter(cage.Config{Socket: 3, Memory: 2 << 30, Read: folder}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if err := cage.Seal(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	said := map[string]string{}
	for _, t := range all {
		if err := t.do(); err != nil {
			said[t.name] = err.Error()
		} else {
			said[t.name] = ""
		}
	}
	b, _ := json.Marshal(said)
	if _, err := socket.Write(b); err != nil {
		return 1
	}
	return 0
}

func TestNothingIsLeftToAChild(t *testing.T) {
	for _, missing := range cage.Probe().Missing() {
		t.Skip("this kernel lacks " + missing)
	}
	users := []*syscall.Credential{nil}
	if os.Geteuid() == 0 {
		users = append(users, &syscall.Credential{Uid: 65534, Gid: 65534})
	}
	for i, user := range users {
		for _, mode := range []string{"caged", "free"} {
			t.Run(fmt.Sprint(mode, i), func(t *testing.T) {
				said := run(t, mode, user)
				for _, try := range tries("") {
					err, tried := said[try.name]
					switch {
					case !tried:
						t.Errorf("%s: was not tried", try.name)
					case mode == "caged" && err == "":
						t.Errorf("%s: succeeds in the cage", try.name)
					case mode == "free" && err != "" && !try.hard && user == nil:
						t.Errorf("%s: fails without a cage too: %s", try.name, err)
					}
				}
			})
		}
	}
}

func run(t *testing.T, mode string, user *syscall.Credential) map[string]string {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	defer ours.Close()
	cmd := exec.Command("/proc/self/exe", attemptMode, mode, "/tmp")
	cmd.Env, cmd.Stderr, cmd.ExtraFiles = []string{}, os.Stderr, []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if mode == "caged" && user == nil {
			cage.Shed()
		}
		done <- cmd.Run()
	}()
	select {
	case err = <-done:
	case <-time.After(time.Minute):
		t.Fatal("the attempts do not end")
	}
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	if err := json.NewDecoder(ours).Decode(&said); err != nil {
		t.Fatal(err)
	}
	return said
}
