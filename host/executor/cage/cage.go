// Package cage confines the child process in which an executor is compiled or
// runs, from inside, before it reads a byte of the executor: what a guest that
// breaks out of WebAssembly finds is a process that can compute, and talk to its
// node over one socket.
//
// It is built in two steps. Enter gives up what no child needs, and keeps what
// compiling or loading the code takes: one folder, executable memory.
// Seal gives up these too, before the guest's first instruction.
package cage

import "time"

// Config is what a child keeps.
type Config struct {
	Socket   int           // the descriptor that leads to the node; its peer is the parent
	Memory   uint64        // bytes of address space beyond what the process has; 0: no bound
	CPU      time.Duration // of the whole process, in seconds rounded up; 0: no bound
	Read     string        // a folder that it may read, with all below; empty: none
	Write    string        // a folder that it may read and write, with all below; empty: none
	FileSize uint64        // bytes that a file may grow to
}

// Feature is one part of the cage.
type Feature struct {
	Name    string
	Detail  string // what there is of it: a version; or why it is missing
	Missing bool   // this system does not have it
	Without string // what that means, where it is missing
}

// Report is the cage, part by part.
type Report []Feature

// Missing names the parts that are not there.
func (r Report) Missing() (names []string) {
	for _, f := range r {
		if f.Missing {
			names = append(names, f.Name+": "+f.Detail)
		}
	}
	return names
}
