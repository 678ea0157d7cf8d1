package daemon

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/conductorquantum/coda/host/private"
)

const followPoll = 100 * time.Millisecond

// Follow writes the last lines of a log to w, as Tail does, and then what is
// added to it, until ctx ends, which is no error. It goes from file to file when
// the log is rotated, and starts again at the top of one that was truncated.
func Follow(ctx context.Context, w io.Writer, path string, lines int) error {
	f, at, err := tail(w, path, lines)
	fl := &follower{path: path, w: w, f: f, at: at, buf: make([]byte, block)}
	defer func() { fl.turn(nil) }()
	if err != nil {
		return err
	}
	poll := time.NewTicker(followPoll)
	defer poll.Stop()
	for {
		moved, err := fl.step(ctx)
		if err != nil {
			return err
		}
		if moved {
			continue
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// follower is at a place in one file of a log.
type follower struct {
	path string
	w    io.Writer
	f    *os.File // nil while there is none
	at   int64
	buf  []byte
}

// step writes what was added, and moves on where the file was renamed.
func (fl *follower) step(ctx context.Context) (moved bool, err error) {
	// The next file is looked for first: what was added to this one until then is
	// all that ever will be.
	next, err := fl.next()
	if err != nil {
		return false, err
	}
	if err := fl.drain(ctx); err != nil || next == nil {
		if next != nil {
			next.Close()
		}
		return false, err
	}
	fl.turn(next)
	return true, nil
}

func (fl *follower) turn(next *os.File) {
	if fl.f != nil {
		fl.f.Close()
	}
	fl.f, fl.at = next, 0
}

// drain copies up to the end of the file.
func (fl *follower) drain(ctx context.Context) error {
	if fl.f == nil {
		return nil
	}
	info, err := fl.f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < fl.at {
		fl.at = 0 // it was truncated
	}
	for ctx.Err() == nil {
		n, err := fl.f.ReadAt(fl.buf, fl.at)
		fl.at += int64(n)
		if n > 0 {
			if _, err := fl.w.Write(fl.buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// next opens the file that follows the current one, or returns nil.
func (fl *follower) next() (*os.File, error) {
	if fl.f == nil {
		return openIfThere(fl.path)
	}
	info, err := fl.f.Stat()
	if err != nil {
		return nil, err
	}
	at := func(i int) bool {
		named, err := os.Lstat(older(fl.path, i))
		return err == nil && os.SameFile(info, named)
	}
	if at(0) {
		return nil, nil
	}
	number := 1
	for number <= mostKept && !at(number) {
		number++
	}
	if number > mostKept {
		return openIfThere(fl.path) // removed, renamed by somebody else, or too old
	}
	for i := number - 1; i >= 0; i-- {
		f, err := openIfThere(older(fl.path, i))
		if f == nil && err == nil {
			continue
		}
		// Files are renamed from the oldest on. As long as the current one is
		// where it was, so was the one that was opened.
		if err == nil && !at(number) {
			f.Close()
			return nil, nil
		}
		return f, err
	}
	return nil, nil
}

func openIfThere(path string) (*os.File, error) {
	f, err := private.Regular(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}
