package daemon

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"sync"

	"github.com/conductorquantum/coda/host/private"
)

// The bounds of a log.
const (
	defaultMaxBytes = 10 << 20
	defaultKeep     = 5
	mostKept        = 99
)

// LogConfig says where a log goes and how much of it is kept.
type LogConfig struct {
	Path string
	// MaxBytes is how large a file may get; default 10 MiB. A single larger write
	// gets a file of its own.
	MaxBytes int64
	// Keep is how many older files stay, Path.1 being the youngest; default 5, at
	// most 99.
	Keep int
	// Stdio makes standard output and error of the process follow the file, so
	// that a crash is found where people look. Off Unix it does nothing.
	Stdio bool
}

// Log is a file that is renamed when it is full. Writes go whole into one file
// and may come from several goroutines, but from one process: the node that holds
// the lock. Trouble with renaming never costs a line: the old file grows on, and
// says why.
type Log struct {
	LogConfig
	mu       sync.Mutex
	f        *os.File // nil once closed
	info     fs.FileInfo
	troubled bool
}

// OpenLog opens a log, mode 0600, and goes on where it ended.
func OpenLog(cfg LogConfig) (*Log, error) {
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, defaultMaxBytes)
	cfg.Keep = min(cmp.Or(cfg.Keep, defaultKeep), mostKept)
	l := &Log{LogConfig: cfg}
	if err := l.reopen(); err != nil {
		return nil, err
	}
	return l, nil
}

// Write appends p. It implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return 0, os.ErrClosed
	}
	if err := l.rotate(int64(len(p))); err == nil {
		l.troubled = false
	} else if !l.troubled {
		l.troubled = true
		_, _ = fmt.Fprintf(l.f, "the log cannot be renewed, so this file grows on: %v\n", err)
	}
	return l.f.Write(p)
}

// Close ends the log.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
}

// rotate makes room for n bytes. Where the file is no longer under its name,
// since somebody removed or renamed it, a new one is begun.
func (l *Log) rotate(n int64) error {
	info, err := os.Lstat(l.Path)
	if err != nil || !os.SameFile(info, l.info) {
		return l.reopen()
	}
	// The size is asked for each time: what is written to standard error counts.
	if size := info.Size(); size == 0 || size+n <= l.MaxBytes {
		return nil
	}
	if err := l.shift(); err != nil {
		return err
	}
	return l.reopen()
}

// shift renames Path to Path.1, and before that each older file to the next
// number. It goes up to the first number that is free: one that an interrupted
// shift left is filled instead of losing the oldest file to it.
func (l *Log) shift() error {
	free := 1
	for free < l.Keep {
		if _, err := os.Lstat(older(l.Path, free)); err != nil {
			break
		}
		free++
	}
	for i := free; i > 0; i-- {
		if err := os.Rename(older(l.Path, i-1), older(l.Path, i)); err != nil {
			return err
		}
	}
	return nil
}

// reopen opens what is now at the path, and lets go of the old file once that
// succeeded.
func (l *Log) reopen() error {
	f, err := private.Make(l.Path, os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && l.Stdio {
		err = redirect(f)
	}
	if err != nil {
		f.Close()
		return err
	}
	if l.f != nil {
		l.f.Close()
	}
	l.f, l.info = f, info
	return nil
}

// older is the name of the i-th older file; of the 0th, which is the log itself.
func older(path string, i int) string {
	if i == 0 {
		return path
	}
	return path + "." + strconv.Itoa(i)
}
