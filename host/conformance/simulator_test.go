package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/conformance"
	"github.com/conductorquantum/coda/host/fault"
)

// simulator is an executor that is written from the gates' definitions, as
// matrices on a dense state, and as slow as that is. With a flaw it is wrong in one
// way.
type simulator struct {
	flaw   string
	device abi.Device
	seed   uint64
	kept   bool // for job after job, where a host gives others a fresh instance each
	jobs   uint64
	left   []uint16 // qubits that a job left in 1
	rests  int      // how often it was made safe
	random *rand.Rand
}

var errTrapped = &fault.ExecutorError{Executor: "fake", Cause: fault.Trapped, Reason: "unreachable"}

func failure(cause fault.Cause, format string, args ...any) error {
	return &fault.ExecutorError{Executor: "fake", Cause: cause, Reason: fmt.Sprintf(format, args...)}
}

// subject is a simulator with that flaw and device.
func subject(flaw string, device abi.Device) *conformance.Subject {
	instances := 0
	return &conformance.Subject{
		Contract: "of the test", Batch: true, Safety: true, Settings: true,
		Open: func(_ context.Context, settings map[string]string, keep bool) (conformance.Executor, error) {
			instances++
			e := &simulator{flaw: flaw, device: device, kept: keep}
			seed, err := strconv.ParseUint(settings["seed"], 10, 64)
			switch {
			case flaw == "no seed":
				seed = uint64(instances)
			case err != nil:
				return nil, failure(fault.Internal, "setting seed: %q is not a decimal number", settings["seed"])
			}
			if e.seed = seed; flaw == "seed claimed and ignored" {
				e.seed = uint64(instances)
			}
			if flaw == "device changes" && instances > 1 {
				e.device.Name += fmt.Sprint(instances)
			}
			if flaw == "refused" {
				return nil, failure(fault.Refused, "no executor")
			}
			if flaw == "does not open" {
				return nil, failure(fault.Unavailable, "the fridge is warm")
			}
			return e, nil
		},
	}
}

func (s *simulator) Device() abi.Device { return s.device }

func (s *simulator) Close() error {
	if s.flaw == "does not rest at the end" {
		return errTrapped
	}
	return nil
}

func (s *simulator) Budgets() []conformance.Budget {
	used := 10.0
	switch s.flaw {
	case "over budget":
		used = 101
	case "near its budget":
		used = 81
	}
	return []conformance.Budget{{Name: "memory", Used: used, Limit: 100, Unit: "bytes"}}
}

func (s *simulator) MakeSafe(context.Context) error {
	switch s.flaw {
	case "make-safe fails":
		return failure(fault.Internal, "the bias does not come down")
	case "make-safe fails at the second time":
		if s.rests++; s.rests > 1 {
			return errTrapped
		}
	}
	return nil
}

func (s *simulator) RunBatch(ctx context.Context, jobs []*abi.Job) ([]conformance.Result, error) {
	if s.flaw == "batch fails" {
		return nil, errTrapped
	}
	var results []conformance.Result
	for _, job := range jobs {
		e, err := s.Run(ctx, job)
		results = append(results, conformance.Result{Execution: e, Err: err})
	}
	switch s.flaw {
	case "batch in another order":
		for i, job := range jobs {
			results[i].Execution.Outcomes, results[i].Execution.ShotsCompleted = []abi.Outcome{{Count: job.Shots}}, job.Shots
		}
	case "batch forgets a job":
		return results[1:], nil
	}
	return results, nil
}

// Run refuses what a host refuses, and checks the result as it does.
func (s *simulator) Run(ctx context.Context, job *abi.Job) (*abi.Execution, error) {
	err := job.Check()
	if err == nil && s.flaw != "takes any size" {
		err = s.device.Accepts(job)
	}
	if f, ok := errors.AsType[*abi.Failure](err); ok {
		return nil, failure(fault.Cause(f.Kind), "%s", f.Message)
	} else if err != nil {
		return nil, failure(fault.Invalid, "%v", err)
	}
	e, err := s.run(ctx, job)
	if err == nil {
		if err := e.Check(job); err != nil {
			return nil, failure(fault.Invalid, "the result of run: %v", err)
		}
	}
	return e, err
}

func (s *simulator) run(ctx context.Context, job *abi.Job) (*abi.Execution, error) {
	c := job.Circuit
	s.jobs++
	if len(c.Operations) >= 20_000 && s.flaw != "is quick" {
		return s.untilCancelled(ctx, job)
	}
	if err := s.refuses(c); err != nil {
		return nil, err
	}
	if s.flaw == "reads zero" {
		return &abi.Execution{Outcomes: []abi.Outcome{{Count: job.Shots}}, ShotsCompleted: job.Shots}, nil
	}
	seed := s.seed
	if s.flaw == "seed goes on" {
		seed += s.jobs
	}
	s.random = rand.New(rand.NewPCG(seed, 7))
	psi := make([]complex128, 1<<min(c.NumQubits, 6))
	psi[0] = 1
	for _, q := range s.left {
		if q < c.NumQubits {
			s.one(psi, q, turn(math.Pi, 0, -1i, -1i))
		}
	}
	for _, op := range c.Operations {
		if c.Target != s.device.Target && s.flaw == "passes over other targets" && !op.Gate.LegalFor(s.device.Target) {
			continue
		}
		s.apply(psi, op)
	}
	sums := cumulate(psi)
	shots, counts := job.Shots, map[uint64]uint64{}
	if job.Shots > 1e6 { // certain: one draw tells
		counts[s.readout(c, s.draw(sums))] = job.Shots
		if s.flaw == "counts are doubles" {
			counts[s.readout(c, s.draw(sums))] = uint64(float64(job.Shots/3)) * 3
		}
	} else {
		if s.flaw == "half the shots" {
			shots = (shots + 1) / 2
		}
		s.sample(c, sums, shots, counts)
	}
	if s.flaw == "leaks state" && s.kept {
		s.left = nil
		for q := range min(c.NumQubits, 6) {
			if s.draw(sums)>>q&1 == 1 {
				s.left = append(s.left, q)
			}
		}
	}
	e := &abi.Execution{ShotsCompleted: shots}
	for bits, n := range counts {
		e.Outcomes = append(e.Outcomes, abi.Outcome{Bits: bits, Count: n})
	}
	switch {
	case s.flaw == "shot counts off":
		e.Outcomes[0].Count++
	case s.flaw == "zero counts":
		e.Outcomes = append(e.Outcomes, abi.Outcome{Bits: 1 - e.Outcomes[0].Bits&1})
	}
	return e, nil
}

func (s *simulator) untilCancelled(ctx context.Context, job *abi.Job) (*abi.Execution, error) {
	<-ctx.Done()
	switch s.flaw {
	case "traps when cancelled":
		return nil, errTrapped
	case "is killed":
		return nil, &fault.ExecutorError{Cause: fault.Cancelled, Reason: "and did not stop within 2s, so it was killed", Err: context.Cause(ctx)}
	case "breaks when cancelled":
		s.flaw = "rx forgotten" // from now on
	case "goes on when cancelled":
		return &abi.Execution{Outcomes: []abi.Outcome{{Count: job.Shots}}, ShotsCompleted: job.Shots}, nil
	}
	return nil, failure(fault.Cancelled, "cancelled after 7 gates")
}

// refuses says which circuits a flaw makes the simulator refuse.
func (s *simulator) refuses(c *abi.Circuit) error {
	own := c.Target == s.device.Target
	switch {
	case s.flaw == "refuses no measurements" && len(c.Measurements) == 0:
		return failure(fault.Unsupported, "nothing is measured")
	case s.flaw == "refuses 64 measurements" && len(c.Measurements) == 64:
		return failure(fault.Unsupported, "more than 63 measurements")
	case s.flaw == "refuses a qubit measured twice" && len(c.Measurements) == 3 && c.Measurements[0] == c.Measurements[1]:
		return failure(fault.Unsupported, "measured twice")
	case s.flaw == "traps at long circuits" && len(c.Operations) > 5000:
		return errTrapped
	case s.flaw == "traps at other targets" && !own:
		return errTrapped
	case s.flaw == "other targets are internal" && !own:
		return failure(fault.Internal, "target %v", c.Target)
	case s.flaw == "refuses other targets" && !own:
		return failure(fault.Unsupported, "target %v", c.Target)
	case s.flaw == "breaks after a refusal" && !own:
		s.flaw = "rx forgotten" // from now on
		return failure(fault.Unsupported, "target %v", c.Target)
	case s.flaw == "traps at strangers" || s.flaw == "refuses strangers":
		for _, op := range c.Operations {
			if pair := [2]uint16{op.Q0, op.Q1}; pair[0] != pair[1] && !coupled(s.device, pair) {
				if s.flaw == "traps at strangers" {
					return errTrapped
				}
				return failure(fault.Unsupported, "%d and %d do not couple", op.Q0, op.Q1)
			}
		}
	}
	return nil
}

func coupled(d abi.Device, pair [2]uint16) bool {
	for _, e := range d.Edges {
		if e == pair || !d.Directed && e == [2]uint16{pair[1], pair[0]} {
			return true
		}
	}
	return len(d.Edges) == 0
}

// cumulate adds up the probabilities of the states.
func cumulate(psi []complex128) []float64 {
	sums, sum := make([]float64, len(psi)), 0.0
	for i, a := range psi {
		sum += real(a)*real(a) + imag(a)*imag(a)
		sums[i] = sum
	}
	return sums
}

// sample draws shots: one by one where they are few or each has noise of its own,
// else evenly from one random start, which is as good and quicker by far.
func (s *simulator) sample(c *abi.Circuit, sums []float64, shots uint64, counts map[uint64]uint64) {
	if shots <= 1000 || strings.HasPrefix(s.flaw, "readout flips") {
		for range shots {
			counts[s.readout(c, s.draw(sums))]++
		}
		return
	}
	start, before := s.random.Float64(), uint64(0)
	for i, sum := range sums {
		until := min(uint64(sum/sums[len(sums)-1]*float64(shots)+start), shots)
		if until > before {
			counts[s.readout(c, uint64(i))] += until - before
		}
		before = until
	}
}

func (s *simulator) draw(sums []float64) uint64 {
	i, found := slices.BinarySearch(sums, s.random.Float64()*sums[len(sums)-1])
	if found {
		i++ // a state that cannot be
	}
	return uint64(i)
}

func (s *simulator) readout(c *abi.Circuit, state uint64) uint64 {
	switch s.flaw {
	case "readout flips", "readout flips often":
		// As the noisy devices of labs do.
		p := 0.01
		if s.flaw == "readout flips often" {
			p = 0.4
		}
		for q := range c.NumQubits {
			if s.random.Float64() < p {
				state ^= 1 << q
			}
		}
	}
	var bits uint64
	for i, q := range c.Measurements {
		at := i
		switch s.flaw {
		case "bits reversed":
			at = len(c.Measurements) - 1 - i
		case "bits by qubit":
			at = min(int(q), len(c.Measurements)-1)
		case "second of a qubit is lost":
			if i > 0 && c.Measurements[0] == q {
				continue
			}
		}
		bits |= (state >> q & 1) << at
	}
	return bits
}

func (s *simulator) apply(psi []complex128, op abi.Operation) {
	q0, q1, angle := op.Q0, op.Q1, op.Param
	name := op.Gate.String()
	last := s.device.NumQubits - 1
	sign := 1.0
	switch s.flaw {
	case "operands exchanged", name + " reversed":
		q0, q1 = q1, q0
	case name + " negated":
		angle = -angle
	case name + " twice the angle":
		angle *= 2
	case name + " 1 % too far":
		angle *= 1.01
	case name + " conjugated":
		sign = -1
	case name + " forgotten":
		return
	case name + " forgotten on the last qubit":
		if q0 == last {
			return
		}
	case name + " forgotten from the last qubit to the first":
		if q0 == last && q1 == 0 {
			return
		}
	}
	switch op.Gate {
	case abi.RX:
		s.one(psi, q0, turn(angle, 0, -1i, -1i))
	case abi.X90:
		s.one(psi, q0, turn(sign*math.Pi/2, 0, -1i, -1i))
	case abi.RY:
		s.one(psi, q0, turn(angle, 0, -1, 1))
	case abi.YMinus90:
		s.one(psi, q0, turn(sign*-math.Pi/2, 0, -1, 1))
	case abi.RZ, abi.VirtualZ:
		s.one(psi, q0, turn(angle, -1i, 0, 0))
	case abi.ID:
		if s.flaw == "id turns" {
			s.one(psi, q0, turn(math.Pi, -1i, 0, 0))
		}
	case abi.GateCZ:
		two(psi, q0, q1, 1, 0, -1)
	case abi.CP:
		if s.flaw == "cp is cz" {
			angle = math.Pi
		}
		two(psi, q0, q1, 1, 0, cmplx.Exp(complex(0, angle)))
	case abi.GateISwap:
		swap := complex(0, sign)
		if s.flaw == "iswap without i" {
			swap = 1
		}
		two(psi, q0, q1, 0, swap, 1)
	case abi.GateCNOT:
		for i := range psi {
			if i>>q0&1 == 1 && i>>q1&1 == 0 {
				j := i | 1<<q1
				psi[i], psi[j] = psi[j], psi[i]
			}
		}
	}
}

// turn is cos(angle/2) and sin(angle/2) times the given entries: z and its negative
// on the diagonal, up and down beside it.
func turn(angle float64, z, up, down complex128) [2][2]complex128 {
	cos, sin := complex(math.Cos(angle/2), 0), complex(math.Sin(angle/2), 0)
	return [2][2]complex128{{cos + sin*z, sin * up}, {sin * down, cos - sin*z}}
}

func (s *simulator) one(psi []complex128, q uint16, m [2][2]complex128) {
	for i := range psi {
		if i>>q&1 == 0 {
			j := i | 1<<q
			a, b := psi[i], psi[j]
			psi[i], psi[j] = m[0][0]*a+m[0][1]*b, m[1][0]*a+m[1][1]*b
		}
	}
}

// two multiplies 01 and 10 by stay, exchanges them times swap, and multiplies 11 by both.
func two(psi []complex128, q0, q1 uint16, stay, swap, both complex128) {
	for i := range psi {
		a, b := i>>q0&1, i>>q1&1
		switch {
		case a == 1 && b == 1:
			psi[i] *= both
		case a == 0 && b == 1:
			j := i ^ 1<<q0 ^ 1<<q1
			x, y := psi[i], psi[j]
			psi[i], psi[j] = stay*x+swap*y, swap*x+stay*y
		}
	}
}
