package main

import (
	"encoding/json"
)

// call is a call of the server: programs that have their shots and their arguments in
// common.
type call struct {
	programs []*program
	reads    any    // reads_per_shot
	shots    uint64 // of each program, altogether
	atOnce   uint64 // shots of one call; less than shots only where there is one program
	samples  uint64 // of all programs, in such a call
}

// plan puts programs into calls, in their order: together where their shots and
// reads_per_shot agree, while the answer is of a size that is handled well.
func (s *settings) plan(programs []*program) []call {
	var calls []call
	open := map[string]int{} // the latest call of each kind
	for _, p := range programs {
		reads, _ := s.readsPerShot(p) // fit has tried it
		kind := s.kind(p, reads)
		samples := p.samples() * p.job.Shots
		if overflows(p.samples(), p.job.Shots) || samples > s.samplesPerCall {
			atOnce := max(s.samplesPerCall/max(p.samples(), 1), 1)
			calls = append(calls, call{[]*program{p}, reads, p.job.Shots, atOnce, p.samples() * atOnce})
			continue
		}
		if i, ok := open[kind]; ok && calls[i].samples+samples <= s.samplesPerCall {
			calls[i].programs = append(calls[i].programs, p)
			calls[i].samples += samples
			continue
		}
		open[kind] = len(calls)
		calls = append(calls, call{[]*program{p}, reads, p.job.Shots, min(p.job.Shots, maxShotsPerCall), samples})
	}
	return calls
}

// maxShotsPerCall is what a 32-bit n_shots holds, and what a circuit without
// measurements gets, which has no samples.
const maxShotsPerCall = 1_000_000

func overflows(a, b uint64) bool { return a != 0 && a*b/a != b }

// kind is the same for programs that can share a call. An older server joins the
// samples of a whole batch by core, so there the cores have to agree too.
func (s *settings) kind(p *program, reads any) string {
	parts := []any{p.job.Shots, reads}
	if s.older {
		parts = append(parts, p.channels)
	}
	text, err := json.Marshal(parts)
	if err != nil {
		panic(err) // numbers and texts
	}
	return string(text)
}

func (c *call) fail(err error) {
	for _, p := range c.programs {
		p.err = err
	}
}
