package openvpn

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"time"
)

// The oldest OpenVPN that will do: it brought data-ciphers and tls-crypt-v2, which
// profiles of today have.
const (
	oldestMajor, oldestMinor = 2, 5
	oldest                   = "2.5"
)

const advice = "install it, on Debian by apt-get install openvpn, or leave the tunnel to someone else with CODA_NODE_AUTO_VPN=false"

// Find returns the path of openvpn, or "". Where daemons and users without
// privileges run, PATH often lacks the folders of system programs, so these are
// looked at too.
func Find() string {
	if runtime.GOOS == "windows" {
		return find(`C:\Program Files\OpenVPN\bin`)
	}
	return find("/usr/local/sbin", "/usr/sbin", "/sbin", "/opt/homebrew/sbin")
}

// find looks at PATH, then at the folders.
func find(folders ...string) string {
	const name = "openvpn"
	// A path relative to where the node happens to run is an error of LookPath.
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, folder := range folders {
		if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			return path
		}
	}
	return ""
}

var versionLine = regexp.MustCompile(`(?m)^OpenVPN (\d{1,4})\.(\d{1,4})`)

// version asks an openvpn for its version. Older ones exit with 1 after the answer.
func version(ctx context.Context, program string) (major, minor int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "--version")
	cmd.Env = []string{}
	cmd.Stdout = &out
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	if said := versionLine.FindSubmatch(out.Bytes()); said != nil {
		major, _ = strconv.Atoi(string(said[1]))
		minor, _ = strconv.Atoi(string(said[2]))
		return major, minor, nil
	}
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case err == nil:
		err = errors.New("--version does not say OpenVPN")
	}
	return 0, 0, err
}
