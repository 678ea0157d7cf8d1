package cage_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"golang.org/x/sys/unix"

	"github.com/conductorquantum/coda/host/executor/cage"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// The test binary is a node that has what a guest may want, and the child that
// tries to get it.
const (
	nodeMode    = "__node"
	attemptMode = "__attempt"
	lesserMode  = "__lesser"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 3 {
		switch os.Args[1] {
		case nodeMode:
			os.Exit(node(os.Args[2]))
		case attemptMode:
			os.Exit(attempt(os.Args[2]))
		case lesserMode:
			os.Exit(lesser(os.Args[2]))
		}
	}
	os.Exit(m.Run())
}

// prey is what a node has, of its own user. Its parts go to the child as JSON.
type prey struct {
	Caged  bool
	TCP    string // listens
	Unix   string // listens, a path
	Hidden string // listens, without a path
	Folder string // private, with a file in it
	Secret uintptr
}

// secret lies in the node's memory, and its environment.
const secret = "hunter2-of-the-node"

// try is something that a guest that has broken out of its sandbox may want.
type try struct {
	name string
	do   func() error
	// rootOnly is why a plain process of an ordinary user cannot do it either.
	rootOnly string
}

func raw(nr uintptr, a ...uintptr) (uintptr, error) {
	var v [6]uintptr
	copy(v[:], a)
	r, _, errno := syscall.RawSyscall6(nr, v[0], v[1], v[2], v[3], v[4], v[5])
	if errno != 0 {
		return 0, errno
	}
	return r, nil
}

// closing is for calls whose result is a descriptor.
func closing(fd int, err error) error {
	if err == nil {
		err = unix.Close(fd)
	}
	return err
}

func read(path string) func() error {
	return func() error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err = f.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
			err = errors.New("is empty")
		}
		return err
	}
}

func dial(network, address string) func() error {
	return func() error {
		c, err := net.Dial(network, address)
		if err == nil {
			err = c.Close()
		}
		return err
	}
}

// forked ends a child that was made by a raw call.
func forked(pid uintptr, err error) error {
	if err == nil && pid == 0 {
		_, _ = raw(unix.SYS_EXIT_GROUP, 0)
	}
	return err
}

func tries(p *prey) []try {
	parent := os.Getppid()
	proc := "/proc/" + strconv.Itoa(parent)
	create := func(dir string) func() error {
		return func() error {
			path := filepath.Join(dir, fmt.Sprintf("coda-attempt-%d", os.Getpid()))
			f, err := os.Create(path)
			if err == nil {
				err = errors.Join(f.Close(), os.Remove(path))
			}
			return err
		}
	}
	buffer := make([]byte, len(secret))
	stolen := func(err error) error {
		if err == nil && string(buffer) != secret {
			err = fmt.Errorf("read %q", buffer)
		}
		clear(buffer)
		return err
	}
	const mount = "mounting takes a capability"
	return []try{
		{"open /etc/passwd", read("/etc/passwd"), ""},
		{"open the cache", read(filepath.Join(p.Folder, "file")), ""},
		{"create in /tmp", create("/tmp"), ""},
		{"create in the cache", create(p.Folder), ""},
		{"remove from the cache", func() error {
			return errors.Join(os.Remove(filepath.Join(p.Folder, "second")), os.WriteFile(filepath.Join(p.Folder, "second"), nil, 0o600))
		}, ""},
		{"link in the cache", func() error {
			link := filepath.Join(p.Folder, "link")
			return errors.Join(os.Symlink("/etc/passwd", link), os.Remove(link))
		}, ""},
		{"chmod the cache", func() error { return os.Chmod(p.Folder, 0o700) }, ""},
		{"change the folder", func() error { return os.Chdir("/tmp") }, ""},
		{"the node's environment", func() error {
			b, err := os.ReadFile(proc + "/environ")
			if err == nil && !strings.Contains(string(b), secret) {
				err = errors.New("holds no secret")
			}
			return err
		}, ""},
		{"the node's descriptors", func() error { _, err := os.ReadDir(proc + "/fd"); return err }, ""},
		{"the node's memory, by its file", func() error {
			f, err := os.Open(proc + "/mem")
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.ReadAt(buffer, int64(p.Secret))
			return stolen(err)
		}, ""},
		{"the node's memory, by process_vm_readv", func() error {
			local := unix.Iovec{Base: &buffer[0], Len: uint64(len(buffer))}
			_, err := unix.ProcessVMReadv(parent, []unix.Iovec{local}, []unix.RemoteIovec{{Base: p.Secret, Len: len(buffer)}}, 0)
			return stolen(err)
		}, ""},
		{"ptrace of the node", func() error {
			runtime.LockOSThread() // who traces is a thread
			defer runtime.UnlockOSThread()
			if err := unix.PtraceSeize(parent); err != nil {
				return err
			}
			if err := unix.PtraceInterrupt(parent); err != nil {
				return err
			}
			if _, err := unix.Wait4(parent, nil, unix.WALL, nil); err != nil {
				return err
			}
			return unix.PtraceDetach(parent)
		}, ""},
		{"kill the node", func() error { return unix.Kill(parent, 0) }, ""},
		{"tgkill the node", func() error { return unix.Tgkill(parent, parent, 0) }, ""},
		{"a handle on the node", func() error { return closing(unix.PidfdOpen(parent, 0)) }, ""},
		{"the node's limits", func() error {
			var l unix.Rlimit
			return unix.Prlimit(parent, unix.RLIMIT_NOFILE, nil, &l)
		}, ""},
		{"the node's priority", func() error { return unix.Setpriority(unix.PRIO_PROCESS, parent, 19) }, ""},
		{"TCP socket", func() error { return closing(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)) }, ""},
		{"UDP socket", func() error { return closing(unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)) }, ""},
		{"unix socket", func() error { return closing(unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)) }, ""},
		{"netlink socket", func() error { return closing(unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, 0)) }, ""},
		{"connect by TCP", dial("tcp", p.TCP), ""},
		{"connect by a path", dial("unix", p.Unix), ""},
		{"connect without a path", dial("unix", p.Hidden), ""},
		{"listen by TCP", func() error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err == nil {
				err = l.Close()
			}
			return err
		}, ""},
		{"descriptors through the socket", func() error { return unix.Sendmsg(socketFD, []byte{0}, unix.UnixRights(0), nil, 0) }, ""},
		{"fork and exec", func() error { return exec.Command("/bin/true").Run() }, ""},
		{"execve", func() error {
			// Of a program that is there: where it is let, the process that says
			// nothing more has become another. A vfork keeps this one.
			pid, err := raw(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0)
			if errors.Is(err, unix.EPERM) { // then this process itself
				_, err = raw(unix.SYS_EXECVE, uintptr(unsafe.Pointer(&program[0])), uintptr(unsafe.Pointer(&arguments[0])), 0)
				return err
			}
			if err != nil {
				return err
			}
			if pid == 0 {
				_, _ = raw(unix.SYS_EXECVE, uintptr(unsafe.Pointer(&program[0])), uintptr(unsafe.Pointer(&arguments[0])), 0)
				_, _ = raw(unix.SYS_EXIT_GROUP, 1)
			}
			var how unix.WaitStatus
			if _, err = unix.Wait4(int(pid), &how, 0, nil); err == nil && how != 0 {
				err = fmt.Errorf("it ended with %d", how.ExitStatus())
			}
			return err
		}, ""},
		{"fork", func() error { return forked(raw(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0)) }, ""},
		{"clone3", func() error {
			args := [8]uint64{4: uint64(unix.SIGCHLD)}
			return forked(raw(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args)))
		}, ""},
		{"mount", func() error { return unix.Mount("none", "/mnt", "tmpfs", 0, "") }, mount},
		{"unshare", func() error { return unix.Unshare(unix.CLONE_NEWUTS) }, "a namespace takes a capability"},
		{"raise the limit of descriptors", func() error {
			var l unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
				return err
			}
			l.Cur++ // the node left room for it
			return unix.Setrlimit(unix.RLIMIT_NOFILE, &l)
		}, ""},
		{"dump core", func() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) }, ""},
		{"outlive the node", func() error { return unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0) }, ""},
		{"memfd", func() error { return closing(unix.MemfdCreate("x", 0)) }, ""},
		{"open a descriptor anew", func() error { return closing(unix.Open("/proc/self/fd/0", unix.O_RDONLY, 0)) }, ""},
		{"watch a file", func() error { return closing(unix.InotifyInit1(0)) }, ""},
		{"page faults", func() error {
			fd, err := raw(unix.SYS_USERFAULTFD, 1) // of user space only
			return closing(int(fd), err)
		}, ""},
		{"io_uring", func() error {
			var params [120]byte
			fd, err := raw(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)))
			return closing(int(fd), err)
		}, ""},
		{"bpf", func() error {
			attr := [16]uint32{2, 4, 4, 1} // an array of one
			fd, err := raw(unix.SYS_BPF, 0, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
			return closing(int(fd), err)
		}, "kernels keep bpf for root"},
		{"perf", func() error {
			return closing(unix.PerfEventOpen(&unix.PerfEventAttr{
				Type: unix.PERF_TYPE_SOFTWARE, Size: unix.PERF_ATTR_SIZE_VER0, Config: unix.PERF_COUNT_SW_TASK_CLOCK, Bits: unix.PerfBitExcludeKernel,
			}, 0, -1, -1, 0))
		}, "kernel.perf_event_paranoid may keep it for root"},
		{"keys", func() error {
			_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, true)
			return err
		}, ""},
		{"signals from a descriptor", func() error { _, err := unix.FcntlInt(socketFD, unix.F_SETOWN, os.Getpid()); return err }, ""},
		{"code in new memory", func() error {
			b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
			if err == nil {
				err = unix.Munmap(b)
			}
			return err
		}, ""},
		{"code in old memory", func() error {
			b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
			if err != nil {
				return err
			}
			return errors.Join(unix.Mprotect(b, unix.PROT_READ|unix.PROT_EXEC), unix.Munmap(b))
		}, ""},
		{"more memory", func() error {
			b, err := unix.Mmap(-1, 0, 3<<30, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
			if err == nil {
				err = unix.Munmap(b)
			}
			return err
		}, ""},
		{"a capability", func() error {
			header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			var has, none [2]unix.CapUserData
			if err := unix.Capget(&header, &has[0]); err != nil || has == none {
				return unix.EPERM
			}
			return nil
		}, "an ordinary user has none"},
	}
}

const socketFD = 3

var (
	program   = []byte("/bin/true\x00")
	arguments = []*byte{&program[0], nil}
)

// attempt tries all, in a cage or not, and reports to the node.
func attempt(b string) int {
	var p prey
	if err := json.Unmarshal([]byte(b), &p); err != nil {
		return 1
	}
	all := tries(&p)
	if p.Caged {
		_, err := cage.Enter(cage.Config{Socket: socketFD, Memory: 2 << 30, Read: p.Folder})
		if err == nil {
			// What it may until it is sealed, in one folder.
			err = read(filepath.Join(p.Folder, "file"))()
		}
		if err == nil {
			err = cage.Seal()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	said := map[string]string{}
	for _, t := range all {
		said[t.name] = ""
		if err := t.do(); err != nil {
			said[t.name] = err.Error()
		}
	}
	answer, err := json.Marshal(said)
	if err == nil {
		_, err = os.NewFile(socketFD, "node").Write(append([]byte("\n"), answer...))
	}
	if err != nil {
		return 1
	}
	return 0
}

// node has what a guest may want, starts a child, and prints what that reports.
func node(mode string) int {
	report, err := play(mode == "caged")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(report)
	return 0
}

func play(caged bool) (string, error) {
	held := []byte(secret)
	p := prey{Caged: caged, Secret: uintptr(unsafe.Pointer(&held[0]))}
	var err error
	if p.Folder, err = os.MkdirTemp("", "coda-attempt-"); err != nil {
		return "", err
	}
	defer os.RemoveAll(p.Folder)
	for _, name := range []string{"file", "second"} {
		if err := os.WriteFile(filepath.Join(p.Folder, name), []byte("code"), 0o600); err != nil {
			return "", err
		}
	}
	p.Unix, p.Hidden = filepath.Join(p.Folder, "socket"), "@coda-attempt-"+strconv.Itoa(os.Getpid())
	for _, l := range []struct{ network, address string }{{"tcp", "127.0.0.1:0"}, {"unix", p.Unix}, {"unix", p.Hidden}} {
		listener, err := net.Listen(l.network, l.address)
		if err != nil {
			return "", err
		}
		defer listener.Close()
		if l.network == "tcp" {
			p.TCP = listener.Addr().String()
		}
	}
	// Yama lets parents trace their children, and not these their parents.
	_ = unix.Prctl(unix.PR_SET_PTRACER, ^uintptr(0), 0, 0, 0)
	// Room to raise it, for a child that may.
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: 128}); err != nil {
		return "", err
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	defer ours.Close()
	b, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	cmd := exec.Command("/proc/self/exe", attemptMode, string(b))
	cmd.Env, cmd.Stderr, cmd.ExtraFiles = []string{}, os.Stderr, []*os.File{theirs}
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if caged {
			cage.Shed()
		}
		done <- cmd.Run()
	}()
	err = errors.Join(<-done, theirs.Close())
	if err != nil {
		return "", err
	}
	report, err := io.ReadAll(ours)
	runtime.KeepAlive(held)
	_, answer, _ := strings.Cut(string(report), "\n") // before it stands what was sent with descriptors
	return answer, err
}

// complete is for tests of the whole cage.
func complete(t *testing.T) {
	t.Helper()
	for _, missing := range cage.Probe().Missing() {
		require.Missing(t, "cage", "this kernel has no "+missing)
	}
}

func TestNothingIsLeftToAChild(t *testing.T) {
	complete(t)
	users := map[string]*syscall.Credential{"own": nil}
	if os.Geteuid() == 0 {
		users["nobody"] = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	for name, user := range users {
		root := os.Geteuid() == 0 && user == nil
		for _, mode := range []string{"caged", "free"} {
			t.Run(name+" "+mode, func(t *testing.T) {
				cmd := exec.Command("/proc/self/exe", nodeMode, mode)
				cmd.Env, cmd.Dir = []string{"CODA_SECRET=" + secret}, "/"
				cmd.Stderr = os.Stderr
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
				b, err := cmd.Output()
				if err != nil {
					t.Fatal(err)
				}
				said := map[string]string{}
				if err := json.Unmarshal(b, &said); err != nil {
					t.Fatalf("%v in %q", err, b)
				}
				var outside []string // what the machine itself refuses, as a container may
				for _, try := range tries(&prey{}) {
					err, tried := said[try.name]
					switch {
					case !tried:
						t.Errorf("%s: was not tried", try.name)
					case mode == "caged" && err == "":
						t.Errorf("%s: succeeds in the cage", try.name)
					case mode == "free" && err != "" && (root || try.rootOnly == ""):
						outside = append(outside, try.name+": "+err)
					}
				}
				if len(outside) > 0 {
					require.Missing(t, "cage", "fails without a cage too: "+strings.Join(outside, "; "))
				}
			})
		}
	}
}

// lesser is a child on a kernel that has not these system calls.
func lesser(calls string) int {
	err := seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionAllow,
		Syscalls: []seccomp.SyscallGroup{{
			Names: strings.Fields(calls), Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS),
		}},
	}})
	var report cage.Report
	if err == nil {
		report, err = cage.Enter(cage.Config{Socket: socketFD})
	}
	if err == nil {
		err = cage.Seal()
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	for _, f := range report {
		if f.Missing {
			fmt.Printf("%s: %s. %s\n", f.Name, f.Detail, f.Without)
		}
	}
	_, err = os.Open("/etc/passwd")
	fmt.Println("a file:", err)
	_, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	fmt.Println("a socket:", err)
	return 0
}

// TestEachPartStandsAlone: what a kernel lacks is named with what that means, and
// the rest holds.
func TestEachPartStandsAlone(t *testing.T) {
	complete(t)
	for calls, want := range map[string][]string{
		"landlock_create_ruleset":         {"Landlock: function not implemented. a module", "a file: open /etc/passwd: operation not permitted", "a socket: operation not permitted"},
		"seccomp":                         {"seccomp: function not implemented. a guest", "a file: open /etc/passwd: permission denied", "a socket: <nil>"},
		"landlock_create_ruleset seccomp": {"Landlock: function", "seccomp: function", "a file: <nil>", "a socket: <nil>"},
	} {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
		cmd := exec.Command("/proc/self/exe", lesserMode, calls)
		cmd.ExtraFiles = []*os.File{theirs}
		b, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v", calls, err)
		}
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		if len(lines) != len(want) {
			t.Errorf("%s: it says\n%s", calls, b)
			continue
		}
		for i := range want {
			if !strings.HasPrefix(lines[i], want[i]) {
				t.Errorf("%s: it says %q, want %q", calls, lines[i], want[i])
			}
		}
		ours.Close()
		theirs.Close()
	}
}
