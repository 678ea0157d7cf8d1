package host

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
)

// tunnel looks for what a node behind a tunnel needs. Whether one is needed is
// said by the cloud at the first log-on, so nothing here is a problem by itself.
func (d *doctor) tunnel(context.Context) []Finding {
	const check = "vpn"
	found := []Finding{finding(check, OK, "only a node behind a tunnel needs it: apt-get install openvpn", "openvpn is not found")}
	if path := FindProgram("openvpn"); path != "" {
		found[0] = finding(check, OK, "", "openvpn is %s", path)
	}
	return append(found, tunnelDevice()...)
}

// FindProgram returns the path of a program, or "". Where daemons run, PATH often
// lacks the folders of the system's own programs, so these are looked at too.
func FindProgram(name string) string {
	folders := filepath.SplitList(os.Getenv("PATH"))
	for _, folder := range append(folders, "/usr/local/sbin", "/usr/sbin", "/sbin") {
		path := filepath.Join(cmp.Or(folder, "."), name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}
