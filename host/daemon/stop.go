package daemon

import "time"

// How long the steps of Stop wait.
const (
	defaultDrain  = 30 * time.Second // of a node that does not say
	defaultMargin = 10 * time.Second
	defaultGrace  = 10 * time.Second
)

// StopConfig is how a node is stopped.
type StopConfig struct {
	StateDir string
	// Drain is how long the jobs in hand may go on; 0 is as long as the node said
	// when it started, else 30 s.
	Drain time.Duration
	// Margin is what the node gets beyond Drain to close what it has; default 10 s.
	Margin time.Duration
	// Grace is how long it may take after each further signal; default 10 s.
	Grace time.Duration
	// Report, if set, is called before each step.
	Report func(Step)
}

// Step is one attempt to stop a node.
type Step struct {
	Action Action
	PID    int
	Wait   time.Duration // how long it may take, at most
}

// Action is what a step does to the node.
type Action uint8

// The actions, in the order in which they are taken.
const (
	Drain Action = iota // SIGTERM: no new jobs, those in hand go on
	Await               // instead, for a node that is draining already
	Hurry               // SIGTERM again: guests are killed, their jobs stay queued
	Kill                // SIGKILL
)
