package main

import (
	"errors"
	"io/fs"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/batch"
)

// driver is the executor.
type driver struct {
	files   fs.FS // what stands under /device
	send    sender
	set     *settings
	models  []*mixture // of each qubit
	sources source
	server  *server
}

func newDriver(files fs.FS, send sender) *driver {
	return &driver{files: files, send: send}
}

// Open reads the settings and the files that they name. It does not call the server,
// which has no question that it would answer at once.
func (d *driver) Open() (coda.Device, error) {
	set, err := readSettings()
	if err != nil {
		return coda.Device{}, err
	}
	d.set = set
	if d.models, err = readClassifier(d.files, set); err != nil {
		return coda.Device{}, err
	}
	switch set.programs {
	case fromTable:
		d.sources, err = readTable(d.files, set)
	case fromSidecar:
		d.sources = &sidecar{d.send, set}
	case asJSON:
		d.sources = &plain{set}
	}
	if err != nil {
		return coda.Device{}, err
	}
	d.server = &server{d.send, set}
	return coda.Device{
		Name: set.name, Target: set.target, NumQubits: uint16(len(set.qubits)), MaxShots: &set.maxShots,
		Edges: set.couplings, Directed: set.target == coda.CNOT && len(set.couplings) > 0,
	}, nil
}

// Run runs one circuit.
func (d *driver) Run(job coda.Job) (coda.Execution, error) {
	result := d.RunBatch([]coda.Job{job})[0]
	return result.Execution, result.Err
}

// RunBatch runs circuits in as few calls of the server as it can.
func (d *driver) RunBatch(jobs []coda.Job) []batch.Result {
	programs := make([]*program, len(jobs))
	for i := range jobs {
		programs[i] = d.set.newProgram(&jobs[i])
	}
	if good := unfailed(programs); len(good) > 0 {
		d.sources.compile(good)
	}
	for _, p := range unfailed(programs) {
		d.set.fit(p)
	}
	d.runAll(unfailed(programs))
	results := make([]batch.Result, len(jobs))
	for i, p := range programs {
		if p.err != nil {
			results[i].Err = p.err
		} else {
			results[i].Execution = p.execution()
		}
	}
	return results
}

// runAll runs programs call by call. Once a call did not get through, those that are
// left fail as it did: the server would keep each of them waiting as long.
func (d *driver) runAll(programs []*program) {
	var down error
	for _, c := range d.set.plan(programs) {
		if down != nil {
			c.fail(down)
			continue
		}
		down = d.run(&c)
	}
}

// run does a call, in pieces where its shots are too many for one. It returns the
// error that later calls would meet too.
func (d *driver) run(c *call) (down error) {
	for done := uint64(0); done < c.shots; {
		if coda.IsCancelled() {
			down = coda.Failf(coda.Cancelled, "the job was cancelled after %d of %d shots", done, c.shots)
			c.fail(down)
			return down
		}
		shots := min(c.atOnce, c.shots-done)
		samples, err := d.server.runCircuitBatch(c, shots)
		fault, raised := errors.AsType[*rpcFault](err)
		switch {
		case raised && len(c.programs) > 1:
			return d.runApart(c)
		case raised:
			c.fail(coda.Failf(d.set.faultKind(fault), "the QubiC server: %v", fault))
			return nil
		case err != nil:
			c.fail(err)
			return err
		}
		for i, p := range c.programs {
			if err := d.count(p, samples[i], shots); err != nil {
				p.err = err
			}
		}
		done += shots
		if len(unfailed(c.programs)) == 0 {
			break
		}
		if len(c.programs) == 1 {
			coda.Progress(done)
		}
	}
	return nil
}

// runApart runs the programs of a call one by one: its fault is about one of them, and
// nothing says in a way that a program could rely on which.
func (d *driver) runApart(c *call) (down error) {
	for _, p := range c.programs {
		if down != nil {
			p.err = down
			continue
		}
		alone := *c
		alone.programs = []*program{p}
		down = d.run(&alone)
	}
	return down
}
