package openvpn

import (
	"bytes"
	"io"
	"strings"
)

// tailLines is how many lines of OpenVPN's output are remembered.
const tailLines = 20

// tail remembers the last lines of what it is told.
type tail struct {
	lines   []string
	partial []byte
}

func (t *tail) add(p []byte) {
	for {
		line, rest, ended := bytes.Cut(p, []byte{'\n'})
		if room := maxLine - len(t.partial); len(line) > room {
			line = line[:room]
		}
		t.partial = append(t.partial, line...)
		if !ended {
			return
		}
		if text := clean(string(t.partial)); text != "" {
			t.lines = append(t.lines, text)
			t.lines = t.lines[max(0, len(t.lines)-tailLines):]
		}
		t.partial, p = t.partial[:0], rest
	}
}

// last is the last line that says something: an "Options error" where there is
// one, and not the hint at the manual that follows it.
func (t *tail) last() string {
	last := ""
	for _, line := range t.lines {
		if strings.HasPrefix(line, "Options error:") {
			return line
		}
		if !strings.HasPrefix(line, "Use --help") {
			last = line
		}
	}
	return last
}

// output takes what OpenVPN prints.
type output struct {
	to   io.Writer
	tail *tail
}

// Write never fails: OpenVPN would die of a pipe that does not take its log.
func (o *output) Write(p []byte) (int, error) {
	o.tail.add(p)
	_, _ = o.to.Write(p)
	return len(p), nil
}
