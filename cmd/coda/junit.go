package main

import (
	"errors"
	"fmt"
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
	to   string // that the file is renamed to; "": it is written in place, since it is none
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
	var err error
	if info, statErr := os.Stat(j.to); statErr == nil && !info.Mode().IsRegular() { // a pipe, a terminal; nothing can be moved there
		j.to = ""
		j.File, err = os.OpenFile(path, os.O_WRONLY, 0)
	} else {
		between := filepath.Join(filepath.Dir(j.to), fmt.Sprintf(".%s.%d.tmp", filepath.Base(j.to), os.Getpid()))
		j.File, err = os.OpenFile(between, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // as the umask has it: others read reports
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, withoutPath(err))
	}
	return j, nil
}

// finish puts the report in its place.
func (j *junitFile) finish() error {
	err := j.Close()
	if err == nil && j.to != "" {
		err = os.Rename(j.Name(), j.to)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", j.path, withoutPath(err))
	}
	return err
}

// discard removes what was not finished.
func (j *junitFile) discard() {
	if j == nil || errors.Is(j.Close(), os.ErrClosed) {
		return
	}
	if j.to != "" {
		_ = os.Remove(j.Name())
	}
}

// writeJUnit writes a verdict where --junit says, if it does.
func (c *cli) writeJUnit(v *verdict, path string, j *junitFile) error {
	name := "coda test " + v.Ref
	switch {
	case path == stdinPath:
		return v.WriteJUnit(c.stdout, name, v.Date, v.Error, v.properties())
	case j == nil:
		return nil
	}
	if err := v.WriteJUnit(j, name, v.Date, v.Error, v.properties()); err != nil {
		return fmt.Errorf("%s: %w", j.path, withoutPath(err))
	}
	return j.finish()
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
