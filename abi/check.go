package abi

import (
	"errors"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"
)

// Check says whether the job can be handed to an executor at all. A circuit with
// more measurements than an outcome has bits is a *Failure of kind Unsupported.
// The circuit's own rules are those of Circuit.Validate.
func (j *Job) Check() error {
	switch {
	case j.ID == "":
		return errors.New("job: the id must not be empty")
	case !utf8.ValidString(j.ID):
		return fmt.Errorf("job %q: the id must be valid UTF-8", j.ID)
	case j.Circuit == nil:
		return fmt.Errorf("job %q: the circuit is missing", j.ID)
	case j.Shots == 0:
		return fmt.Errorf("job %q: shots must be at least 1", j.ID)
	case len(j.Circuit.Measurements) > MaxMeasurements:
		return unsupported("the circuit has %d measurements, more than the %d that an outcome can hold",
			len(j.Circuit.Measurements), MaxMeasurements)
	}
	return nil
}

// Accepts says whether the job fits the device. If not, the error is a *Failure of
// kind Unsupported. The targets are not compared: a simulator may run others than
// its own.
func (d *Device) Accepts(j *Job) error {
	if j.Circuit.NumQubits > d.NumQubits {
		return unsupported("the circuit has %d qubits, the device %s has %d",
			j.Circuit.NumQubits, d.Name, d.NumQubits)
	}
	if d.MaxShots != nil && j.Shots > *d.MaxShots {
		return unsupported("the job asks for %d shots, the device %s allows %d",
			j.Shots, d.Name, *d.MaxShots)
	}
	return nil
}

func unsupported(format string, args ...any) *Failure {
	return &Failure{Unsupported, fmt.Sprintf(format, args...)}
}

// Check says which rule of the contract a reported device breaks.
func (d *Device) Check() error {
	switch {
	case len(d.Name) < 1 || len(d.Name) > MaxDeviceName:
		return fmt.Errorf("device: the name must have 1 to %d bytes, not %d", MaxDeviceName, len(d.Name))
	case !utf8.ValidString(d.Name):
		return fmt.Errorf("device: the name %q must be valid UTF-8", d.Name)
	case slices.ContainsFunc([]rune(d.Name), unicode.IsControl):
		return fmt.Errorf("device: the name %q must not contain control characters", d.Name)
	case !d.Target.known():
		return fmt.Errorf("device %s: target %d is unknown", d.Name, uint8(d.Target))
	case d.NumQubits == 0:
		return fmt.Errorf("device %s: num-qubits must be at least 1", d.Name)
	}
	for i, edge := range d.Edges {
		if q := max(edge[0], edge[1]); q >= d.NumQubits {
			return fmt.Errorf("device %s: edges[%d]: qubit %d must be below num-qubits, %d", d.Name, i, q, d.NumQubits)
		}
		if edge[0] == edge[1] {
			return fmt.Errorf("device %s: edges[%d]: couples qubit %d with itself", d.Name, i, edge[0])
		}
	}
	if edge, twice := d.listedTwice(); twice {
		return fmt.Errorf("device %s: edges: the pair %d, %d must not be listed twice", d.Name, edge[0], edge[1])
	}
	return nil
}

// listedTwice returns a pair that two edges are. One and its reverse are two pairs,
// and where the device is not directed both may be listed.
func (d *Device) listedTwice() (edge [2]uint16, twice bool) {
	all := make([]uint32, len(d.Edges))
	for i, e := range d.Edges {
		all[i] = uint32(e[0])<<16 | uint32(e[1])
	}
	slices.Sort(all)
	for i := 1; i < len(all); i++ {
		if all[i] == all[i-1] {
			return [2]uint16{uint16(all[i] >> 16), uint16(all[i])}, true
		}
	}
	return edge, false
}

// Check says which rule of the contract the result of the job breaks, so that it
// must not be sent on as counts. The job has passed its own Check.
func (e *Execution) Check(job *Job) error {
	switch {
	case e.ShotsCompleted == 0 || e.ShotsCompleted > job.Shots:
		return fmt.Errorf("result: shots-completed must be from 1 to the %d asked for, not %d", job.Shots, e.ShotsCompleted)
	case e.Elapsed != nil && *e.Elapsed < 0:
		return fmt.Errorf("result: the elapsed time must not be negative, as %v is", *e.Elapsed)
	}
	n := len(job.Circuit.Measurements)
	left := e.ShotsCompleted
	for i, o := range e.Outcomes {
		switch {
		case o.Bits>>n != 0: // never so for 64 measurements
			return fmt.Errorf("result: outcomes[%d]: bits %#x do not fit in %s", i, o.Bits, count(n, "measurement"))
		case o.Count == 0:
			return fmt.Errorf("result: outcomes[%d]: the count must not be 0", i)
		case o.Count > left:
			return fmt.Errorf("result: outcomes[%d]: the counts add up to more than shots-completed, %d", i, e.ShotsCompleted)
		}
		left -= o.Count
	}
	if left != 0 {
		return fmt.Errorf("result: the counts add up to %d, not to shots-completed, %d", e.ShotsCompleted-left, e.ShotsCompleted)
	}
	if bits, twice := duplicate(e.Outcomes); twice {
		return fmt.Errorf("result: outcome %#x must not be listed twice", bits)
	}
	return nil
}

// duplicate returns bits that two outcomes share.
func duplicate(outcomes []Outcome) (uint64, bool) {
	sorted := true
	for i := 1; i < len(outcomes) && sorted; i++ {
		sorted = outcomes[i-1].Bits < outcomes[i].Bits
	}
	if sorted { // as most executors list them
		return 0, false
	}
	var room [64]uint64
	all := room[:0]
	for _, o := range outcomes {
		all = append(all, o.Bits)
	}
	slices.Sort(all)
	for i := 1; i < len(all); i++ {
		if all[i-1] == all[i] {
			return all[i], true
		}
	}
	return 0, false
}
