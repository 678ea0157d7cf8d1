package main

import (
	"encoding/binary"
	"fmt"
	"math"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
)

// format is how samples are written.
type format struct {
	size int // bytes of a sample
	at   func([]byte) (i, q float64)
}

// s11 is a pair of 32-bit words in two's complement, little-endian, the imaginary one
// first. complex128 is a pair of doubles, the real one first.
var (
	s11 = format{8, func(b []byte) (i, q float64) {
		return float64(int32(binary.LittleEndian.Uint32(b[4:]))), float64(int32(binary.LittleEndian.Uint32(b)))
	}}
	complex128s = format{16, func(b []byte) (i, q float64) {
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), math.Float64frombits(binary.LittleEndian.Uint64(b[8:]))
	}}
)

func (s *settings) format() format {
	if s.older {
		return complex128s
	}
	return s11
}

// count classifies the samples of some shots, by channel, and adds what each shot reads
// to the program's counts. Bit i of an outcome is the readout of measurements[i]: of a
// qubit that is measured several times, the reads of its channel in their order.
func (d *driver) count(p *program, samples map[string][]byte, shots uint64) error {
	f := d.set.format()
	measurements := p.job.Circuit.Measurements
	outcomes := make([]uint64, shots)
	seen := map[string]int{}
	for bit, qubit := range measurements {
		channel := d.set.channel(qubit)
		data, reads, model := samples[channel], p.reads[channel], d.models[qubit]
		read := seen[channel]
		seen[channel]++
		for shot := range outcomes {
			i, q := f.at(data[(shot*reads+read)*f.size:])
			one, err := d.set.bit(model, i, q)
			if err != nil {
				return coda.Failf(coda.Internal, "shot %d, measurement %d: %v", shot, bit, err)
			}
			outcomes[shot] |= one << bit
		}
	}
	for _, bits := range outcomes {
		p.counts[bits]++
	}
	return nil
}

func (s *settings) bit(m *mixture, i, q float64) (uint64, error) {
	switch state, ok := m.state(i, q); {
	case !ok:
		return 0, fmt.Errorf("the sample (%g, %g) of %s is no state of its mixture", i, q, m.qubit)
	case state <= 1:
		return uint64(state), nil
	case s.others == asOne:
		return 1, nil
	default:
		return 0, fmt.Errorf("%s is in the state %d; the setting other_states says whether that is an error or a 1", m.qubit, state)
	}
}
