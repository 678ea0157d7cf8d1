package main

// Everything that a person reads passes through this file: results on standard
// output, the rest on standard error, so that a pipe gets results only.

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"golang.org/x/term"
)

const (
	defaultWidth = 80
	maxWidth     = 100                    // bars that are longer are harder to compare
	patience     = 300 * time.Millisecond // how long a person waits without being told for what
)

// screen is where people, or programs, read. It is safe for concurrent use.
type screen struct {
	terminal bool // somebody may be watching
	tty      bool // and it can erase what it shows
	colour   bool
	width    int // in columns

	mu     sync.Mutex
	w      io.Writer
	status string // what is shown below everything else, erased again
	broken error  // the first failure to write
}

// newScreen finds out what file is. Where it is no terminal, nothing but text is
// written to it.
func newScreen(file *os.File) *screen {
	s := &screen{w: file, width: defaultWidth}
	fd := int(file.Fd())
	if !term.IsTerminal(fd) {
		return s
	}
	s.terminal = true
	s.tty = os.Getenv("TERM") != "dumb"
	s.colour = s.tty && os.Getenv("NO_COLOR") == ""
	if columns, _, err := term.GetSize(fd); err == nil && columns > 0 {
		s.width = min(columns, maxWidth)
	}
	return s
}

const eraseLine = "\r\x1b[K"

// Write writes above the status, if one is shown. It implements io.Writer for
// logs and for the help.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status != "" {
		_, _ = io.WriteString(s.w, eraseLine)
		defer func() { _, _ = io.WriteString(s.w, s.status) }()
	}
	n, err := s.w.Write(p)
	s.broken = cmp.Or(s.broken, err)
	return n, err
}

// failure is the first error of a write: what was to be read is not complete.
func (s *screen) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// forgiving is a screen whose failures are left to main to report, for writers
// that would report them as well.
type forgiving struct{ *screen }

func (f forgiving) Write(p []byte) (int, error) {
	_, _ = f.screen.Write(p)
	return len(p), nil
}

func (s *screen) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(s, format, args...) // failure keeps the error
}

// working tells a person at the terminal what is being done, if it is not done
// soon. Call the function that it returns when it is.
func (s *screen) working(format string, args ...any) (done func()) {
	if !s.tty {
		return func() {}
	}
	// A line that wraps could not be erased.
	status := []rune(printable(fmt.Sprintf(format, args...)) + " …")
	status = status[:min(len(status), s.width-1)]
	finished := false
	timer := time.AfterFunc(patience, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !finished {
			s.status = string(status)
			_, _ = io.WriteString(s.w, s.status)
		}
	})
	return func() {
		timer.Stop()
		s.mu.Lock()
		defer s.mu.Unlock()
		finished = true
		if s.status != "" {
			s.status = ""
			_, _ = io.WriteString(s.w, eraseLine)
		}
	}
}

// style is how a terminal is told to show text.
type style string

const (
	bold style = "\x1b[1m"
	dim  style = "\x1b[2m"
	cyan style = "\x1b[36m"
)

const plain = "\x1b[0m"

func (s *screen) paint(as style, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return string(as) + text + plain
}

// printError reports what ended a command. Errors that were joined get a line
// each.
func (c *cli) printError(err error) {
	if err == nil || errors.Is(err, errReported) {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			c.printError(err)
		}
		return
	}
	c.complain("%v", err)
	usage, ok := errors.AsType[*usageError](err)
	switch {
	case !ok:
	case usage.full:
		c.stderr.printf("%s", usage.cmd.UsageString())
	default:
		c.stderr.printf("Run '%s --help' for its usage.\n", usage.cmd.CommandPath())
	}
}

// complain writes a message to standard error, with the program's name in front.
func (c *cli) complain(format string, args ...any) {
	c.stderr.printf("%s: %s\n", c.name, printableLines(fmt.Sprintf(format, args...)))
}

// banner shows a command's name in a box, and below it pairs of a label and a
// value.
func (s *screen) banner(title string, rows [][2]string) {
	const columns = 48
	spaced := strings.Join(strings.Split("CODA·"+title, ""), " ")
	spaced = strings.Replace(spaced, " · ", "  ·  ", 1)
	rule := strings.Repeat("─", columns)
	var b strings.Builder
	fmt.Fprintf(&b, "┌%s┐\n│  %-*s│\n└%s┘\n", rule, columns-2, spaced, rule)
	for _, row := range rows {
		fmt.Fprintf(&b, "  %-14s%s\n", row[0], printable(row[1]))
	}
	b.WriteString(rule + "──\n")
	s.printf("%s", b.String())
}

// log is for what executors say at a prompt, where lines need no time.
func (c *cli) log(level slog.Level) *slog.Logger {
	return newLog(c.stderr, config.Log{Level: level.String()}, withoutTime)
}

func withoutTime(o *slog.HandlerOptions) {
	o.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
}
