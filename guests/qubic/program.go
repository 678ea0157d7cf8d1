package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
)

// program is a job on its way to the board and back.
type program struct {
	job   *coda.Job
	gates []gate
	reads map[string]int // a shot's, by channel, of the qubits that the circuit measures

	executable *executable    // for a server of today
	assembly   map[string]any // for an older one: the program of each core
	channels   map[string]int // reads of a shot, of all channels that the server answers with

	counts map[uint64]uint64
	err    error
}

// executable is what a server of today runs.
type executable struct {
	ProgramBinaries map[string][]byte        `json:"program_binaries"` // by "board:memory"
	WriteRegisters  map[string]any           `json:"write_registers"`
	ResultChannels  map[string]resultChannel `json:"result_channels"` // by "Q0.rdlo"
}

type resultChannel struct {
	MemName      string `json:"mem_name"`
	Board        string `json:"board"`
	ReadsPerShot int    `json:"reads_per_shot"`
	Dtype        string `json:"dtype"`
}

func (s *settings) newProgram(job *coda.Job) *program {
	p := &program{job: job, reads: map[string]int{}, counts: map[uint64]uint64{}}
	c := job.Circuit
	switch {
	case c.Target != s.target:
		p.err = coda.Failf(coda.Unsupported, "the circuit is compiled for the target %v; %s runs %v", c.Target, s.name, s.target)
	case int(c.NumQubits) > len(s.qubits):
		p.err = coda.Failf(coda.Unsupported, "the circuit has %d qubits; %s has %d", c.NumQubits, s.name, len(s.qubits))
	case s.older && len(c.Measurements) == 0:
		p.err = coda.Failf(coda.Unsupported, "the circuit measures nothing, and this server runs only what it can read")
	default:
		p.gates, p.err = s.translate(c)
	}
	for _, m := range c.Measurements {
		if p.err == nil {
			p.reads[s.channel(m)]++
		}
	}
	return p
}

// channel is the name under which the server answers with a qubit's samples.
func (s *settings) channel(qubit uint16) string {
	if s.older {
		return s.cores[qubit]
	}
	return s.qubits[qubit] + ".rdlo"
}

// fit checks that a compiled program reads what its circuit measures.
func (s *settings) fit(p *program) {
	p.channels = map[string]int{}
	if s.older {
		for core := range p.assembly {
			p.channels[core] = max(p.reads[core], 1)
		}
	} else {
		for name, channel := range p.executable.ResultChannels {
			p.channels[name] = channel.ReadsPerShot
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.reads)) {
		got, ok := p.channels[name]
		switch {
		case !ok:
			p.err = misfit("it has no channel %s, which the circuit measures; it has %s", name, listed(p.channels))
		case got != p.reads[name]:
			p.err = misfit("it reads %s %d times in a shot; the circuit measures it %d times", name, got, p.reads[name])
		case !s.older && p.executable.ResultChannels[name].Dtype != "s11":
			p.err = misfit("its channel %s has the dtype %q; s11 is what is read here", name, p.executable.ResultChannels[name].Dtype)
		}
		if p.err != nil {
			return
		}
	}
	for name, reads := range p.channels {
		if reads < 1 || reads > maxReads {
			p.err = misfit("it reads %s %d times in a shot, not 1 to %d times", name, reads, maxReads)
			return
		}
	}
	if _, err := s.readsPerShot(p); err != nil {
		p.err = err
	}
}

// maxReads bounds what a stranger's executable can make us wait for.
const maxReads = 1000

func misfit(format string, args ...any) error {
	return coda.Failf(coda.Internal, "the compiled program does not fit the circuit: %s", fmt.Sprintf(format, args...))
}

func listed(channels map[string]int) string {
	if len(channels) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(channels)), ", ")
}

// readsPerShot is the server's argument of that name.
func (s *settings) readsPerShot(p *program) (any, error) {
	switch s.reads {
	case readsStruct:
		members := map[string]any{}
		for name, n := range p.channels {
			members[name] = int64(n)
		}
		return members, nil
	case readsNumber:
		n := 0
		for _, name := range slices.Sorted(maps.Keys(p.channels)) {
			if reads := p.channels[name]; n != 0 && reads != n {
				return nil, coda.Failf(coda.Unsupported, "%s is read %d times in a shot and another channel %d times; with the setting reads_per_shot = %q all have to be read equally often",
					name, reads, n, readsNumber)
			}
			n = p.channels[name]
		}
		if n == 0 {
			return nil, nil
		}
		return int64(n), nil
	}
	return nil, nil
}

// samples are how many a shot has, of all channels.
func (p *program) samples() uint64 {
	n := 0
	for _, reads := range p.channels {
		n += reads
	}
	return uint64(n)
}

// execution is the counts, in the order of their bits.
func (p *program) execution() coda.Execution {
	e := coda.Execution{ShotsCompleted: p.job.Shots}
	for _, bits := range slices.Sorted(maps.Keys(p.counts)) {
		e.Outcomes = append(e.Outcomes, coda.Outcome{Bits: bits, Count: p.counts[bits]})
	}
	return e
}

func unfailed(programs []*program) []*program {
	return slices.DeleteFunc(slices.Clone(programs), func(p *program) bool { return p.err != nil })
}
