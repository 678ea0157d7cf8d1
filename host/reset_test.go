package host_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/daemon"
)

const (
	somePEM     = "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"
	someProfile = "client\nremote 192.0.2.1 1194\n"
)

// forget resets and returns what was done, by path below root.
func forget(t *testing.T, root string) map[string]string {
	t.Helper()
	done, err := host.Reset(t.Context(), host.ResetConfig{StateDir: root + "/state", Temp: root + "/tmp"})
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	last := ""
	for _, r := range done.Removals {
		if r.Path <= last {
			t.Errorf("%s comes after %s", r.Path, last)
		}
		last = r.Path
		word := "not found"
		switch _, err := os.Lstat(r.Path); {
		case r.Removed:
			word = "removed"
			if err == nil {
				t.Errorf("%s is still there", r.Path)
			}
		case r.Kept != "":
			word = "kept: " + r.Kept
		}
		if r.Failed {
			word = "failed: " + r.Kept
		}
		said[strings.TrimPrefix(r.Path, root+"/")] = word
	}
	return said
}

// Files that the configuration names are removed only where the configuration can
// be trusted, and the files are what they should be.
func TestResetOfNamedFiles(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		configMode os.FileMode
		key        string // content of the key that the config names
		profile    string
		want       map[string]string // "" where it is not spoken of
	}{
		"ours":           {0o600, somePEM, someProfile, map[string]string{"other/key": "removed", "other/profile": "removed"}},
		"something else": {0o600, "my thesis", "my thesis", map[string]string{"other/key": "kept: not a file of ours: its content is not what a node writes", "other/profile": "kept: not a file of ours: its content is not what a node writes"}},
		"not to trust":   {0o644, somePEM, someProfile, map[string]string{"other/key": "", "other/profile": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for _, dir := range []string{"state", "tmp", "other"} {
				mkdir(t, filepath.Join(root, dir))
			}
			write(t, root+"/other/key", tt.key, 0o600)
			write(t, root+"/other/profile", tt.profile, 0o600)
			write(t, root+"/state/coda.config", fmt.Sprintf(`{"qpu_id":"q","jwt_private_key_path":%q,"node_vpn_profile_path":%q}`,
				root+"/other/key", root+"/other/profile"), tt.configMode)
			said := forget(t, root)
			for path, want := range tt.want {
				if said[path] != want {
					t.Errorf("%s: %q, want %q", path, said[path], want)
				}
			}
			if said["state/coda.config"] != "removed" {
				t.Errorf("the configuration: %q", said["state/coda.config"])
			}
			if again := forget(t, root); again["state/coda.config"] != "not found" {
				t.Errorf("a second time: %v", again)
			}
		})
	}
}

func TestResetLeavesWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	mkdir(t, root+"/tmp/coda-node.log")
	mkdir(t, root+"/elsewhere")
	write(t, root+"/elsewhere/file", somePEM, 0o600)
	symlink(t, root+"/elsewhere/file", root+"/tmp/coda-private-key")
	write(t, root+"/tmp/coda.config", `{"editor":"vi"}`, 0o600)
	write(t, root+"/tmp/coda-node.pid", "-1\n", 0o644)
	want := map[string]string{
		"tmp/coda-node.log": "it is a directory", "tmp/coda-private-key": "it is a symbolic link",
		"tmp/coda.config": "its content is not what a node writes", "tmp/coda-node.pid": "removed",
	}
	if os.Geteuid() == 0 {
		write(t, root+"/tmp/coda-node.ovpn", someProfile, 0o600)
		if err := os.Chown(root+"/tmp/coda-node.ovpn", 12345, -1); err != nil {
			t.Fatal(err)
		}
		want["tmp/coda-node.ovpn"] = "it belongs to user 12345, and this runs as user 0"
	}
	said := forget(t, root)
	for path, why := range want {
		if !strings.HasSuffix(said[path], why) {
			t.Errorf("%s: %q, want %q", path, said[path], why)
		}
	}
	if _, err := os.Stat(root + "/elsewhere/file"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(root + "/state"); err == nil {
		t.Error("the state directory was made")
	}
}

func TestResetWhileANodeRuns(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	mkdir(t, root+"/tmp")
	held, err := daemon.Lock(root+"/state", daemon.About{})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	write(t, root+"/state/coda.config", "{}", 0o600)
	if _, err := host.Reset(t.Context(), host.ResetConfig{StateDir: root + "/state", Temp: root + "/tmp"}); !errors.Is(err, daemon.ErrRunning) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(root + "/state/coda.config"); err != nil {
		t.Error(err)
	}
}

// What an OpenVPN works with goes, wherever it was when its node died; what others
// put beside it stays.
func TestResetOfATunnel(t *testing.T) {
	root := t.TempDir()
	mkdir(t, root+"/tmp")
	mkdir(t, root+"/state/openvpn")
	for _, name := range []string{"coda-node.ovpn", "coda-node-openvpn.log", "coda-node-openvpn.log.1", "coda-node-openvpn.log.2", "openvpn/profile.ovpn"} {
		write(t, root+"/state/"+name, "anything", 0o600)
	}
	write(t, root+"/state/coda-node-openvpn.pid", "nonsense", 0o600)
	write(t, root+"/state/coda-node-openvpn.log.mine", "mine", 0o600)
	write(t, root+"/state/openvpn/mine", "mine", 0o600)
	socket(t, root+"/state/openvpn", "management.sock")
	said := forget(t, root)
	for name, want := range map[string]string{
		"coda-node.ovpn": "removed", "coda-node-openvpn.log": "removed", "coda-node-openvpn.log.1": "removed", "coda-node-openvpn.log.2": "removed",
		"coda-node-openvpn.pid": "removed", "coda-node-openvpn.log.mine": "", "openvpn/profile.ovpn": "removed",
		"openvpn/management.sock": "removed", "openvpn/mine": "", "openvpn": "kept: not a file of ours: other files are in it",
	} {
		if got := said["state/"+name]; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if err := os.Remove(root + "/state/openvpn/mine"); err != nil {
		t.Fatal(err)
	}
	if got := forget(t, root)["state/openvpn"]; got != "removed" {
		t.Errorf("an empty folder: %q", got)
	}
	if got, said := forget(t, root)["state/openvpn"]; said {
		t.Errorf("no folder: %q", got)
	}
}

func TestResetLeavesAFolderThatIsNotOurs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, folder string)
		want    map[string]string
	}{
		"a link": {func(t *testing.T, folder string) {
			mkdir(t, folder+"-elsewhere")
			write(t, folder+"-elsewhere/profile.ovpn", "mine", 0o600)
			symlink(t, folder+"-elsewhere", folder)
		}, map[string]string{"": "it is a symbolic link"}},
		"a file": {func(t *testing.T, folder string) { write(t, folder, "mine", 0o600) }, map[string]string{"": "it is no directory"}},
		"with links": {func(t *testing.T, folder string) {
			mkdir(t, folder)
			write(t, folder+"-elsewhere", "mine", 0o600)
			symlink(t, folder+"-elsewhere", folder+"/profile.ovpn")
		}, map[string]string{"": "other files are in it", "/profile.ovpn": "it is a symbolic link"}},
		"with folders": {func(t *testing.T, folder string) {
			mkdir(t, folder+"/profile.ovpn")
			write(t, folder+"/management.sock", "mine", 0o600)
		}, map[string]string{"": "other files are in it", "/profile.ovpn": "it is a directory", "/management.sock": "it is no socket"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			mkdir(t, root+"/tmp")
			mkdir(t, root+"/state")
			tt.prepare(t, root+"/state/openvpn")
			said := forget(t, root)
			for path, want := range tt.want {
				if got := said["state/openvpn"+path]; got != "kept: not a file of ours: "+want {
					t.Errorf("openvpn%s: %q, want %q", path, got, want)
				}
			}
		})
	}
}

// socket leaves one behind, as a process does that is killed.
func socket(t *testing.T, folder, name string) {
	t.Helper()
	t.Chdir(folder) // the names of sockets are short
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}
