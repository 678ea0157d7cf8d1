package conformance

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/fault"
)

// edgeChecks try circuits at the ends of what is valid.
func edgeChecks(*suite) []check {
	var checks []check
	add := func(name string, run func(context.Context, *suite) error) {
		checks = append(checks, check{"edges", name, run})
	}
	add("no gates", func(ctx context.Context, s *suite) error {
		return s.measure(ctx, at(s.device.Target, "", []uint16{0}, 0), gateShots, certain("0"))
	})
	add("no measurements", func(ctx context.Context, s *suite) error {
		return s.measure(ctx, at(s.device.Target, "rx 0 pi", nil, 0), gateShots, certain(""))
	})
	add("no gates and no measurements", func(ctx context.Context, s *suite) error {
		return s.measure(ctx, at(s.device.Target, "", nil, 0), gateShots, certain(""))
	})
	add("one qubit measured three times", func(ctx context.Context, s *suite) error {
		err := s.measure(ctx, at(s.device.Target, "rx a pi", []uint16{0, 0, 0}, 0), gateShots, certain("111"))
		if err != nil {
			return err
		}
		c := at(s.device.Target, "ry a pi/2", []uint16{0, 0, 0}, 0)
		return s.measure(ctx, c, gateShots, distribution{0b000: 0.5, 0b111: 0.5})
	})
	add("64 measurements", func(ctx context.Context, s *suite) error {
		c := at(s.device.Target, "rx 0 pi", nil, min(s.width()-1, 1))
		c.Measurements = append(repeat(abi.MaxMeasurements-1, c.NumQubits-1), 0)
		bits := strings.Repeat(string('0'+rune(btoi(c.NumQubits == 1))), abi.MaxMeasurements-1) + "1"
		return s.measure(ctx, c, gateShots, certain(bits))
	})
	add("every qubit measured", func(ctx context.Context, s *suite) error {
		all := make([]uint16, s.width())
		for q := range all {
			all[q] = uint16(q)
		}
		c := at(s.device.Target, "", all, s.width()-1)
		c.Operations = []abi.Operation{{Gate: abi.RX, Q0: all[len(all)-1], Q1: all[len(all)-1], Param: math.Pi}}
		return s.measure(ctx, c, gateShots, certain(strings.Repeat("0", len(all)-1)+"1"))
	})
	add("one shot", func(ctx context.Context, s *suite) error {
		return s.measure(ctx, at(s.device.Target, "rx a pi", []uint16{0}, 0), 1, certain("1"))
	})
	add("the most shots", mostShots)
	add("angles", extremeAngles)
	add("long circuit", longCircuit)
	add("deep idle", func(ctx context.Context, s *suite) error {
		c := at(s.device.Target, "", []uint16{0}, 0)
		c.Operations = repeat(1000, abi.Operation{Gate: abi.ID, Param: 10})
		c.Operations = append(c.Operations, abi.Operation{Gate: abi.ID, Param: 0}, abi.Operation{Gate: abi.ID, Param: 1e5})
		return s.measure(ctx, c, gateShots, certain("0"))
	})
	return checks
}

// mostShots asks for as many shots as a job may have. Where any number is allowed,
// it goes on to larger ones while they take no longer.
func mostShots(ctx context.Context, s *suite) error {
	c := at(s.device.Target, "rx a pi", []uint16{0}, 0)
	if s.device.MaxShots != nil {
		return s.measure(ctx, c, *s.device.MaxShots, certain("1"))
	}
	if s.cfg.Timeless {
		s.remark("more than %d shots not tried: how many depends on the time that these take", uint64(1e5))
		return s.measure(ctx, c, 1e5, certain("1"))
	}
	const quick, long = 100 * time.Millisecond, 5 * time.Second
	for _, shots := range []uint64{1e5, 1e7, 1e9, 1<<53 + 1, math.MaxUint64} {
		began := time.Now()
		limited, cancel := context.WithTimeout(ctx, long)
		err := s.measure(limited, c, shots, certain("1"))
		cancel()
		took := time.Since(began)
		if failed, ok := errors.AsType[*fault.ExecutorError](findingCause(err)); ok && ctx.Err() == nil &&
			(failed.Cause == fault.Cancelled || failed.Cause == fault.Limit) {
			s.remark("%d shots were stopped after %v, though the device reports no max-shots", shots, took.Round(time.Second))
			return s.measure(ctx, c, gateShots, certain("1"))
		}
		if err != nil {
			return err
		}
		if took > quick {
			s.remark("more than %d shots not tried, since these took %v", shots, took.Round(time.Millisecond))
			return nil
		}
	}
	return nil
}

// findingCause is the error that made a finding.
func findingCause(err error) error {
	if f, ok := errors.AsType[*finding](err); ok {
		return f.err
	}
	return err
}

// extremeAngles turns by nothing, by next to nothing, the other way, many times
// round, and by numbers that are angles no more.
func extremeAngles(ctx context.Context, s *suite) error {
	for _, c := range []sense{
		{"rx a 0", "0"}, {"rx a -0", "0"}, {"rx a pi; rx a 1e-9", "1"}, {"rx a 5e-324", "0"}, {"rx a -pi", "1"},
		{"ry a pi; ry a pi", "0"}, {"rx a 6.283185307179586", "0"}, {"rz a 1e-9; rx a pi", "1"},
		{"rx a 628318.5307179586; rx a pi", "1"}, {"rx a -628318.5307179586; rx a -pi", "1"},
	} {
		if err := s.measure(ctx, at(s.device.Target, c.gates, []uint16{0}, 0), gateShots, certain(c.bits)); err != nil {
			return err
		}
	}
	huge := at(s.device.Target, "rx a 1.7976931348623157e308; rz a -1.7976931348623157e308", []uint16{0}, 0)
	return s.measure(ctx, huge, gateShots, nil)
}

// longCircuit runs 10,000 operations that come to nothing, and then one operation:
// the long job must not show in the short one.
func longCircuit(ctx context.Context, s *suite) error {
	on := []uint16{0}
	gates := "rx a pi/2; rz a pi/2; rz a -pi/2; rx a -pi/2"
	if pairs := s.pairs(); len(pairs) > 0 {
		on = pairs[0][:]
		gates += "; rx b pi; rx b -pi"
	}
	c := at(s.device.Target, gates, on, slices.Max(on))
	c.Operations = repeat(10_000/len(c.Operations), c.Operations...)
	want := certain(strings.Repeat("0", len(on)))
	if s.physics == Noisy {
		want = nil // of so many gates nothing is left
	}
	if err := s.measure(ctx, c, gateShots, want); err != nil {
		return err
	}
	return s.measure(ctx, at(s.device.Target, "rx a pi", []uint16{0}, 0), gateShots, certain("1"))
}
