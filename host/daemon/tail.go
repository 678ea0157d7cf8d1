package daemon

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/conductorquantum/coda/host/private"
)

// Tail writes the last lines of a log to w, from the older files too where the
// newest has fewer. Only what is written is read. No lines, or an empty log, is
// nothing; no log at all is fs.ErrNotExist.
func Tail(w io.Writer, path string, lines int) error {
	f, _, err := tail(w, path, lines)
	if f != nil {
		f.Close()
	}
	return err
}

// tail also returns the newest file and how far it was written to w. Right in the
// middle of a rotation there is none.
func tail(w io.Writer, path string, lines int) (newest *os.File, end int64, err error) {
	newest, err = private.Regular(path, os.O_RDONLY)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	missing := err
	var parts []*io.SectionReader // youngest first
	var files []os.FileInfo
	add := func(f *os.File) error {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		for _, known := range files {
			if os.SameFile(known, info) {
				return nil // it was renamed between two looks
			}
		}
		if files = append(files, info); len(files) == 1 && f == newest {
			end = info.Size()
		}
		part, found, err := lastLines(io.NewSectionReader(f, 0, info.Size()), lines)
		parts = append(parts, part)
		lines -= found
		return err
	}
	if newest != nil {
		if err := add(newest); err != nil {
			return newest, end, err
		}
	}
	for i := 1; i <= mostKept && (lines > 0 || len(files) == 0); i++ {
		f, err := private.Regular(older(path, i), os.O_RDONLY)
		if err != nil {
			break
		}
		defer f.Close()
		if err := add(f); err != nil {
			return newest, end, err
		}
	}
	if len(files) == 0 {
		return nil, 0, missing
	}
	for i := range parts {
		if _, err := io.Copy(w, parts[len(parts)-1-i]); err != nil {
			return newest, end, err
		}
	}
	return newest, end, nil
}

// writeTail writes the last n lines of r to w.
func writeTail(w io.Writer, r *io.SectionReader, n int) error {
	part, _, err := lastLines(r, n)
	if err == nil {
		_, err = io.Copy(w, part)
	}
	return err
}

const block = 64 << 10

// lastLines finds the last n lines of r, or as many as there are, from its end.
// A last line without a newline counts as one.
func lastLines(r *io.SectionReader, n int) (part *io.SectionReader, found int, err error) {
	size := r.Size()
	from := size
	if n <= 0 || size == 0 {
		return io.NewSectionReader(r, from, 0), 0, nil
	}
	buf := make([]byte, min(block, size))
	end := size
	for end > 0 {
		b := buf[:min(int64(len(buf)), end)]
		end -= int64(len(b))
		if k, err := r.ReadAt(b, end); k < len(b) {
			if err == io.EOF { // it was cut off meanwhile
				return io.NewSectionReader(r, 0, 0), 0, nil
			}
			return io.NewSectionReader(r, 0, 0), 0, err
		}
		for at := len(b); ; {
			at = bytes.LastIndexByte(b[:at], '\n')
			if at < 0 {
				break
			}
			if start := end + int64(at) + 1; start < size { // a line begins behind it
				if found++; found == n {
					return io.NewSectionReader(r, start, size-start), n, nil
				}
			}
		}
	}
	return io.NewSectionReader(r, 0, size), found + 1, nil
}
