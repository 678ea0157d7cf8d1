// Package fake holds instruments that are not there: programs that speak an
// instrument's protocol, run what they are told on a small simulator, and go wrong
// when they are asked to. They are for authors of executors without hardware
// (`coda instrument`) and for tests. README.md, beside this file, has their
// protocols.
//
// Each is made by its New function, which does no I/O, and runs in its Serve until
// its context ends; no goroutine outlives Serve. All methods are safe for
// concurrent use.
package fake

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// MaxQubits is the most that a fake has: each amplitude is computed for each gate.
const MaxQubits = 10

const defaultQubits = 5

// Config is what the fakes have in common.
type Config struct {
	Qubits   int           // 1 to MaxQubits; 0 is 5
	Seed     uint64        // of the outcomes, of noise and of faults with a share
	ShotTime time.Duration // that a shot takes; 0 is none at all
	Faults   []Fault       // from the start; Faults.Set changes them
	Seen     func(Request) // told of each request, in a goroutine of the fake's; nil: nobody is
}

// check fills in defaults.
func (c *Config) check() error {
	if c.Qubits == 0 {
		c.Qubits = defaultQubits
	}
	if c.Qubits < 1 || c.Qubits > MaxQubits {
		return fmt.Errorf("%d qubits are not possible: 1 to %d are", c.Qubits, MaxQubits)
	}
	if c.ShotTime < 0 {
		return fmt.Errorf("a shot cannot take %v", c.ShotTime)
	}
	return nil
}

// The streams of random numbers that a seed gives.
const (
	ofOutcomes = iota
	ofFaults
	ofNoise
)

func (c *Config) random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(c.Seed, stream)) }

// Request is something that a fake was asked for.
type Request struct {
	Text  string // as the fake's protocol has it
	Fault string // what went wrong with it; "" if nothing did
}

// keptRequests bounds what a fake that runs for days remembers.
const keptRequests = 10_000

// Journal is what a fake was asked for, and by how many.
type Journal struct {
	mu     sync.Mutex
	kept   []string
	total  int
	open   int
	opened int
	seen   func(Request)
}

// Requests are the latest requests, at most 10,000, the oldest first.
func (j *Journal) Requests() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.kept...)
}

// Total is the number of requests so far.
func (j *Journal) Total() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.total
}

// Connections are how many are open, and how many ever were.
func (j *Journal) Connections() (open, ever int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.open, j.opened
}

func (j *Journal) note(text string, h hit) {
	j.mu.Lock()
	if len(j.kept) == keptRequests {
		j.kept = append(j.kept[:0], j.kept[keptRequests/10:]...)
	}
	j.kept = append(j.kept, text)
	j.total++
	j.mu.Unlock()
	if j.seen != nil {
		j.seen(Request{Text: text, Fault: h.String()})
	}
}

func (j *Journal) connect() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.open++
	j.opened++
}

func (j *Journal) disconnect() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.open--
}
