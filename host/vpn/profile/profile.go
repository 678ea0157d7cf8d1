// Package profile is the policy for OpenVPN profiles that come from elsewhere: which
// of them may be handed to OpenVPN, a process with privileges that could run
// programs and read and write files for whoever writes its profile.
//
// The policy is an allow-list over OpenVPN's own grammar (protocol, 7.1.1). A profile
// that it accepts is written anew from what was understood, and only that text
// reaches OpenVPN, so what the two could read differently does not matter: quotes,
// escapes, marks and tags that are not ours to write are not in it.
package profile

import (
	"fmt"
	"io"
	"strings"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

// MaxSize is the most bytes that a profile may have, as it comes and as it is written.
const MaxSize = 256 << 10

// Profile is a profile that the policy accepts. It holds keys: no way of formatting
// it shows more than that it is one.
type Profile struct {
	entries []entry // in the order of the text
	names   map[string]bool
}

// entry is a directive or a block.
type entry struct {
	line int // where it begins, from 1
	name string
	args []string // of a directive

	block bool
	data  config.Secret // of a block: its lines, each with its end
}

// Refusal is why the policy accepts a profile no more, with the first line that
// breaks it. It shows no more of the profile than names of directives and blocks
// that OpenVPN has.
type Refusal struct {
	Line   int // from 1; 0 where it is the profile as a whole
	Reason string
}

func (r *Refusal) Error() string {
	if r.Line == 0 {
		return r.Reason
	}
	return fmt.Sprintf("line %d: %s", r.Line, r.Reason)
}

// Parse judges a profile. The error is a *fault.VPNError around a *Refusal.
func Parse(text []byte) (*Profile, error) {
	p, refusal := parse(text)
	if refusal != nil {
		return nil, &fault.VPNError{Reason: "the profile is refused", Err: refusal}
	}
	return p, nil
}

func parse(text []byte) (*Profile, *Refusal) {
	lines, refusal := split(text)
	if refusal != nil {
		return nil, refusal
	}
	p := &Profile{names: map[string]bool{}}
	for i := 0; i < len(lines); {
		var e *entry
		start := i
		switch first := strings.TrimLeft(lines[i], blanks); {
		case first == "", first[0] == '#', first[0] == ';':
			i++
			continue
		case first[0] == '<':
			e, i, refusal = readBlock(lines, i)
			if refusal == nil && p.names[e.name] {
				refusal = &Refusal{start + 1, "a second block <" + e.name + ">: only one is allowed"}
			}
		default:
			e, refusal = readDirective(lines[i])
			i++
		}
		if refusal != nil {
			if refusal.Line == 0 {
				refusal.Line = start + 1
			}
			return nil, refusal
		}
		e.line = start + 1
		p.entries = append(p.entries, *e)
		p.names[e.name] = true
	}
	if refusal := p.check(); refusal != nil {
		return nil, refusal
	}
	if size := len(p.Text()); size > MaxSize {
		return nil, &Refusal{Reason: fmt.Sprintf("the profile has %d bytes as it would be written, and at most %d are allowed", size, MaxSize)}
	}
	return p, nil
}

// Has says whether a directive or a block of that name is in the profile.
func (p *Profile) Has(name string) bool { return p.names[name] }

// Text is the profile as OpenVPN is to get it, written anew: directives and blocks in
// their order, one directive a line, with no comment. Unless the profile says how
// often keys are to be renewed, reneg-sec 0 leaves that to the server. It holds the
// keys; Parse accepts it, and writes the same text again.
func (p *Profile) Text() []byte { return p.write(nil) }

// Shown is the text for a person to read: instead of what the blocks of keys hold it
// says [redacted].
func (p *Profile) Shown() []byte {
	return p.write(func(e *entry) bool { return secretBlocks[e.name] })
}

func (p *Profile) write(hides func(*entry) bool) []byte {
	var b []byte
	for i := range p.entries {
		e := &p.entries[i]
		switch {
		case !e.block:
			b = appendDirective(b, e.name, e.args)
		case hides != nil && hides(e):
			b = appendBlock(b, e.name, e.data.String()+"\n")
		default:
			b = appendBlock(b, e.name, string(e.data))
		}
	}
	if !p.Has("reneg-sec") {
		b = appendDirective(b, "reneg-sec", []string{"0"})
	}
	return b
}

// Format keeps keys out of logs.
func (*Profile) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "an OpenVPN profile") }
