// An executor that tries what it can do with its files, and fails with what came of it;
// its twin in C is files.c.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
)

type files struct{}

func init() { coda.Register(files{}) }
func main() {}

func (files) Open() (coda.Device, error) { return coda.Device{Name: "files", NumQubits: 1}, nil }

func (files) Run(coda.Job) (coda.Execution, error) {
	var report strings.Builder
	tried := func(what string, err error) {
		if cause := errors.Unwrap(err); cause != nil {
			err = cause
		}
		fmt.Fprintf(&report, "%s: %v\n", what, err)
	}
	content, err := os.ReadFile("/device/cal.json")
	fmt.Fprintf(&report, "read %s %v\n", content, err)
	if f, err := os.Open("/device/cal.json"); err == nil {
		at, _ := f.Seek(-3, io.SeekEnd)
		rest, err := io.ReadAll(f)
		fmt.Fprintf(&report, "at %d %s %v\n", at, rest, err)
		_, err = f.Write([]byte("x"))
		tried("write to it", err)
		f.Close()
	}
	if about, err := os.Stat("/device/cal.json"); err == nil {
		fmt.Fprintf(&report, "size %d regular %v\n", about.Size(), about.Mode().IsRegular())
	}
	entries, err := os.ReadDir("/device")
	for _, e := range entries {
		fmt.Fprintf(&report, "entry %s\n", e.Name())
	}
	tried("list", err)
	for _, path := range []string{"/device/other", "/device/../device/cal.json", "/device/../etc/passwd", "/etc/passwd", "cal.json"} {
		_, err := os.Open(path)
		tried("open "+path, err)
	}
	tried("write", os.WriteFile("/device/cal.json", nil, 0o600))
	tried("create", os.WriteFile("/device/new", nil, 0o600))
	tried("remove", os.Remove("/device/cal.json"))
	tried("rename", os.Rename("/device/cal.json", "/device/new"))
	tried("symlink", os.Symlink("/etc/passwd", "/device/new"))
	tried("mkdir", os.Mkdir("/device/new", 0o700))
	return coda.Execution{}, coda.Failf(coda.Unsupported, "%s", report.String())
}
