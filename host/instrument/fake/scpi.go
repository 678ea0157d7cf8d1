package fake

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"
)

// Bounds of the SCPI instrument.
const (
	maxSCPILine  = 64 << 10 // bytes
	maxSCPIShots = 1_000_000
	maxSequence  = 100_000 // gates and readouts
	maxErrors    = 20      // in the queue
)

const resetShots = 1000

// Bits of the standard event status register, IEEE 488.2, 11.5.1.
const (
	operationComplete = 1 << 0
	queryError        = 1 << 2
	deviceError       = 1 << 3
	executionError    = 1 << 4
	commandError      = 1 << 5
	powerOn           = 1 << 7
)

// SCPI is a quantum controller that speaks SCPI over TCP. It is one instrument,
// however many are connected to it.
type SCPI struct {
	core
	mu        sync.Mutex
	random    *rand.Rand
	output    bool
	shots     int
	ascii     bool
	sequence  []step
	run       *run // the last one; nil: none, or what it gave is void
	announce  bool // *OPC: the end of the run is an event
	events    int
	eventMask int
	serviceOn int
	errors    []*scpiError
}

// run is the running of a sequence.
type run struct {
	ended  chan struct{} // closed at the end
	timer  *time.Timer   // of the end; nil: at once
	begun  time.Time
	took   time.Duration
	result *shots
}

func (r *run) over() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// NewSCPI is an instrument that has just been switched on.
func NewSCPI(cfg Config) (*SCPI, error) {
	s := &SCPI{events: powerOn}
	if err := s.init(cfg); err != nil {
		return nil, err
	}
	s.random = s.cfg.random(ofOutcomes)
	s.reset()
	return s, nil
}

// Serve serves connections until ctx ends. It closes the listener.
func (s *SCPI) Serve(ctx context.Context, listener net.Listener) error {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.abort()
	}()
	return serveStreams(ctx, listener, &s.Journal, s.serve)
}

// AtRest reports whether the output is off and nothing runs.
func (s *SCPI) AtRest() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.output && !s.running()
}

func (s *SCPI) running() bool { return s.run != nil && !s.run.over() }

// Errors are the entries of the error queue, the oldest first. They stay in it.
func (s *SCPI) Errors() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var entries []string
	for _, e := range s.errors {
		entries = append(entries, e.Error())
	}
	return entries
}

func (s *SCPI) serve(ctx context.Context, conn net.Conn) {
	lines := bufio.NewReaderSize(conn, maxSCPILine)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			s.fail(&scpiError{code: -363})
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = lines.ReadSlice('\n')
			}
			line = nil
		}
		if err != nil {
			return // a line without its end is none
		}
		message := strings.TrimRight(string(line), "\r\n")
		if strings.Trim(message, " \t") == "" {
			continue
		}
		h := s.Faults.meet(message)
		s.note(message, h)
		if !pause(ctx, h.delay) {
			return
		}
		reply := s.message(ctx, message)
		if !s.noise.answer(rest{lines, conn}, reply, h.kind) {
			return
		}
	}
}

// rest is a connection of which a part was read ahead.
type rest struct {
	io.Reader
	io.Writer
}

// message does what a line says. The answers of its queries are joined by
// semicolons; a message without queries has none.
func (s *SCPI) message(ctx context.Context, line string) []byte {
	units, problem := parseMessage(line)
	var reply []byte
	for _, u := range units {
		answer, err := s.do(ctx, u)
		if err != nil {
			s.fail(err)
			if err.code > -200 {
				problem = nil
				break // of a message with a wrong command the rest is not done
			}
			continue
		}
		if answer != nil {
			if reply != nil {
				reply = append(reply, ';')
			}
			reply = append(reply, answer...)
		}
	}
	if problem != nil {
		s.fail(problem)
	}
	if reply != nil {
		reply = append(reply, '\n')
	}
	return reply
}

func (s *SCPI) do(ctx context.Context, u unit) ([]byte, *scpiError) {
	for _, c := range scpiCommands {
		if c.query != u.query || !matches(c.pattern, u.header) {
			continue
		}
		switch {
		case len(u.params) > c.most:
			return nil, scpiErrorf(-108, "%s", u.params[c.most])
		case len(u.params) < c.least:
			return nil, scpiErrorf(-109, "%s", u.header)
		}
		if c.starts {
			if err := s.locked(func() *scpiError { return s.initiate() }); err != nil {
				return nil, err
			}
		}
		if c.waits {
			s.wait(ctx)
		}
		var answer []byte
		err := s.locked(func() (err *scpiError) {
			answer, err = c.do(s, u.params)
			return err
		})
		return answer, err
	}
	mark := ""
	if u.query {
		mark = "?"
	}
	return nil, scpiErrorf(-113, "%s%s", u.header, mark)
}

func (s *SCPI) locked(do func() *scpiError) *scpiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	return do()
}

// wait returns when nothing runs.
func (s *SCPI) wait(ctx context.Context) {
	s.mu.Lock()
	r := s.run
	s.mu.Unlock()
	if r == nil {
		return
	}
	select {
	case <-r.ended:
	case <-ctx.Done():
	}
}

// fail puts an error into the queue. The last place of a full one says that there
// were more.
func (s *SCPI) fail(e *scpiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case e.code > -200:
		s.events |= commandError
	case e.code > -300:
		s.events |= executionError
	case e.code > -400:
		s.events |= deviceError
	default:
		s.events |= queryError
	}
	if len(s.errors) == maxErrors {
		s.errors[maxErrors-1] = &scpiError{code: -350}
		return
	}
	s.errors = append(s.errors, e)
}

// reset is *RST: the settings as they were at the start, and nothing runs. The
// error queue and the event registers stay as they are.
func (s *SCPI) reset() {
	s.abort()
	s.output, s.shots, s.ascii, s.sequence, s.announce = false, resetShots, false, nil, false
}

// initiate starts a run.
func (s *SCPI) initiate() *scpiError {
	reads := 0
	for _, step := range s.sequence {
		if step.read {
			reads++
		}
	}
	switch {
	case s.running():
		return scpiErrorf(-213, "a run is going on")
	case !s.output:
		return scpiErrorf(-221, "the output is off")
	case reads == 0:
		return scpiErrorf(-221, "the sequence measures nothing")
	}
	result, err := simulate(s.cfg.Qubits, s.sequence, s.shots, s.random)
	if err != nil {
		return scpiErrorf(-223, "%v", err)
	}
	r := &run{ended: make(chan struct{}), begun: time.Now(), took: time.Duration(s.shots) * s.cfg.ShotTime, result: result}
	s.run = r
	if r.took == 0 {
		s.end(r)
		return nil
	}
	r.timer = time.AfterFunc(r.took, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.end(r)
	})
	return nil
}

// end is called at the end of a run, whatever it was.
func (s *SCPI) end(r *run) {
	if r.over() {
		return
	}
	close(r.ended)
	if s.announce && s.run == r {
		s.events |= operationComplete
		s.announce = false
	}
}

// abort ends a run that goes on, and makes void what it would have given.
func (s *SCPI) abort() {
	if !s.running() {
		return
	}
	s.run.timer.Stop()
	s.end(s.run)
	s.run = nil
}
