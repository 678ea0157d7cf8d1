package tape

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/conductorquantum/coda/abi/effect"
)

// reader reads a tape, strictly: every checksum, every field and the order of lines.
type reader struct {
	in     *bufio.Reader
	sum    string
	number int // of the line that was read last
	calls  uint64
	state  int
	guests int
}

// What lines may come next.
const (
	atHeader = iota
	atFiles
	atRun
	atEnd
)

// newReader reads a tape.
func newReader(r io.Reader) *reader { return &reader{in: bufio.NewReaderSize(r, 64<<10)} }

// next is the next line; nil at the tape's end.
func (r *reader) next() (*line, error) {
	text, err := r.text()
	r.number++
	switch {
	case errors.Is(err, io.EOF) && len(text) > 0:
		return nil, fmt.Errorf("line %d is cut off: the recording was interrupted", r.number)
	case errors.Is(err, io.EOF) && r.state == atEnd:
		return nil, nil
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("it ends after line %d without its end: the recording was interrupted, or the tape was cut", r.number-1)
	case err != nil:
		return nil, fmt.Errorf("line %d: %w", r.number, err)
	}
	l, sum, err := unsealed(r.sum, text)
	if err == nil {
		err = r.follow(l)
	}
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", r.number, err)
	}
	r.sum = sum
	if r.state == atEnd {
		return r.next() // nothing may follow
	}
	return l, nil
}

// text is a line without its line feed. At the end of the file it is what is left.
func (r *reader) text() ([]byte, error) {
	var text []byte
	for {
		part, err := r.in.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case len(text) > maxLine:
			return nil, fmt.Errorf("it has more than %d bytes", maxLine)
		case err == nil:
			return bytes.TrimSuffix(text, []byte("\n")), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return text, err
		}
	}
}

var errOrder = errors.New("it does not belong here")

// follow checks that a line is one thing, and may follow those before it.
func (r *reader) follow(l *line) error {
	things := 0
	for _, is := range []bool{l.Header != nil || l.Tape != 0, l.File != nil || l.Content != nil, l.Instance != 0, l.Gone != 0,
		l.Job != nil, l.Result != nil, l.End != nil, l.Call != "" || l.N != 0} {
		if is {
			things++
		}
	}
	switch {
	case things != 1, (l.At != nil) != (l.Job != nil || l.Result != nil), l.Ended != nil && l.Result == nil:
		return errors.New("it is no line of a tape")
	case l.Tape != 0 || l.Header != nil:
		if l.Tape != version {
			return fmt.Errorf("the tape has the format %d; this version of coda reads %d", l.Tape, version)
		}
		if r.state != atHeader || l.Header == nil {
			return errOrder
		}
		r.state = atFiles
		return nil
	case r.state == atHeader:
		return errors.New("it is no tape: it does not begin with a header")
	case r.state == atEnd:
		return errOrder
	case l.File != nil || l.Content != nil:
		if r.state != atFiles || l.File == nil || l.Content == nil {
			return errOrder
		}
		return nil
	}
	r.state = atRun
	switch {
	case l.Instance != 0:
		if r.guests++; l.Instance != r.guests {
			return errOrder
		}
	case l.Call != "" || l.N != 0:
		if r.calls++; l.N != r.calls {
			return fmt.Errorf("it is call %d where %d belongs", l.N, r.calls)
		}
		_, _, _, err := l.played()
		return err
	case l.End != nil:
		if *l.End != r.calls {
			return fmt.Errorf("it says that there were %d calls; there are %d", *l.End, r.calls)
		}
		r.state = atEnd
	}
	return nil
}

// played is what a line says of a call: the call, its answer, or the error of the
// door.
func (l *line) played() (call *effect.Call, answer effect.Answer, broke error, err error) {
	f, ok := effect.Parse(l.Call)
	if !ok {
		return nil, answer, nil, fmt.Errorf("there is no call %q", l.Call)
	}
	v, err := read(shapes[f].args, l.Args)
	if err != nil {
		return nil, answer, nil, fmt.Errorf("args of %s: %w", f, err)
	}
	call = &effect.Call{Func: f, Handle: v.handle, Number: v.number, Second: v.second, Third: v.third, Fourth: v.fourth,
		Text: v.text, Method: v.method, Path: v.path, Data: v.data, Pairs: v.pairs}
	switch {
	case l.Broke != "":
		return call, answer, errors.New(l.Broke), nil
	case l.Error != "":
		for kind := effect.NotGranted; kind <= effect.Other; kind++ {
			if kind.String() == l.Error && l.Message != nil {
				return call, effect.Answer{Failed: true, Kind: kind, Message: string(*l.Message)}, nil, nil
			}
		}
		return nil, answer, nil, fmt.Errorf("there is no error %q", l.Error)
	}
	if v, err = read(shapes[f].answer, l.Answer); err != nil {
		return nil, answer, nil, fmt.Errorf("answer of %s: %w", f, err)
	}
	return call, effect.Answer{Number: v.number, Data: v.data, Pairs: v.pairs}, nil, nil
}

// shown is a line as people read it.
func (l *line) shown() string {
	switch {
	case l.Instance > 0:
		return "a new guest"
	case l.Gone > 0:
		return "the guest's end"
	case l.Job != nil:
		return fmt.Sprintf("job %q of %d shots, circuit %s", l.Job.ID, l.Job.Shots, l.Job.Circuit)
	case l.Result != nil:
		return "the job's end with the result " + *l.Result
	}
	call, _, _, err := l.played()
	if err != nil {
		return l.Call
	}
	return shown(call.Func, ofCall(call))
}
