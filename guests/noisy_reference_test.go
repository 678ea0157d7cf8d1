package guests_test

import (
	"math"
	"math/bits"

	"github.com/conductorquantum/coda/abi"
)

// noiseModel is what the noisy simulator is held against; the fields below the
// rates are ways to be wrong.
type noiseModel struct {
	single, two, measurement float64
	silent                   map[abi.Gate]bool // gates without noise
	readOnce                 bool              // a qubit that is measured again reads the same
}

// noisyDistribution is every outcome's probability, from the density matrix: each
// gate a whole matrix, each channel a sum over Paulis, each measurement a
// projection.
func (m noiseModel) noisyDistribution(c *abi.Circuit) map[uint64]float64 {
	size := 1 << c.NumQubits
	rho := newDensity(size)
	rho[0][0] = 1
	for _, op := range c.Operations {
		touched := 1<<op.Q0 | 1<<op.Q1
		rho = rho.conjugated(touched, func(row, column int) complex128 { return element(op, row, column) })
		rate := m.single
		if op.Q0 != op.Q1 {
			rate = m.two
		}
		if !m.silent[op.Gate] {
			rho = rho.depolarized(touched, rate)
		}
	}
	p := map[uint64]float64{}
	m.measure(rho, c.Measurements, 0, 0, 0, p)
	return p
}

// measure reads the measurements from i on, one after the other, of a state whose
// trace is the probability of the bits before them.
func (m noiseModel) measure(rho density, measurements []uint16, i int, read int, before uint64, p map[uint64]float64) {
	if i == len(measurements) {
		for k := range rho {
			p[before] += real(rho[k][k])
		}
		return
	}
	bit := 1 << measurements[i]
	if read&bit == 0 || !m.readOnce {
		rho = rho.depolarized(bit, m.measurement)
	}
	for value := range 2 {
		projected := rho.conjugated(bit, func(row, column int) complex128 {
			if row == column && (row&bit != 0) == (value == 1) {
				return 1
			}
			return 0
		})
		m.measure(projected, measurements, i+1, read|bit, before|uint64(value)<<i, p)
	}
}

type density [][]complex128

func newDensity(size int) density {
	rho := make(density, size)
	for i := range rho {
		rho[i] = make([]complex128, size)
	}
	return rho
}

// conjugated is k rho k^dagger, for a k that leaves the bits outside touched alone.
func (rho density) conjugated(touched int, k func(row, column int) complex128) density {
	half, full := newDensity(len(rho)), newDensity(len(rho))
	for row := range rho {
		for other := touched; ; other = (other - 1) & touched {
			from := row&^touched | other
			if f := k(row, from); f != 0 {
				for column := range rho {
					half[row][column] += f * rho[from][column]
				}
			}
			if other == 0 {
				break
			}
		}
	}
	for column := range rho {
		for other := touched; ; other = (other - 1) & touched {
			from := column&^touched | other
			if f := k(column, from); f != 0 {
				for row := range rho {
					full[row][column] += half[row][from] * complex(real(f), -imag(f))
				}
			}
			if other == 0 {
				break
			}
		}
	}
	return full
}

// depolarized sums over the 4^n Paulis on the n touched qubits: each but the
// identity has the probability rate/4^n.
func (rho density) depolarized(touched int, rate float64) density {
	sum := newDensity(len(rho))
	each := rate / math.Pow(4, float64(bits.OnesCount(uint(touched))))
	for flips := touched; ; flips = (flips - 1) & touched {
		for signs := touched; ; signs = (signs - 1) & touched {
			weight := each
			if flips == 0 && signs == 0 {
				weight = 1 - rate + each
			}
			// X where a bit of flips is set, Z where one of signs is: both are Y but
			// for a phase, which two sides cancel.
			for row := range rho {
				for column := range rho {
					value := rho[row^flips][column^flips]
					if bits.OnesCount(uint((row^column)&signs))%2 == 1 {
						value = -value
					}
					sum[row][column] += complex(weight, 0) * value
				}
			}
			if signs == 0 {
				break
			}
		}
		if flips == 0 {
			break
		}
	}
	return sum
}

// deviation is how many standard deviations Pearson's statistic of the counts lies
// above what the distribution gives, by the normal approximation of Wilson and
// Hilferty; outcomes that are expected less than ten times count as one. It is
// infinite where an outcome was seen that cannot be.
func deviation(counts []abi.Outcome, p map[uint64]float64, shots uint64) float64 {
	const impossible = 1e-13
	seen := map[uint64]float64{}
	for _, o := range counts {
		if p[o.Bits] < impossible {
			return math.Inf(1)
		}
		seen[o.Bits] = float64(o.Count)
	}
	var statistic, classes, rareSeen, rareExpected float64
	add := func(got, want float64) {
		statistic += (got - want) * (got - want) / want
		classes++
	}
	for outcome, probability := range p {
		if want := probability * float64(shots); want >= 10 {
			add(seen[outcome], want)
		} else {
			rareSeen += seen[outcome]
			rareExpected += want
		}
	}
	if rareExpected >= 10 {
		add(rareSeen, rareExpected)
	} else if rareSeen > 60 { // of fewer than 10: less likely than 1e-27
		return math.Inf(1)
	}
	if classes < 2 {
		return 0
	}
	k := classes - 1
	return (math.Cbrt(statistic/k) - (1 - 2/(9*k))) / math.Sqrt(2/(9*k))
}
