package tape

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/conductorquantum/coda/abi/effect"
)

// Player plays a tape: it answers each call as it was answered, and nothing else is
// asked. It is exact, and ends at the first difference.
type Player struct {
	mu     sync.Mutex
	path   string
	file   *os.File
	lines  *reader
	header Header
	files  map[string][]byte
	next   *line // read and not yet played; nil at the tape's end
	open   bool
	failed error

	guest   *playing // that is on it, or was last
	endings []string // of the jobs: why the node ended the guest; "" if it did not
	job     int      // that runs, from 1
	runs    *playing // the guest of that job; nil between jobs
	ended   bool     // it was, as on the tape
}

// ErrEnded says that the guest is to be ended here, for so it was when the tape was
// recorded: at a limit, or after a cancellation. The job's end says why.
var ErrEnded = errors.New("the tape has the guest ended here")

// Open reads a tape to its end, so that a damaged one is refused before anything
// runs, and goes back to where the calls begin.
func Open(path string) (*Player, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the tape cannot be read: %w", err)
	}
	p := &Player{path: path, file: f, files: map[string][]byte{}}
	if err := p.start(); err != nil {
		f.Close()
		return nil, fmt.Errorf("the tape %s: %w", path, err)
	}
	return p, nil
}

func (p *Player) start() error {
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is no regular file")
	}
	for r := newReader(p.file); ; {
		l, err := r.next()
		if err != nil {
			return err
		}
		if l == nil {
			break
		}
		switch {
		case l.Job != nil:
			p.endings = append(p.endings, "")
		case l.Ended != nil && len(p.endings) > 0:
			p.endings[len(p.endings)-1] = string(*l.Ended)
		}
	}
	if _, err := p.file.Seek(0, 0); err != nil {
		return err
	}
	p.lines = newReader(p.file)
	for {
		if p.next, err = p.lines.next(); err != nil {
			return err
		}
		switch {
		case p.next == nil:
			return nil
		case p.next.Header != nil:
			p.header = *p.next.Header
		case p.next.File != nil:
			p.files[*p.next.File] = *p.next.Content
		default:
			return nil
		}
	}
}

// Header says what was recorded.
func (p *Player) Header() Header { return p.header }

// Files are those that the guest had, by name.
func (p *Player) Files() map[string][]byte { return p.files }

// Door is that of the next guest. What it writes to the log, and its progress, also
// go to echo; nil: they go nowhere.
func (p *Player) Door(echo func(*effect.Call)) (effect.Door, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		return nil, errors.New("a tape holds one guest at a time; set concurrency = 1")
	}
	if err := p.expect("a new guest begins", func(l *line) bool { return l.Instance > 0 }); err != nil {
		return nil, err
	}
	p.open = true
	p.guest = &playing{tape: p, echo: echo}
	return p.guest, nil
}

// JobBegin is a job that begins, which must be the tape's. It returns when that was.
func (p *Player) JobBegin(job Job) (at time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next != nil && p.next.At != nil {
		at = *p.next.At
	}
	err = p.expect(fmt.Sprintf("job %q begins, of %d shots, circuit %s", job.ID, job.Shots, job.Circuit),
		func(l *line) bool { return l.Job != nil && *l.Job == job })
	if err != nil {
		return time.Time{}, err
	}
	p.job++
	p.runs, p.ended = p.guest, false
	return at, nil
}

// Ended says why the guest of the job that runs was ended, if the tape has ended it.
func (p *Player) Ended() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		return ""
	}
	return p.endings[p.job-1]
}

// JobEnd is a job that has ended. It returns when that was. It fails where the result
// differs, or where the tape has calls that the guest did not make.
func (p *Player) JobEnd(result string) (at time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next != nil && p.next.At != nil {
		at = *p.next.At
	}
	p.runs = nil
	return at, p.expect("the job ends with the result "+result, func(l *line) bool { return l.Result != nil && *l.Result == result })
}

// Close fails where the tape goes on.
func (p *Player) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		return nil
	}
	p.file.Close()
	p.file = nil
	if p.failed != nil {
		return nil // it was told
	}
	if p.next != nil {
		return p.differs("the run ended")
	}
	return nil
}

// expect plays a line that is no call.
func (p *Player) expect(what string, is func(*line) bool) error {
	if p.failed != nil {
		return p.failed
	}
	if p.next == nil || !is(p.next) {
		return p.differs(what)
	}
	return p.advance()
}

func (p *Player) advance() error {
	var err error
	if p.next, err = p.lines.next(); err != nil {
		p.failed = fmt.Errorf("the tape %s: %w", p.path, err)
	}
	return p.failed
}

// differs is the first difference, with both sides. Nothing is played after it.
func (p *Player) differs(instead string) error {
	if p.next == nil {
		p.failed = fmt.Errorf("the replay differs: the tape %s is at its end; instead %s", p.path, instead)
	} else {
		p.failed = fmt.Errorf("the replay differs: line %d of the tape %s has %s; instead %s", p.lines.number, p.path, p.next.shown(), instead)
	}
	return p.failed
}

// playing is a door of a tape.
type playing struct {
	tape   *Player
	echo   func(*effect.Call)
	closed bool
}

func (d *playing) Do(_ context.Context, call *effect.Call) (effect.Answer, error) {
	p := d.tape
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return effect.Answer{}, p.failed
	}
	if d.closed {
		return effect.Answer{}, errors.New("the door to the tape is closed")
	}
	if d.endsHere() { // before its first call, which it came to sooner this time
		p.ended = true
		return effect.Answer{}, ErrEnded
	}
	l := p.next
	if l == nil || l.Call == "" {
		return effect.Answer{}, p.differs("the guest called " + shown(call.Func, ofCall(call)))
	}
	was, answer, broke, err := l.played()
	if err != nil {
		p.failed = fmt.Errorf("the tape %s: line %d: %w", p.path, p.lines.number, err)
		return effect.Answer{}, p.failed
	}
	if what := difference(was, call); what != "" {
		return effect.Answer{}, p.differs("the guest called " + shown(call.Func, ofCall(call)) + what)
	}
	if err := p.advance(); err != nil {
		return effect.Answer{}, err
	}
	if d.echo != nil && (call.Func == effect.Log || call.Func == effect.Progress) {
		d.echo(call)
	}
	if d.endsHere() {
		p.ended = true
		return effect.Answer{}, ErrEnded
	}
	return answer, broke
}

// endsHere reports whether the node ended the guest here, in the job that runs.
func (d *playing) endsHere() bool {
	p := d.tape
	return d == p.runs && p.endings[p.job-1] != "" && p.next != nil && p.next.Gone > 0
}

func (d *playing) Close() error {
	p := d.tape
	p.mu.Lock()
	defer p.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed, p.open = true, false
	if p.failed != nil {
		return nil // it was told
	}
	return p.expect("the guest ended", func(l *line) bool { return l.Gone > 0 })
}

// difference says where two calls differ beyond what can be seen of them; it is "" if
// they do not.
func difference(was, is *effect.Call) string {
	if was.Func != is.Func {
		return " "
	}
	a, errA := written(shapes[was.Func].args, ofCall(was))
	b, errB := written(shapes[is.Func].args, ofCall(is))
	if errA != nil || errB != nil {
		return " "
	}
	for _, f := range shapes[was.Func].args {
		x, y := a[f.name], b[f.name]
		if bytes.Equal(x, y) {
			continue
		}
		at := 0
		for at < len(x) && at < len(y) && x[at] == y[at] {
			at++
		}
		from := max(0, at-20)
		return fmt.Sprintf("; %s differs: %s on the tape, %s now", f.name, part(x, from), part(y, from))
	}
	return ""
}

func part(text []byte, from int) string {
	to := min(len(text), from+60)
	s := string(text[min(from, to):to])
	if from > 0 {
		s = "…" + s
	}
	if to < len(text) {
		s += "…"
	}
	return strings.ToValidUTF8(s, "")
}
