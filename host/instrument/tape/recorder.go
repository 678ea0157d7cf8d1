package tape

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/conductorquantum/coda/abi/effect"
)

// Recorder writes a tape. One guest at a time is on it: with several, the order of
// their calls would be chance.
type Recorder struct {
	mu        sync.Mutex
	file      *os.File
	out       *bufio.Writer
	limit     int64
	size      int64
	sum       string
	began     time.Time
	calls     uint64
	instances int
	open      bool // a guest is on it
	failed    error
}

// Create begins a tape of at most limit bytes; 0 is DefaultLimit. Only this user may
// read it. A file that is there already is not written over.
func Create(path string, header Header, limit int64) (*Recorder, error) {
	if limit == 0 {
		limit = DefaultLimit
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the tape cannot be made: %w", err)
	}
	r := &Recorder{file: f, out: bufio.NewWriterSize(f, 64<<10), limit: limit, began: time.Now()}
	if err := r.write(&line{Tape: version, Header: &header}); err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

// Files puts the guest's files on the tape, so that a replay needs none.
func (r *Recorder) Files(files map[string][]byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content := blob(files[name])
		if err := r.write(&line{File: &name, Content: &content}); err != nil {
			return err
		}
	}
	return nil
}

// Door is next's, with every call on the tape. A call that cannot be recorded ends
// the guest.
func (r *Recorder) Door(next effect.Door) (effect.Door, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open {
		return nil, errors.New("a tape holds one guest at a time; set concurrency = 1")
	}
	r.instances++
	if err := r.write(&line{Instance: r.instances}); err != nil {
		return nil, err
	}
	r.open = true
	return &recording{tape: r, next: next}, nil
}

// JobBegin marks that a job begins.
func (r *Recorder) JobBegin(job Job, at time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.write(&line{Job: &job, At: &at})
}

// JobEnd marks that the job has ended, and hands the tape so far to the system: it is
// there if this program is killed, and not for sure if the machine loses its power.
func (r *Recorder) JobEnd(end End) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := &line{Result: &end.Result, At: &end.At}
	if end.Ended != "" {
		l.Ended = new(blob(end.Ended))
	}
	if err := r.write(l); err != nil {
		return err
	}
	return r.keep(r.out.Flush())
}

// Close ends the tape. One that was never closed is known by its missing end.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return r.failed
	}
	calls := r.calls
	err := r.write(&line{End: &calls})
	if err == nil {
		err = r.keep(errors.Join(r.out.Flush(), r.file.Sync()))
	} else {
		_ = r.out.Flush() // what fitted may still tell somebody something
	}
	err = errors.Join(err, r.file.Close())
	r.file = nil
	return err
}

// write adds a line. After a failure nothing follows.
func (r *Recorder) write(l *line) error {
	if r.failed != nil {
		return r.failed
	}
	text, sum, err := sealed(r.sum, l)
	switch {
	case r.file == nil:
		err = errors.New("the tape is closed")
	case err != nil:
	case len(text) > maxLine:
		err = fmt.Errorf("a line of the tape would have %d bytes; at most %d can be recorded", len(text), maxLine)
	case r.size+int64(len(text)) > r.limit:
		err = fmt.Errorf("the tape is full: it may have %d bytes", r.limit)
	default:
		_, err = r.out.Write(text)
	}
	if err != nil {
		return r.keep(err)
	}
	r.size += int64(len(text))
	r.sum = sum
	return nil
}

func (r *Recorder) keep(err error) error {
	if err != nil && r.failed == nil {
		r.failed = fmt.Errorf("recording: %w", err)
	}
	return r.failed
}

// recording is a door on the tape.
type recording struct {
	tape   *Recorder
	next   effect.Door
	closed bool
}

func (d *recording) Do(ctx context.Context, call *effect.Call) (effect.Answer, error) {
	answer, broke := d.next.Do(ctx, call)
	d.tape.mu.Lock()
	defer d.tape.mu.Unlock()
	if err := d.tape.call(call, &answer, broke); err != nil {
		return effect.Answer{}, errors.Join(broke, err)
	}
	return answer, broke
}

func (d *recording) Close() error {
	err := d.next.Close()
	d.tape.mu.Lock()
	defer d.tape.mu.Unlock()
	if d.closed {
		return err
	}
	d.closed, d.tape.open = true, false
	return errors.Join(err, d.tape.write(&line{Gone: d.tape.instances}))
}

func (r *Recorder) call(call *effect.Call, answer *effect.Answer, broke error) error {
	s, ok := shapes[call.Func]
	if !ok {
		return r.keep(fmt.Errorf("there is no %s on a tape", call.Func))
	}
	r.calls++
	l := &line{N: r.calls, MS: time.Since(r.began).Milliseconds(), Call: call.Func.String()}
	var err error
	if l.Args, err = written(s.args, ofCall(call)); err != nil {
		return r.keep(err)
	}
	switch {
	case broke != nil:
		l.Broke = broke.Error()
	case answer.Failed:
		message := blob(answer.Message)
		l.Error, l.Message = answer.Kind.String(), &message
	default:
		if l.Answer, err = written(s.answer, ofAnswer(answer)); err != nil {
			return r.keep(err)
		}
	}
	return r.write(l)
}
