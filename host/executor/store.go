package executor

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/cpu"

	"github.com/conductorquantum/coda/host/private"
)

// store is a folder of compiled code, one entry for each module:
//
//	<key>/code/   what the child that compiled wrote, as the engine lays it out
//	<key>/note    what that was, written by the node when the child had ended
//	new-*         an entry that is being made
//	old-*         an entry that is being removed
//
// The engine runs what it finds, and checks little of it. So the node does: an
// entry that is not, byte for byte, what the note says is removed and compiled
// anew. Nodes of one user share a store. Entries come and go by renaming, so
// that what one has checked is whole; a child that finds its entry gone has it
// compiled once more.
type store struct {
	dir     string
	held    *os.File    // of a folder that goes with its executor; nil: it stays
	useless atomic.Bool // code could not be kept: nobody tries again
}

// Bounds of a store. Entries that were used least recently go first, and none
// that was used within the last minute: a child may be about to load it.
const (
	keepEntries = 64
	keepBytes   = 1 << 30
	fresh       = time.Minute
)

// codeDir and noteFile are what an entry consists of.
const (
	codeDir  = "code"
	noteFile = "note"
)

// note says what an entry's code is.
type note struct {
	Files []file `json:"files"` // in the order of their paths
}

type file struct {
	Path   string `json:"path"` // below code, with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// maxFiles is far above what an engine writes for one module.
const maxFiles = 16

// codeKey names a module's entry: by its bytes, and by all else that its machine
// code depends on.
func codeKey(wasm []byte) string {
	digest := sha256.Sum256(wasm)
	whole := sha256.Sum256(fmt.Appendf(nil, "%x\n%s\n%s\n%s %s\n%s\nno debug info, no termination checks\n",
		digest, engineVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH, cpuFeatures()))
	return hex.EncodeToString(whole[:])
}

// engineVersion is wazero's, as this binary was built with it.
func engineVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/tetratelabs/wazero" {
				if m.Replace != nil {
					m = m.Replace
				}
				return m.Path + " " + m.Version + " " + m.Sum
			}
		}
	}
	return "unknown"
}

// cpuFeatures are those that wazero's compiler asks for.
func cpuFeatures() string {
	return fmt.Sprintf("sse4.1=%t bmi1=%t bmi2=%t popcnt=%t atomics=%t",
		cpu.X86.HasSSE41, cpu.X86.HasBMI1, cpu.X86.HasBMI2, cpu.X86.HasPOPCNT, cpu.ARM64.HasATOMICS)
}

// errNoCode says that a store has no entry, or had one that was not as noted.
var errNoCode = errors.New("there is no compiled code")

// find returns the folder of an entry's code, which is what was noted of it.
// Anything else that stands in its place is removed; the error then is errNoCode
// and says what was wrong.
func (s *store) find(key string) (string, error) {
	entry := filepath.Join(s.dir, key)
	if _, err := os.Lstat(entry); errors.Is(err, fs.ErrNotExist) {
		return "", errNoCode
	}
	if err := verifyEntry(entry); err != nil {
		return "", errors.Join(errNoCode, err, s.discard(key))
	}
	now := time.Now()
	_ = os.Chtimes(filepath.Join(entry, noteFile), now, now) // it was used; at worst it is removed too early
	return filepath.Join(entry, codeDir), nil
}

// draft is an entry that is being made. A child writes into its code.
type draft struct {
	dir  string
	held *os.File
}

// begin makes a draft, and removes those that nodes left which were killed.
func (s *store) begin() (*draft, error) {
	sweep(s.dir, "new-", "old-")
	dir, held, err := makeHeld(s.dir, "new-")
	if err != nil {
		return nil, err
	}
	d := &draft{dir, held}
	if err := os.Mkdir(d.code(), 0o700); err != nil {
		d.drop()
		return nil, err
	}
	return d, nil
}

func (d *draft) code() string { return filepath.Join(d.dir, codeDir) }

// drop removes a draft, unless it has become an entry.
func (d *draft) drop() {
	_ = os.RemoveAll(d.dir)
	_ = d.held.Close()
}

// commit notes what a child that has ended left in a draft, and makes it an entry.
// Where another node was quicker, its entry stands.
func (s *store) commit(d *draft, key string) error {
	files, err := survey(d.code())
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("the engine kept no code")
	}
	b, err := json.Marshal(note{files})
	if err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(d.dir, noteFile), b); err != nil {
		return err
	}
	s.evict()
	err = os.Rename(d.dir, filepath.Join(s.dir, key))
	if err != nil && verifyEntry(filepath.Join(s.dir, key)) == nil {
		return nil
	}
	return err
}

// discard removes an entry: at once for those who look, then its files.
func (s *store) discard(key string) error {
	old, err := os.MkdirTemp(s.dir, "old-")
	if err != nil {
		return err
	}
	err = os.Rename(filepath.Join(s.dir, key), filepath.Join(old, key))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // another node did
	}
	return errors.Join(err, os.RemoveAll(old))
}

// evict makes room for an entry.
func (s *store) evict() {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	type use struct {
		key  string
		at   time.Time
		size int64
	}
	var uses []use
	var size int64
	for _, e := range entries {
		if len(e.Name()) != 2*sha256.Size {
			continue // no entry
		}
		path := filepath.Join(s.dir, e.Name())
		u := use{key: e.Name()} // used never, where there is no note
		if info, err := os.Lstat(filepath.Join(path, noteFile)); err == nil {
			u.at = info.ModTime()
		}
		if n, err := readNote(path); err == nil {
			for _, f := range n.Files {
				u.size += f.Size
			}
		}
		uses, size = append(uses, u), size+u.size
	}
	slices.SortFunc(uses, func(a, b use) int { return a.at.Compare(b.at) })
	for len(uses) > 0 && (len(uses) >= keepEntries || size > keepBytes) && time.Since(uses[0].at) > fresh {
		_ = s.discard(uses[0].key)
		size, uses = size-uses[0].size, uses[1:]
	}
}

// verifyEntry holds an entry against its note.
func verifyEntry(entry string) error {
	if err := plainDir(entry); err != nil {
		return err
	}
	noted, err := readNote(entry)
	if err != nil {
		return err
	}
	found, err := survey(filepath.Join(entry, codeDir))
	if err != nil {
		return err
	}
	if !slices.Equal(found, noted.Files) {
		return fmt.Errorf("%s is not the code that was compiled", entry)
	}
	return nil
}

func readNote(entry string) (n note, err error) {
	f, err := openPlain(filepath.Join(entry, noteFile))
	if err != nil {
		return n, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return n, err
	}
	return n, json.Unmarshal(b, &n)
}

// survey lists the files below dir. Whatever is neither a plain file nor a folder
// of our own is an error.
func survey(dir string) (files []file, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			return plainDir(path)
		}
		if len(files) == maxFiles {
			return fmt.Errorf("%s holds more than %d files", dir, maxFiles)
		}
		below, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		f := file{Path: filepath.ToSlash(below)}
		f.Size, f.SHA256, err = sum(path)
		files = append(files, f)
		return err
	})
	return files, err
}

func sum(path string) (size int64, digest string, err error) {
	f, err := openPlain(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, f)
	return size, hex.EncodeToString(h.Sum(nil)), err
}

// plainDir checks that path itself is a folder that nobody else can write to.
func plainDir(path string) error {
	info, err := os.Lstat(path)
	if err == nil && (!info.IsDir() || !private.Alone(info)) {
		err = fmt.Errorf("%s is %s, and must be a folder that is ours alone", path, info.Mode())
	}
	return err
}

// openPlain opens a file that is no link, and that nobody else can write to.
func openPlain(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|private.NoFollow, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && (!info.Mode().IsRegular() || !private.Alone(info) || private.Links(info) != 1) {
		err = fmt.Errorf("%s is %s with %d names, and must be a file that is ours alone", path, info.Mode(), private.Links(info))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}
