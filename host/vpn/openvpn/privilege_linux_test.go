package openvpn

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/conductorquantum/coda/host/testkit/nettest"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// asChild names the program that a child of the test asks about.
const asChild = "CODA_TEST_MISSING"

// verdict is what the child says from where it stands.
type verdict struct {
	Missing []Lack
	Tunnel  string // why OpenVPN cannot make one; empty if it can
}

// What is missing is found by a child with other privileges than the test's own,
// and what OpenVPN does there proves it right.
func TestMissingIsWhatOpenVPNLacks(t *testing.T) {
	if program := os.Getenv(asChild); program != "" {
		judge(t, program)
	}
	t.Parallel()
	const (
		fresh  = "mount -t tmpfs none /dev/net && "
		open   = fresh + "mknod -m 666 /dev/net/tun c 10 200 && "
		root   = "exec "
		nobody = "exec setpriv --reuid 65534 --regid 65534 --clear-groups "
		// As systemd's AmbientCapabilities does it.
		ambient = nobody + "--inh-caps -all,+net_admin --ambient-caps -all,+net_admin "
	)
	openvpn := require.Program(t, "openvpn", "openvpn", "openvpn")
	require.Program(t, "netns", "setpriv", "util-linux")
	folder := t.TempDir()
	if err := os.Chmod(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	node, nodeBrings := copied(t, folder, "node", self), copied(t, folder, "node-brings", self)
	bear(t, nodeBrings, 0x02000001, 1<<unix.CAP_NET_ADMIN)
	// As setcap cap_net_admin+ep does it, and +p, which OpenVPN does not make use of.
	brings := copied(t, folder, "brings", openvpn)
	bear(t, brings, 0x02000001, 1<<unix.CAP_NET_ADMIN)
	halfway := copied(t, folder, "halfway", openvpn)
	bear(t, halfway, 0x02000000, 1<<unix.CAP_NET_ADMIN)
	another := copied(t, folder, "another", openvpn)
	bear(t, another, 0x02000001, 1<<unix.CAP_NET_RAW)

	for name, tt := range map[string]struct {
		setup   string // of sh, in a mount namespace of its own
		program string
		want    []string // a part of each that is missing
		node    string   // else one without capabilities of its own
	}{
		"root":                        {open + root, openvpn, nil, ""},
		"nobody":                      {open + nobody, openvpn, []string{"this lacks CAP_NET_ADMIN"}, ""},
		"ambient":                     {open + ambient, openvpn, nil, ""},
		"ambient, no_new_privs":       {open + ambient + "--no-new-privs ", openvpn, nil, ""},
		"root without the capability": {open + root + "setpriv --bounding-set -net_admin --inh-caps -all ", openvpn, []string{"this lacks CAP_NET_ADMIN"}, ""},

		"by the node's file":        {open + nobody, openvpn, nil, nodeBrings},
		"by file":                   {open + nobody, brings, nil, ""},
		"by file, no_new_privs":     {open + nobody + "--no-new-privs ", brings, []string{"no_new_privs"}, ""},
		"by file, out of bounds":    {open + nobody + "--bounding-set -net_admin ", brings, []string{"operation not permitted", "this lacks CAP_NET_ADMIN"}, ""},
		"by file, not effective":    {open + nobody, halfway, []string{"this lacks CAP_NET_ADMIN"}, ""},
		"by file, another":          {open + nobody, another, []string{"this lacks CAP_NET_ADMIN"}, ""},
		"root of another namespace": {open + "exec unshare --user --map-root-user ", openvpn, []string{"the network belongs to the user namespace outside"}, ""},
		"root of its own network":   {open + "exec unshare --user --map-root-user --net ", openvpn, nil, ""},

		"no device":            {fresh + root, openvpn, []string{"/dev/net/tun is not there"}, ""},
		"no driver":            {fresh + "mknod -m 666 /dev/net/tun c 10 254 && " + root, openvpn, []string{"the kernel has no driver for /dev/net/tun"}, ""},
		"no such major number": {fresh + "mknod -m 666 /dev/net/tun c 400 1 && " + root, openvpn, []string{"the kernel has no driver for /dev/net/tun"}, ""},
		"a file":               {fresh + "touch /dev/net/tun && " + root, openvpn, []string{"/dev/net/tun is not a device for tunnels"}, ""},
		"a block device":       {fresh + "mknod -m 666 /dev/net/tun b 7 0 && " + root, openvpn, []string{"/dev/net/tun is not a device for tunnels"}, ""},
		"hidden by another":    {"mount --bind /dev/null /dev/net/tun && " + root, openvpn, []string{"/dev/net/tun is another device"}, ""},
		"closed to the user":   {fresh + "mknod -m 600 /dev/net/tun c 10 200 && " + ambient, openvpn, []string{"/dev/net/tun is closed to this user"}, ""},
		"nothing at all":       {fresh + nobody, openvpn, []string{"this lacks CAP_NET_ADMIN", "/dev/net/tun is not there"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := nettest.New(t).Command("unshare", "--mount", "sh", "-c", tt.setup+`"$@"`, "sh", cmp.Or(tt.node, node), "-test.run=^TestMissingIsWhatOpenVPNLacks$")
			cmd.Env = append(os.Environ(), asChild+"="+tt.program)
			cmd.Dir = "/"
			out, err := cmd.Output()
			if err != nil {
				var said []byte
				if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
					said = exit.Stderr
				}
				t.Fatalf("%v: %s%s", err, out, said)
			}
			var got verdict
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if (len(got.Missing) == 0) != (got.Tunnel == "") {
				t.Errorf("missing is %v, and OpenVPN says %q", got.Missing, got.Tunnel)
			}
			if len(got.Missing) != len(tt.want) {
				t.Fatalf("missing is %v, not %q", got.Missing, tt.want)
			}
			for i, want := range tt.want {
				expect(t, &got.Missing[i], want)
			}
		})
	}
}

// judge asks what is missing, and then OpenVPN itself for a tunnel.
func judge(t *testing.T, program string) {
	v := verdict{Missing: Missing(t.Context(), program)}
	cmd := exec.Command(program, "--mktun", "--dev", "tun7")
	cmd.SysProcAttr = new(syscall.SysProcAttr)
	grant(cmd.SysProcAttr)
	if out, err := cmd.CombinedOutput(); err != nil {
		v.Tunnel = err.Error() + ": " + string(out)
	}
	if err := json.NewEncoder(os.Stdout).Encode(v); err != nil {
		t.Fatal(err)
	}
	os.Exit(0)
}

func TestEveryErrorOfTheDeviceHasItsAdvice(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		unix.EPERM:  "closed to this container",
		unix.EACCES: "closed to this user",
		unix.ENXIO:  "no driver",
		unix.EIO:    "cannot be opened: input/output error",
	} {
		expect(t, deviceLack(tunDevice, err), want)
	}
}

// copied puts a copy of a program where every user may run it.
func copied(t *testing.T, folder, name, program string) string {
	t.Helper()
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	return install(t, folder, name, data)
}

// bear gives a program capabilities by its file.
func bear(t *testing.T, program string, version, permitted uint32) {
	t.Helper()
	data := make([]byte, 20)
	binary.LittleEndian.PutUint32(data, version)
	binary.LittleEndian.PutUint32(data[4:], permitted)
	if err := unix.Setxattr(program, "security.capability", data, 0); err != nil {
		require.Missing(t, "netns", "programs cannot be given capabilities: "+err.Error())
	}
}
