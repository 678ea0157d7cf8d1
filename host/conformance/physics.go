package conformance

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/conductorquantum/coda/abi"
)

// Physics says what counts are held to.
type Physics string

// The ways to compare counts with what circuits measure.
const (
	Auto  Physics = "auto"  // whichever of the others a few probes show
	Exact Physics = "exact" // drawn from the exact distribution
	Noisy Physics = "noisy" // near it
	Off   Physics = "off"   // anything
)

const (
	// threshold bounds the chance that a right executor fails: counts of one outcome
	// deviate from its probability as far as is found wrong with a probability of at
	// most 2 exp(-threshold), by the Chernoff-Hoeffding bound, whatever the number of
	// shots. Over all outcomes that a run compares this adds up to Report.FalseAlarm,
	// below 1e-6 for 36,000 of them.
	threshold = 25
	// impossible is below what rounding makes of a probability of 0.
	impossible = 1e-14
	// rounding is how far two computations of a probability may be apart.
	rounding = 1e-9
	// noise is the total variation distance from the exact distribution that is
	// allowed to hardware and to simulators of it.
	noise = 0.25
)

// differs says how counts differ from what they have to be, or nothing.
func (s *suite) differs(job *abi.Job, e *abi.Execution, want distribution) string {
	if want == nil {
		return ""
	}
	if s.physics == Off {
		s.remark("runs; not compared")
		return ""
	}
	var why string
	if s.physics == Noisy {
		s.compared(1)
		why = far(e, want)
	} else {
		s.compared(len(want))
		why = improbable(e, want)
	}
	if why == "" {
		return ""
	}
	return fmt.Sprintf("%s; counts %s, expected %s", why, shown(e, len(job.Circuit.Measurements)), want.shown(len(job.Circuit.Measurements)))
}

func (s *suite) compared(outcomes int) {
	s.report.Compared += outcomes
	s.report.FalseAlarm = float64(s.report.Compared) * 2 * math.Exp(-threshold)
}

// improbable says which count cannot come from the distribution.
func improbable(e *abi.Execution, want distribution) string {
	n := float64(e.ShotsCompleted)
	counts := map[uint64]uint64{}
	for _, o := range e.Outcomes {
		if want[o.Bits] < impossible {
			return fmt.Sprintf("an outcome was measured in %d shots that cannot be", o.Count)
		}
		counts[o.Bits] = o.Count
	}
	for _, bits := range want.sorted() {
		p, q := want[bits], float64(counts[bits])/n
		// The nearest probability that rounding could have made of p.
		p = min(max(q, p-rounding), p+rounding)
		if n*divergence(q, min(max(p, 0), 1)) > threshold {
			return fmt.Sprintf("an outcome of probability %.6g was measured in %d of %d shots", want[bits], counts[bits], e.ShotsCompleted)
		}
	}
	return ""
}

// divergence is the relative entropy of a coin of probability q to one of p.
func divergence(q, p float64) float64 {
	term := func(q, p float64) float64 {
		switch {
		case q <= 0:
			return 0
		case p <= 0:
			return math.Inf(1)
		}
		return q * math.Log(q/p)
	}
	return term(q, p) + term(1-q, 1-p)
}

// far says that counts are farther from the distribution than noise makes them:
// of k outcomes and n shots the distance exceeds noise by sqrt(k/n)/2 on average
// and by sqrt(threshold/2n) more, after McDiarmid, with probability exp(-threshold).
func far(e *abi.Execution, want distribution) string {
	n := float64(e.ShotsCompleted)
	distance, seen := 0.0, map[uint64]bool{}
	for _, o := range e.Outcomes {
		distance += math.Abs(float64(o.Count)/n-want[o.Bits]) / 2
		seen[o.Bits] = true
	}
	for bits, p := range want {
		if !seen[bits] {
			distance += p / 2
		}
	}
	if most := noise + math.Sqrt(float64(len(want))/n)/2 + math.Sqrt(threshold/(2*n)); distance > most {
		return fmt.Sprintf("the counts are %.3f (total variation) from the distribution, more than the %.3f allowed to a noisy device", distance, most)
	}
	return ""
}

// distribution is the probability of each outcome that can be.
type distribution map[uint64]float64

// certain is the distribution of one outcome, given as its bitstring.
func certain(bitstring string) distribution {
	var bits uint64
	for i, c := range bitstring {
		if c == '1' {
			bits |= 1 << i
		}
	}
	return distribution{bits: 1}
}

func (d distribution) sorted() []uint64 {
	var all []uint64
	for bits := range d {
		all = append(all, bits)
	}
	slices.Sort(all)
	return all
}

// few is how many outcomes are shown to people.
const few = 6

func (d distribution) shown(measurements int) string {
	text := ""
	for i, bits := range d.sorted() {
		if i == few {
			return fmt.Sprintf("{%s and %d more}", text, len(d)-few)
		}
		text += fmt.Sprintf("%s%q: %.4g", separator(i), abi.Bitstring(bits, measurements), d[bits])
	}
	return "{" + text + "}"
}

func shown(e *abi.Execution, measurements int) string {
	text := ""
	for i, o := range e.Outcomes {
		if i == few {
			return fmt.Sprintf("{%s and %d more}", text, len(e.Outcomes)-few)
		}
		text += fmt.Sprintf("%s%q: %d", separator(i), abi.Bitstring(o.Bits, measurements), o.Count)
	}
	return "{" + text + "}"
}

func separator(i int) string {
	if i == 0 {
		return ""
	}
	return ", "
}

// probes tell a simulator from a noisy device and from a stand-in, which measures
// the same whatever it is asked.
var probes = []struct {
	gates string
	want  distribution
}{
	{"", certain("0")}, {"rx a pi", certain("1")}, {"ry a pi", certain("1")}, {"rx a pi; ry a pi", certain("0")},
	{"rx a pi/2; rx a pi/2", certain("1")}, {"ry a pi/2; rx a pi", distribution{0: 0.5, 1: 0.5}},
}

// decide decides what the counts are held to, and whether they are right in the
// plain job, which other checks then rely on.
func (s *suite) decide(ctx context.Context) error {
	if s.physics = s.cfg.Physics; s.physics == Auto || s.physics == "" {
		s.probe(ctx)
	} else {
		s.report.Why = "as asked"
	}
	s.report.Physics = s.physics
	s.plain = certain("1")
	if err := s.measure(ctx, s.plainCircuit(), gateShots, s.plain); err != nil {
		s.plain = nil
	}
	return ctx.Err()
}

// probe runs the probes. Where one fails, the checks of the gates say what is wrong,
// so the executor is taken for exact.
func (s *suite) probe(ctx context.Context) {
	s.physics = Exact
	why, same := "", true // the first deviation, and whether all measured one thing
	var first uint64
	for i, probe := range probes {
		job := s.job(at(s.device.Target, probe.gates, []uint16{0}, 0), gateShots)
		execution, err := s.e.Run(ctx, job)
		if err != nil {
			why, same = "", false
			break
		}
		if i == 0 {
			first = execution.Outcomes[0].Bits
		}
		same = same && len(execution.Outcomes) == 1 && execution.Outcomes[0].Bits == first
		if got := improbable(execution, probe.want); got != "" && why == "" {
			why = fmt.Sprintf("%s: %s", asked(job), got)
		}
	}
	switch {
	case why == "":
		why = "circuits of certain outcome measured nothing else, as a simulator's do"
	case same:
		s.physics, why = Off, fmt.Sprintf("every shot of %d circuits read %d whatever their gates, so it stands in for a device", len(probes), first)
	default:
		s.physics = Noisy
	}
	s.report.Why = why
}

func physicsChecks(s *suite) []check {
	var checks []check
	add := func(name string, run func(context.Context, *suite) error) {
		checks = append(checks, check{"physics", name, func(ctx context.Context, s *suite) error {
			if s.physics == Off {
				return skipped("the physics is not compared")
			}
			return run(ctx, s)
		}})
	}
	add("bit order", bitOrder)
	add("rotations by any angle", angles)
	add("entangled pairs", pairs)
	add("entangled chain", chain)
	add("random circuits", randomCircuits)
	return checks
}

// bitOrder flips one qubit of some and measures them in several orders.
func bitOrder(ctx context.Context, s *suite) error {
	n := min(s.width(), 5)
	one := n / 3 // not in the middle of five
	flip := fmt.Sprintf("rx %d pi", one)
	var forward, backward []uint16
	for q := range n {
		forward, backward = append(forward, q), append(backward, n-1-q)
	}
	orders := [][]uint16{forward, backward, append(slices.Clone(forward[one:]), forward[:one]...), {one}, {one, one}}
	if n > 1 {
		other := (one + 1) % n
		orders = append(orders, []uint16{other, one}, []uint16{one, other}, []uint16{one, other, one})
	}
	for _, order := range orders {
		want := ""
		for _, q := range order {
			want += string('0' + rune(btoi(q == one)))
		}
		if err := s.measure(ctx, at(s.device.Target, flip, order, n-1), 1000, certain(want)); err != nil {
			return err
		}
	}
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// spreadShots is enough for a wrong distribution to show.
const spreadShots = 20_000

func angles(ctx context.Context, s *suite) error {
	for _, gates := range []string{"rx a 0.6", "ry a 1.1", "ry a 2.5", "ry a pi/2; rz a pi/3; ry a -pi/2", "rx a -0.3; ry a 0.8; rz a 4.5; rx a 1.9"} {
		c := at(s.device.Target, gates, []uint16{0}, 0)
		if err := s.measure(ctx, c, spreadShots, exact(c)); err != nil {
			return err
		}
	}
	return nil
}

// bell entangles qubits a and b of each target: 00 and 11 are as probable.
var bell = map[abi.Target]string{
	abi.CZ:    "ry a pi/2; ry b pi/2; cz a b; ry b -pi/2",
	abi.ISwap: "ry a pi/2; ry b pi/2; iswap a b; rx b pi/2",
	abi.PCZ:   "ry a pi/2; ry b pi/2; cp a b pi; ry b -pi/2",
	abi.CNOT:  "ry a pi/2; cnot a b",
}

var halves = distribution{0b00: 0.5, 0b11: 0.5}

func pairs(ctx context.Context, s *suite) error {
	coupled := s.pairs()
	if len(coupled) == 0 {
		return skipped("the device couples no qubits")
	}
	few := coupled[:min(len(coupled), 16)]
	return each(s, "pairs", few, func(pair [2]uint16) error {
		return s.measure(ctx, at(s.device.Target, bell[s.device.Target], pair[:], max(pair[0], pair[1])), spreadShots, halves)
	})
}

// link carries entanglement on from a to b.
var link = map[abi.Target]string{
	abi.CZ:   "ry b pi/2; cz a b; ry b -pi/2",
	abi.PCZ:  "ry b pi/2; cp a b pi; ry b -pi/2",
	abi.CNOT: "cnot a b",
}

func chain(ctx context.Context, s *suite) error {
	path := s.path(10)
	between, ok := link[s.device.Target]
	switch {
	case len(path) < 3:
		return skipped("no three qubits are coupled one after the other")
	case !ok:
		return skipped("one gate of target iswap does not carry a state on; random circuits entangle more than two qubits")
	case s.physics == Noisy:
		path = path[:3]
	}
	c := at(s.device.Target, "ry a pi/2", path, slices.Max(path))
	for i := range len(path) - 1 {
		c.Operations = append(c.Operations, at(s.device.Target, between, path[i:i+2], slices.Max(path)).Operations...)
	}
	c.Measurements = path
	return s.measure(ctx, c, spreadShots, distribution{0: 0.5, 1<<len(path) - 1: 0.5})
}

// randomCircuits are compared with the reference, for the device's target and for
// the others that it runs.
func randomCircuits(ctx context.Context, s *suite) error {
	number, depth := 24, 40
	if s.physics == Noisy {
		number, depth = 8, 6
	}
	for _, target := range append([]abi.Target{s.device.Target}, s.others...) {
		random := newRandom(uint64(target) + 1)
		var circuits []*abi.Circuit
		for range number {
			circuits = append(circuits, s.randomCircuit(random, target, depth))
		}
		if err := each(s, "circuits", circuits, func(c *abi.Circuit) error {
			return s.measure(ctx, c, spreadShots, exact(c))
		}); err != nil {
			return err
		}
	}
	return nil
}
