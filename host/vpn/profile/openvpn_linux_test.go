package profile_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/testkit/require"
)

// What OpenVPN is made to do here: read a profile, print what it understood, load the
// keys, and try to connect through a proxy that cannot be reached, in a network
// namespace with nothing in it. Then it begins anew, or ends. What comes after the
// profile on its command line has the last word. No script-security is among it: the
// policy has to do without.
var afterProfile = []string{
	"--verb", "4", "--mute", "0", "--suppress-timestamps",
	"--socks-proxy", "127.0.0.1", "9", "--connect-retry", "0", "0",
}

// patience is how long OpenVPN may take for a profile, which takes it milliseconds.
const patience = time.Minute

// bench is a folder in which OpenVPN is watched by strace.
type bench struct {
	dir, openvpn, strace string
}

func newBench(tb testing.TB) *bench {
	tb.Helper()
	b := &bench{
		dir:     tb.TempDir(),
		openvpn: require.Program(tb, "openvpn", "openvpn", "openvpn"),
		strace:  require.Program(tb, "strace", "strace", "strace"),
	}
	for _, probe := range []struct {
		part, what string
		cmd        *exec.Cmd
	}{
		{"netns", "network namespaces cannot be made here", exec.Command("/bin/true")},
		{"strace", "strace cannot watch processes here", exec.Command(b.strace, "-f", "--seccomp-bpf", "-qq", "-o", os.DevNull, "/bin/true")},
	} {
		apart(probe.cmd)
		if out, err := probe.cmd.CombinedOutput(); err != nil {
			require.Missing(tb, probe.part, fmt.Sprintf("%s: %v %s", probe.what, err, out))
		}
	}
	return b
}

// apart has the command run in a network namespace and a process group of its own,
// and end with the test however that ends.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
}

// command is OpenVPN under strace, which notes every system call that names a file or
// makes a process.
func (b *bench) command(ctx context.Context, config, trace string, args ...string) *exec.Cmd {
	args = slices.Concat([]string{
		"-f", "--seccomp-bpf", "-qq", "-e", "trace=%file,fork,vfork,clone,clone3,bind", "-e", "signal=none", "-o", trace,
		"setpriv", "--pdeathsig", "KILL", b.openvpn, "--config", config, // strace does not take along what it watches
		// A name that nobody resolves here, such as a random one before the address of a proxy,
		// is not waited for.
	}, afterProfile, []string{"--resolv-retry", "0"}, args)
	cmd := exec.CommandContext(ctx, b.strace, args...)
	apart(cmd)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // OpenVPN as well
	cmd.Dir = b.dir
	cmd.Env = []string{"TZ=UTC0", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR=" + b.dir}
	return cmd
}

// once runs OpenVPN with a profile from beginning to end, and returns what it printed
// and what it touched.
func (b *bench) once(t *testing.T, text string) (output string, touched []string) {
	t.Helper()
	config, trace := filepath.Join(b.dir, "once.ovpn"), filepath.Join(b.dir, "once.trace")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	printed, err := b.command(ctx, config, trace, "--remap-usr1", "SIGTERM").CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed || ctx.Err() != nil {
		t.Fatalf("openvpn: %v, %v", err, ctx.Err())
	}
	all, err := b.touched(trace, config)
	if err != nil || len(all) != 1 {
		t.Fatalf("the profile was read %d times, %v", len(all), err)
	}
	return string(printed), all[0]
}

// reader is an OpenVPN that reads one profile after another, from a pipe that it opens
// each time that it begins anew. That takes it a tenth of the time of a new process.
type reader struct {
	bench  *bench
	name   string
	report func(text string, touched []string) // gets, sooner or later, what each profile made it touch

	pipe   string
	trace  string
	runs   int // processes so far
	cancel context.CancelFunc
	prints chan string   // what it prints for each profile, and at its end; nil while none runs
	fed    []string      // what this process was given
	ended  chan struct{} // closed when it has ended
}

func (b *bench) newReader(name string, report func(text string, touched []string)) (*reader, error) {
	r := &reader{bench: b, name: name, report: report, pipe: filepath.Join(b.dir, name+".pipe")}
	err := syscall.Mkfifo(r.pipe, 0o600)
	if errors.Is(err, fs.ErrExist) { // of a reader that has ended
		err = nil
	}
	return r, err
}

// read gives OpenVPN a profile, and returns what it prints until it begins anew or
// ends.
func (r *reader) read(text string) (printed string, err error) {
	if pauses.MatchString(text) {
		if err := r.close(); err != nil {
			return "", err
		}
	}
	if r.prints == nil {
		if err := r.start(); err != nil {
			return "", err
		}
	}
	late := time.AfterFunc(patience, r.cancel)
	defer late.Stop()
	pipe, err := r.open()
	if err != nil {
		return "", errors.Join(err, r.finish())
	}
	r.fed = append(r.fed, text)
	go func() {
		_, _ = pipe.WriteString(text) // OpenVPN may end before it has read everything
		pipe.Close()
	}()
	printed = <-r.prints
	switch {
	case strings.HasSuffix(printed, again):
		return printed, nil
	case !late.Stop():
		err = fmt.Errorf("openvpn did not come to an end within %v:\n%s", patience, printed)
	}
	return printed, errors.Join(err, r.finish())
}

// start starts a process.
func (r *reader) start() error {
	r.runs++
	r.trace = filepath.Join(r.bench.dir, fmt.Sprintf("%s.%d.trace", r.name, r.runs))
	ctx, cancel := context.WithCancel(context.Background())
	cmd := r.bench.command(ctx, r.pipe, r.trace, "--remap-usr1", "SIGHUP")
	out, err := cmd.StdoutPipe()
	if err != nil {
		cancel()
		return err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		cancel()
		return err
	}
	prints, ended := make(chan string, 1), make(chan struct{})
	r.cancel, r.prints, r.ended, r.fed = cancel, prints, ended, nil
	go func() {
		var b strings.Builder
		for lines := bufio.NewReader(out); ; {
			line, err := lines.ReadString('\n')
			b.WriteString(line)
			if err != nil {
				break
			}
			if strings.HasSuffix(line, again) {
				prints <- b.String()
				b.Reset()
			}
		}
		_ = cmd.Wait() // how it ended is in what it printed
		close(ended)
		prints <- b.String()
		close(prints)
	}()
	return nil
}

// again is what OpenVPN prints before it reads the next profile.
const again = "received, process restarting\n"

// open waits until OpenVPN has opened the pipe. To wait in the call itself would be
// for ever if it ended.
func (r *reader) open() (*os.File, error) {
	for {
		pipe, err := os.OpenFile(r.pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if !errors.Is(err, syscall.ENXIO) {
			return pipe, err
		}
		select {
		case <-r.ended:
			return nil, errors.New("openvpn ended before it read the profile")
		case <-time.After(100 * time.Microsecond):
		}
	}
}

// finish waits for the end of the process and reports what it touched.
func (r *reader) finish() error {
	r.cancel()
	for range r.prints {
	}
	r.prints = nil
	all, err := r.bench.touched(r.trace, r.pipe)
	if err != nil {
		return err
	}
	if len(all) < len(r.fed) {
		return fmt.Errorf("%d profiles were given, and %d were read", len(r.fed), len(all))
	}
	for i, text := range r.fed {
		r.report(text, all[i])
	}
	return os.Remove(r.trace)
}

// close ends OpenVPN, with what is no profile.
func (r *reader) close() error {
	if r.prints == nil {
		return nil
	}
	_, err := r.read("no-profile\n")
	return err
}

var (
	call   = regexp.MustCompile(`^\d+\s+(\w+)\(`)
	quoted = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
	makes  = regexp.MustCompile(`^(execve|execveat|fork|vfork|clone|clone3)$`)

	// own are the paths that OpenVPN looks at whatever the profile says: for its
	// capabilities, for a driver, and, if a remote is of IPv6, which our proxy is not,
	// to resolve a name.
	own = regexp.MustCompile(`^(|/proc/\d+/status|/sys/module/ovpn_dco_v2/version|/usr/share/zoneinfo/UTC0|` +
		`/|/etc/(resolv\.conf|host\.conf|hosts|nsswitch\.conf|gai\.conf|ld\.so\.cache)|(/usr)?/lib/[\w./-]*/lib(nss_\w+|resolv)\.so\.2)$`)

	// pauses tells texts before which a process that begins anew waits for seconds.
	pauses = regexp.MustCompile(`(?m)^[ \t]*proto[ \t]+["']?tcp[46]?["' \t\r]*([#;].*)?$`)
)

// touched reads what strace noted: for each time that the profile was opened the
// programs and files that are not OpenVPN's own. What happens before the first time
// cannot depend on a profile.
func (b *bench) touched(trace, config string) ([][]string, error) {
	file, err := os.Open(trace)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all [][]string
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		line := scanner.Text()
		match := call.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		name := match[1]
		if strings.HasPrefix(name, "open") && strings.Contains(line, `"`+config+`"`) {
			all = append(all, nil)
			continue
		}
		if len(all) == 0 {
			continue
		}
		foreign := makes.MatchString(name)
		if name != "bind" || strings.Contains(line, "sun_path") {
			for _, path := range quoted.FindAllStringSubmatch(line, -1) {
				foreign = foreign || !own.MatchString(path[1]) && path[1] != b.dir
			}
		}
		if foreign {
			last := len(all) - 1
			all[last] = append(all[last], line)
		}
	}
	return all, scanner.Err()
}

// settings are what OpenVPN says it has understood, by name, once it has found no
// error in its options; nil if it has not come to that.
func settings(printed string) map[string][]string {
	_, rest, found := strings.Cut(printed, "Current Parameter Settings:\n")
	if !found {
		return nil
	}
	dump, _, _ := strings.Cut(rest, "\nOpenVPN ")
	all := map[string][]string{}
	for line := range strings.SplitSeq(dump, "\n") {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " = "); ok {
			all[name] = append(all[name], value)
		}
	}
	delete(all, "config") // where it read them
	return all
}

// ours are the settings that the directives of the grammar may change. Several stand
// once for each remote.
var ours = regexp.MustCompile(`^(client|pull|tls_client|proto|local|local_port|remote|remote_port|remote_float|remote_random|bind_defined|bind_local|` +
	`connect_\w+|resolve_retry_seconds|sockflags|dev|dev_type|topology|keepalive_\w+|ping_\w+|inactivity_\w+|explicit_exit_notification|` +
	`persist_tun|persist_key|route_nopull|mute_replay_warnings|ssl_flags|tls_exit|remote_cert_eku|remote_cert_ku\[i\]|verify_x509_\w+|verify_hash\w*|` +
	`key_direction|ciphername|authname|ncp_ciphers|cipher_list|cipher_list_tls13|tls_cert_profile|renegotiate_\w+|handshake_window|transition_window|` +
	`tls_timeout|tun_mtu|tun_mtu_defined|mssfix\w*|fragment|sndbuf|rcvbuf)$`)

// inline are the settings of what a profile brings in blocks.
var inline = regexp.MustCompile(`^(ca|cert|priv_key|extra_certs|pkcs12|crl|tls_auth|tls_crypt|tls_crypt_v2)_file$`)

// unlike are the settings that are not as they are with an ordinary profile, and that
// no directive of the grammar is for: those of programs, of files, of servers. What
// they set takes effect only later than OpenVPN comes to here.
func unlike(ordinary, got map[string][]string) []string {
	var list []string
	for name, values := range got {
		for _, value := range values {
			switch {
			case slices.Contains(ordinary[name], value), ours.MatchString(name):
			case inline.MatchString(name) && (value == "'[INLINE]'" || value == "'[UNDEF]'"):
			default:
				list = append(list, name+" = "+value)
			}
		}
	}
	return list
}
