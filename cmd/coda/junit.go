package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/conductorquantum/coda/host/conformance"
)

// junitFile is where --junit writes to. Until all of the report is there, it stands
// beside, so that an earlier report stays whole.
type junitFile struct {
	*os.File
	path string // as the user wrote it
	to   string // that the file is renamed to; "": it is written in place
}

// createJUnit makes the file before the checks are made, so that a place that cannot
// be written to is found first.
func createJUnit(path string) (*junitFile, error) {
	if path == "" || path == stdinPath {
		return nil, nil
	}
	j := &junitFile{path: path, to: path}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		j.to = target
	}
	info, err := os.Stat(j.to)
	exists := err == nil
	if exists && !info.Mode().IsRegular() { // a pipe, a terminal; nothing can be moved there
		j.to = ""
		j.File, err = os.OpenFile(path, os.O_WRONLY, 0)
	} else {
		// The name is no process's id, which in a container is the same each time.
		between := filepath.Join(filepath.Dir(j.to), ".junit-"+rand.Text()+".tmp")
		j.File, err = os.OpenFile(between, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // as the umask has it: others read reports
		if err != nil && exists {                                                    // its folder takes no other files
			j.to = ""
			j.File, err = os.OpenFile(path, os.O_WRONLY, 0)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, withoutPath(err))
	}
	return j, nil
}

// put writes the report and puts it in its place.
func (j *junitFile) put(report []byte) error {
	err := rewrite(j.File, report)
	if err == nil && j.to != "" {
		err = j.move(report)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", j.path, withoutPath(err))
	}
	return err
}

// move renames the file. Where that cannot be, as onto a file that is mounted by itself,
// the report is written over what is there.
func (j *junitFile) move(report []byte) error {
	if os.Rename(j.Name(), j.to) == nil {
		j.to = ""
		return nil
	}
	place, err := os.OpenFile(j.to, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return rewrite(place, report)
}

// rewrite gives a file this content, and closes it.
func rewrite(f *os.File, content []byte) error {
	_, err := f.Write(content)
	if info, statErr := f.Stat(); err == nil && statErr == nil && info.Mode().IsRegular() {
		err = f.Truncate(int64(len(content)))
	}
	return errors.Join(err, f.Close())
}

// discard removes what was not moved.
func (j *junitFile) discard() {
	if j == nil {
		return
	}
	_ = j.Close() // it may be already
	if j.to != "" {
		_ = os.Remove(j.Name())
	}
}

// saveJUnit writes a verdict into the file of --junit, if there is one.
func (v *verdict) saveJUnit(j *junitFile) error {
	if j == nil {
		return nil
	}
	var report bytes.Buffer
	if err := v.writeJUnit(&report); err != nil {
		return fmt.Errorf("%s: %w", j.path, err)
	}
	return j.put(report.Bytes())
}

func (v *verdict) writeJUnit(w io.Writer) error {
	return v.WriteJUnit(w, "coda test "+v.Ref, v.Date, v.Error, v.properties())
}

// properties bind a report in JUnit's XML to the file, and to how it was tested.
func (v *verdict) properties() []conformance.Property {
	only := strings.Join(v.Only, ",")
	if only == "" {
		only = "all"
	}
	all := []conformance.Property{
		{Name: "sha256", Value: v.SHA256}, {Name: "contract", Value: v.Contract}, {Name: "coda", Value: v.Coda},
		{Name: "only", Value: only}, {Name: "thorough", Value: fmt.Sprint(v.Thorough)},
		{Name: "physics", Value: string(v.Physics)}, {Name: "false_alarm", Value: fmt.Sprintf("%.1g", v.FalseAlarm)},
	}
	if v.DeviceFile != "" {
		all = append(all, conformance.Property{Name: "settings_sha256", Value: v.Settings})
	}
	if v.Grants != "" {
		all = append(all, conformance.Property{Name: "grants_sha256", Value: v.Grants})
	}
	if len(v.Limits) > 0 {
		all = append(all, conformance.Property{Name: "limits", Value: shownLimits(v.Limits)})
	}
	return all
}

// shownLimits writes limits as "job_time = 1m0s, memory = 256MiB".
func shownLimits(limits map[string]string) string {
	var all []string
	for key, value := range limits {
		all = append(all, key+" = "+value)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
