package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/conductorquantum/coda/host/private"
)

// state looks at the state directory and at what is in it, without its content.
func (d *doctor) state(context.Context) []Finding {
	const check = "state"
	dir := d.s.StateDir
	if dir == "" {
		return nil // the settings say why
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return []Finding{finding(check, OK, "", "%s is not there yet; the first start makes it", dir)}
	}
	if err != nil {
		return []Finding{finding(check, Problem, "run this as the node's user, or set CODA_STATE_DIR", "%v", err)}
	}
	var found []Finding
	uid, ours := private.Owner(info)
	mode := info.Mode().Perm()
	switch {
	case !info.IsDir():
		return []Finding{finding(check, Problem, "remove it, or set CODA_STATE_DIR", "%s is no directory", dir)}
	case !ours:
		return []Finding{finding(check, Problem, "run the node and this as that user, or set CODA_STATE_DIR",
			"%s belongs to user %d, and this runs as user %d", dir, uid, os.Geteuid())}
	case mode&0o022 != 0:
		found = append(found, finding(check, Problem, "chmod 700 "+dir, "%s has mode %04o: others may put files there, so a node refuses it", dir, mode))
	case mode&0o055 != 0:
		found = append(found, finding(check, Warning, "chmod 700 "+dir, "%s has mode %04o: others may look into it", dir, mode))
	}
	var good []string
	for _, k := range keepsakes {
		path := filepath.Join(dir, k.name)
		switch f := k.examine(path); {
		case f == nil:
		case f.Level == OK:
			good = append(good, k.name)
		case path == d.s.VPN.ProfilePath: // the tunnel's findings say more
		default:
			found = append(found, *f)
		}
	}
	if len(found) == 0 {
		what := fmt.Sprintf("%s, mode %04o, holds nothing yet", dir, mode)
		if len(good) > 0 {
			what = fmt.Sprintf("%s, mode %04o, with %s", dir, mode, strings.Join(good, ", "))
		}
		found = append(found, finding(check, OK, "", "%s", what))
	}
	return found
}

// examine judges one file, or returns nil where there is none.
func (k keepsake) examine(path string) *Finding {
	const check = "state"
	info, err := ownFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, errForeign):
		return new(finding(check, Problem, "see what it is, and move it away", "%s: %v", path, err))
	case err != nil:
		return new(finding(check, Problem, "run this as the node's user", "%v", err))
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		level, why := Warning, "others may read it"
		if k.secret {
			level, why = Problem, "others may have read or changed it, so a node refuses it"
		}
		return new(finding(check, level, "chmod 600 "+path, "%s has mode %04o: %s", path, mode, why))
	}
	return new(finding(check, OK, "", "%s", path))
}

// older looks for what an older node left in the temporary directory.
func (d *doctor) older(context.Context) []Finding {
	const check = "older node"
	if d.s.StateDir == filepath.Clean(d.temp) {
		return nil
	}
	var found []Finding
	var left []string
	there := func(dir string) bool {
		_, err := os.Lstat(filepath.Join(dir, "coda.config"))
		return err == nil
	}
	wanted := there(d.temp) && !there(d.s.StateDir)
	for _, k := range legacy {
		path := filepath.Join(d.temp, k.name)
		f := k.examine(path)
		credentials := k.name == "coda.config" || k.name == "coda-private-key"
		switch {
		case f == nil:
		case !credentials || !wanted:
			left = append(left, path)
		case f.Level != OK:
			f.Check = check
			f.What += "; it stands in the way of taking over that node's credentials"
			found = append(found, *f)
		default:
			found = append(found, finding(check, OK, "", "%s will be taken over at the next start", path))
		}
	}
	if len(left) > 0 {
		found = append(found, finding(check, Warning, "see that no older node runs, and then remove them", "left behind and not used: %s", strings.Join(left, ", ")))
	}
	return found
}
