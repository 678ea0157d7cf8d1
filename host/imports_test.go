package host_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const ours = "github.com/conductorquantum/coda/"

// floor is how high a package stands: imports go down, or stay in one family. Where
// nobody has said it is negative.
func floor(pkg string) int {
	switch {
	case pkg == "wit", pkg == "abi", pkg == "abi/effect", pkg == "host/fault":
		return 0
	case pkg == "abi/canon", pkg == "abi/qasm", pkg == "host/config", pkg == "host/process", pkg == "host/failpoint", pkg == "host/private", pkg == "host/socket", pkg == "host/text":
		return 1
	case strings.HasPrefix(pkg, "host/"), pkg == "guests", strings.HasPrefix(pkg, "guests/"):
		return 2
	case pkg == "host":
		return 3
	case strings.HasPrefix(pkg, "cmd/"):
		return 4
	default:
		return -1
	}
}

// family is the package of its floor that a package belongs to: siblings do not
// import each other.
func family(pkg string) string {
	parts := strings.SplitN(pkg, "/", 3)
	if parts[0] == "guests" {
		return parts[0]
	}
	return path.Join(parts[:min(2, len(parts))]...)
}

// only names the packages that may import what others must not know of.
var only = map[string]struct {
	where  []string
	reason string
}{
	"github.com/tetratelabs/wazero": {[]string{"host/executor/guest"},
		"untrusted code is compiled and run in the child process alone"},
	"github.com/redis/go-redis/v9": {[]string{"host/queue", "host", "host/devcloud"},
		"keys and scripts stand in one place"},
	"github.com/golang-jwt/jwt/v5": {[]string{"host/identity", "host/devcloud"},
		"one place signs, and one stand-in verifies"},
	"github.com/alicebob/miniredis/v2": {[]string{"host/devcloud"},
		"the embedded Redis is for coda dev and for tests"},
	"go.etcd.io/bbolt": {[]string{"host/outbox"},
		"what is kept is written and read in one place"},
	"github.com/spf13/cobra": {[]string{"cmd/coda"},
		"nothing below the command line knows of flags"},
	"github.com/vishvananda/netlink": {[]string{"host/vpn/link"},
		"links are watched in one place, and changed by nobody"},
	"go.bug.st/serial": {[]string{"host/instrument"},
		"hardware is reached through grants alone"},
	"os/exec": {[]string{"host/executor", "host/vpn/openvpn", "host/daemon"},
		"processes are started in few places"},
}

func TestImportsRunOneWay(t *testing.T) {
	t.Parallel()
	files := 0
	unused := map[allowance]bool{}
	for prefix, rule := range only {
		for _, where := range rule.where {
			unused[allowance{where, prefix}] = true
		}
	}
	err := filepath.WalkDir("..", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".." || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		files++
		pkg := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(file)), "../")
		if floor(pkg) < 0 {
			t.Errorf("%s: %s stands on no floor; say on which", file, pkg)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			to, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if reason := forbidden(pkg, to); reason != "" {
				t.Errorf("%s imports %s: %s", file, to, reason)
			}
			delete(unused, allowance{pkg, restricted(to)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for a := range unused {
		t.Errorf("%s may import %s, and does not", a.pkg, a.prefix)
	}
	if files < 400 {
		t.Errorf("only %d files were seen", files)
	}
}

// allowance is a package's to import what begins with a prefix of only.
type allowance struct{ pkg, prefix string }

// restricted is the prefix in only that a path has, or nothing.
func restricted(to string) string {
	for prefix := range only {
		if to == prefix || strings.HasPrefix(to, prefix+"/") {
			return prefix
		}
	}
	return ""
}

// forbidden says why a package may not import another, or nothing.
func forbidden(pkg, to string) string {
	if helper(pkg) {
		return ""
	}
	if rule, found := only[restricted(to)]; found {
		if slices.Contains(rule.where, pkg) {
			return ""
		}
		return rule.reason
	}
	to, found := strings.CutPrefix(to, ours)
	switch {
	case !found:
		return ""
	case helper(to):
		return "it is for tests"
	case floor(pkg) < 0 || floor(to) < 0:
		return "nobody has said on which floor"
	case family(pkg) == family(to) && floor(to) >= 2:
		return ""
	case floor(to) == 0 && floor(pkg) > 0:
		return ""
	case floor(to) >= floor(pkg):
		return "imports go down, and siblings do not import each other"
	default:
		return ""
	}
}

// helper is a package that only tests import.
func helper(pkg string) bool {
	return strings.HasPrefix(pkg, "host/testkit/") || strings.HasPrefix(pkg, "guests/sdk/go/codatest")
}

func TestTheRuleItself(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pkg, to string
		allowed bool
	}{
		{"host/queue", ours + "host/worker", false},
		{"host/executor", ours + "host/executor/wire", true},
		{"host/executor", ours + "host/config", true},
		{"host/config", ours + "host/queue", false},
		{"abi", ours + "abi/canon", false},
		{"abi/canon", ours + "abi", true},
		{"host", ours + "host/queue", true},
		{"host/queue", ours + "host", false},
		{"cmd/coda", ours + "host", true},
		{"host", ours + "cmd/coda", false},
		{"host/executor", "github.com/tetratelabs/wazero/api", false},
		{"host/executor/guest", "github.com/tetratelabs/wazero/api", true},
		{"host", ours + "host/testkit/require", false},
		{"guests/sdk/go", ours + "abi", true},
		{"host/executor", ours + "guests", false},
		{"host", ours + "guests", true},
		{"cmd/coda", ours + "cmd/coda/circuits", true},
		{"tools", ours + "host", false},
		{"cmd/coda", ours + "tools", false},
		{"host/vpn", "os/exec", false},
		{"host/vpn/openvpn", "os/exec", true},
		{"host/vpn", "os/execution", true},
	} {
		if got := forbidden(tt.pkg, tt.to); (got == "") != tt.allowed {
			t.Errorf("%s imports %s: allowed %t (%s)", tt.pkg, tt.to, got == "", got)
		}
	}
}
