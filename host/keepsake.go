package host

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/private"
)

// keepsake is a file that nodes leave behind for the next run.
type keepsake struct {
	name   string
	secret bool // others must not even read it
	is     func(text []byte) bool
}

// keepsakes of a state directory. The lock's file is not among them: it is never
// removed, since whoever holds a removed file locks nothing.
var keepsakes = []keepsake{
	{"coda.config", true, isConfig},
	{"coda-private-key", true, isPrivateKey},
	{"coda-private-key.next", true, isPrivateKey},
	{"coda-fingerprint", true, isAnything},
	{"coda-node-id", true, isAnything},
	{"coda-node.ovpn", true, isProfile},
	{"coda-node.log", false, isAnything},
	{outboxFile, true, isAnything},
	{tunnelLog, false, isAnything},
	{tunnelRecord, false, isAnything},
}

// legacy are the keepsakes of older nodes, in the temporary directory.
var legacy = []keepsake{
	{"coda.config", true, isConfig},
	{"coda-private-key", true, isPrivateKey},
	{"coda-node.ovpn", true, isProfile},
	{"coda-node.log", false, isAnything},
	{"coda-node.pid", false, isPID},
	{"coda-node-openvpn.log", false, isAnything},
	{"coda-node-openvpn.pid", false, isPID},
}

func isAnything([]byte) bool { return true }

func isConfig(text []byte) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return len(bytes.TrimSpace(text)) == 0
	}
	for _, v := range config.Variables() {
		if _, ok := members[v.Key]; ok && v.Persisted {
			return true
		}
	}
	return false
}

func isPrivateKey(text []byte) bool {
	return bytes.Contains(text, []byte("-----BEGIN ")) && bytes.Contains(text, []byte("PRIVATE KEY-----"))
}

func isProfile(text []byte) bool {
	for line := range bytes.Lines(text) {
		if words := bytes.Fields(line); len(words) > 1 && string(words[0]) == "remote" {
			return true
		}
	}
	return false
}

func isPID(text []byte) bool {
	_, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	return err == nil
}

// errForeign is a file that was not made by a node of this user.
var errForeign = errors.New("not a file of ours")

// ownFile returns what is at a path if it is a regular file of this user's, else
// an errForeign that says what it is, or fs.ErrNotExist.
func ownFile(path string) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	return info, isOurs(info, 0)
}

// isOurs is nil for what is of one kind, 0 being a regular file, and this user's,
// else an errForeign that says what it is.
func isOurs(info fs.FileInfo, kind fs.FileMode) error {
	switch uid, ours := private.Owner(info); {
	case info.Mode().Type() == kind && ours:
		return nil
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%w: it is a symbolic link", errForeign)
	case info.Mode().Type() == kind:
		return fmt.Errorf("%w: it belongs to user %d, and this runs as user %d", errForeign, uid, os.Geteuid())
	case info.IsDir():
		return fmt.Errorf("%w: it is a directory", errForeign)
	default:
		what := map[fs.FileMode]string{0: "regular file", fs.ModeDir: "directory", fs.ModeSocket: "socket"}[kind]
		return fmt.Errorf("%w: it is no %s", errForeign, what)
	}
}

const maxKeepsake = 1 << 20

// holds checks the text of a file that ownFile returned.
func holds(path string, info fs.FileInfo, is func([]byte) bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if opened, err := f.Stat(); err != nil || !os.SameFile(opened, info) {
		return errors.Join(err, fmt.Errorf("%w: it was replaced just now", errForeign))
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeepsake))
	if err != nil {
		return err
	}
	if !is(text) {
		return fmt.Errorf("%w: its content is not what a node writes", errForeign)
	}
	return nil
}

// rotated are the older files of a log.
func rotated(log string) []string {
	found, _ := filepath.Glob(log + ".*") // the pattern is well formed, or finds nothing
	var older []string
	for _, path := range found {
		if n, err := strconv.Atoi(strings.TrimPrefix(path, log+".")); err == nil && n > 0 {
			older = append(older, path)
		}
	}
	return older
}
