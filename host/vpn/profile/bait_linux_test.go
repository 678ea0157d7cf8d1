package profile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/vpn/profile"
)

// What the policy refuses does what it is refused for: OpenVPN takes the bait, and the
// tests of the policy see that it does.
func TestRefusedProfilesTakeTheBait(t *testing.T) {
	t.Parallel()
	blocks := material(t)
	keys := "<ca>\n" + blocks["ca"] + "</ca>\n<cert>\n" + blocks["cert"] + "</cert>\n<key>\n" + blocks["key"] + "</key>\n"
	client := "client\ndev tun\nremote vpn.example.com\n" + keys
	// A tunnel that asks the server for nothing is opened at once. This device is none.
	early := "tls-client\ndev null\nremote vpn.example.com\n" + keys

	for name, tt := range map[string]struct {
		text    string
		touches string // what strace notes
		leaves  string // a file in the folder
		sets    string // a setting that no directive of the grammar changes
	}{
		"a program":              {text: early + "script-security 2\nup bait/program\n", touches: `execve("bait/program"`, leaves: "ran"},
		"a program in quotes":    {text: early + "\"script-security\" 2\n'up' bait/program\n", touches: `execve("bait/program"`, leaves: "ran"},
		"a program after dashes": {text: early + "--script-security 2\n--up bait/program\n", touches: `execve("bait/program"`, leaves: "ran"},
		"a program after setenv": {text: early + "setenv opt script-security 2\nsetenv opt up bait/program\n", touches: `execve("bait/program"`, leaves: "ran"},
		"a program after a mark": {text: "\ufeff\"script-security\" 2\n" + early + "\fup bait/program\n", touches: `execve("bait/program"`, leaves: "ran"},
		"a program after a tag":  {text: early + "\"<tls-crypt>\"\n" + blocks["tls-crypt"] + "</tls-crypt>#\nscript-security 2\nup bait/program\n", touches: `execve("bait/program"`, leaves: "ran"},
		"a program after a cut":  {text: early + "<crl-verify>\n" + blocks["crl-verify"] + strings.Repeat(" ", 255) + "</crl-verify>\nscript-security 2\nup bait/program\n", touches: `execve("bait/program"`, leaves: "ran"},
		"a program later on":     {text: client + "script-security 2\nup bait/program\n", sets: "up_script = 'bait/program'"},
		"a program at the end":   {text: client + "script-security 2\ntls-verify bait/program\n", sets: "tls_verify = 'bait/program'"},
		"a program for routes":   {text: client + "script-security 2\nroute-up bait/program\n", sets: "route_script = 'bait/program'"},
		"a library":              {text: client + "plugin ./bait/library.so\n", touches: `bait/library.so"`},
		"another file":           {text: client + "config bait/config.ovpn\n", touches: `openat(AT_FDCWD, "bait/config.ovpn"`},
		"a password":             {text: client + "askpass bait/secret\n", touches: `"bait/secret"`},
		"a certificate":          {text: strings.Replace(client, "<ca>\n"+blocks["ca"]+"</ca>", "ca bait/secret", 1), touches: `openat(AT_FDCWD, "bait/secret"`, sets: "ca_file = 'bait/secret'"},
		"a log":                  {text: client + "log bait/new\n", touches: `openat(AT_FDCWD, "bait/new"`, leaves: "new"},
		"a PID":                  {text: client + "writepid bait/new\n", touches: `openat(AT_FDCWD, "bait/new"`},
		"a status":               {text: client + "status bait/new\n", touches: `openat(AT_FDCWD, "bait/new"`, leaves: "new"},
		"a replay window":        {text: client + "replay-persist bait/new\n", touches: `"bait/new"`, sets: "packet_id_file = 'bait/new'"},
		"a socket":               {text: client + "management bait/new unix\n", touches: `sun_path="bait/new"`},
		"another folder":         {text: client + "cd bait\n", touches: `chdir("bait")`},
		"another process":        {text: client + "daemon\n", touches: `clone(`},
		"a server":               {text: strings.Replace(client, "client\n", "tls-server\ndh none\n", 1), sets: "tls_server = ENABLED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := profile.Parse([]byte(tt.text)); err == nil {
				t.Error("the policy accepts it")
			}
			b := newBench(t)
			b.lay(t)
			d := &differential{t: t, bench: b, blocks: blocks, outcomes: map[string]int{}}
			d.learn()
			printed, touched := b.once(t, tt.text)
			if seen := strings.Join(touched, "\n"); !strings.Contains(seen, tt.touches) || tt.touches != "" && seen == "" {
				t.Errorf("%s was not seen in %q; openvpn printed %s", tt.touches, touched, printed)
			}
			if tt.leaves != "" {
				if _, err := os.Stat(filepath.Join(b.dir, "bait", tt.leaves)); err != nil {
					t.Errorf("%v; openvpn printed %s", err, printed)
				}
			}
			if seen := strings.Join(unlike(d.ordinary, settings(printed)), "\n"); !strings.Contains(seen, tt.sets) {
				t.Errorf("%s was not seen in %q; openvpn printed %s", tt.sets, seen, printed)
			}
		})
	}
}
