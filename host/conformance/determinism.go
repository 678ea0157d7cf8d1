package conformance

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/conductorquantum/coda/abi"
)

func determinismChecks(*suite) []check {
	return []check{
		{"determinism", "seed", seed},
		{"determinism", "jobs stay apart", jobsApart},
	}
}

const seedRule = "the same seed and the same job give the same counts (guests/README.md, settings)"

// seed runs one job under one seed in two instances, twice in the first with others
// in between, and under another seed. An executor takes seeds if it refuses one that
// is no number, or if its counts follow them.
func seed(ctx context.Context, s *suite) error {
	if !s.subject.Settings {
		return skipped("the file imports no settings, so it takes no seed")
	}
	claims := s.refusesSeed(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	on := s.qubits()[:min(int(s.width()), 3)]
	c := at(s.device.Target, strings.Join([]string{"ry a 1.2", "ry b 1.7", "ry c 2.0"}[:len(on)], ";"), on, slices.Max(on))
	job := s.job(c, gateShots)
	run := func(seed string) (runs [2][]abi.Outcome, err error) {
		settings := s.settings()
		settings["seed"] = seed
		err = s.elsewhere(ctx, settings, true, func(e Executor) error {
			for i := range runs {
				execution, err := s.measureOn(ctx, e, job, nil)
				if err != nil {
					return err
				}
				runs[i] = sorted(execution.Outcomes)
				between := s.job(at(s.device.Target, "ry a pi/2", []uint16{0}, 0), 17)
				if _, err := s.measureOn(ctx, e, between, nil); err != nil {
					return err
				}
			}
			return nil
		})
		return runs, err
	}
	one, err := run("1")
	if err != nil {
		return err
	}
	again, err := run("1")
	if err != nil {
		return err
	}
	other, err := run("2")
	if err != nil {
		return err
	}
	same := reflect.DeepEqual(one[0], again[0])
	follows := same && !reflect.DeepEqual(one[0], other[0])
	n := len(c.Measurements)
	failed := func(what string, a, b []abi.Outcome) error {
		return &finding{
			asked: asked(job) + ", with the setting seed = 1, " + what,
			got:   fmt.Sprintf("other counts: %s and %s", shown(&abi.Execution{Outcomes: a}, n), shown(&abi.Execution{Outcomes: b}, n)),
			rule:  seedRule,
		}
	}
	switch {
	case claims && !same:
		return failed("in two instances", one[0], again[0])
	case (claims || follows) && !reflect.DeepEqual(one[0], one[1]):
		return failed("before and after another job", one[0], one[1])
	case follows:
		s.remark("counts follow the seed")
	case same:
		s.remark("counts are the same whatever the seed")
	default:
		s.remark("it takes no setting seed: counts of one job differ from run to run")
	}
	return nil
}

// refusesSeed reports whether a seed that is no number is refused for that.
func (s *suite) refusesSeed(ctx context.Context) bool {
	settings := s.settings()
	settings["seed"] = "no number"
	err := s.elsewhere(ctx, settings, false, func(Executor) error { return nil })
	return err != nil && strings.Contains(err.Error(), "seed")
}

func sorted(outcomes []abi.Outcome) []abi.Outcome {
	return slices.SortedFunc(slices.Values(outcomes), func(a, b abi.Outcome) int {
		if a.Bits < b.Bits {
			return -1
		}
		return 1
	})
}

// jobsApart runs jobs in one instance: what one leaves behind must not show in the
// next. An instance is kept for it, however cheap they are to make.
func jobsApart(ctx context.Context, s *suite) error {
	if s.plain == nil {
		return skipped("a job by itself measures what it should not")
	}
	var on []uint16
	for q := range min(s.width(), 4) {
		on = append(on, q)
	}
	last := slices.Max(on)
	flip := at(s.device.Target, "", on, last)
	for _, q := range on {
		flip.Operations = append(flip.Operations, at(s.device.Target, fmt.Sprintf("rx %d pi", q), nil, q).Operations...)
	}
	all, none := strings.Repeat("1", len(on)), strings.Repeat("0", len(on))
	idle := at(s.device.Target, "", on, last)
	return s.elsewhere(ctx, s.settings(), true, func(e Executor) error {
		for i, step := range []struct {
			c    *abi.Circuit
			want string
		}{{flip, all}, {idle, none}, {s.plainCircuit(), "1"}, {idle, none}, {flip, all}, {idle, none}} {
			if _, err := s.measureOn(ctx, e, s.job(step.c, gateShots), certain(step.want)); err != nil {
				return of(err, fmt.Sprintf("other jobs in the same instance, as number %d", i+1))
			}
		}
		return nil
	})
}
