package conformance

import (
	"context"
	"errors"
	"fmt"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/fault"
)

func refusalChecks(s *suite) []check {
	checks := []check{
		{"refusals", "one qubit too many", func(ctx context.Context, s *suite) error {
			if s.device.NumQubits >= abi.MaxQubits {
				return skipped(fmt.Sprintf("the device has the %d qubits that a circuit can have", abi.MaxQubits))
			}
			return s.refused(ctx, at(s.device.Target, "rx 0 pi", []uint16{0}, s.device.NumQubits), gateShots)
		}},
		{"refusals", "one shot too many", func(ctx context.Context, s *suite) error {
			most := s.device.MaxShots
			if most == nil {
				return skipped("the device reports no max-shots")
			}
			if *most+1 == 0 {
				return skipped("max-shots is the most that a job can ask for")
			}
			job := s.job(at(s.device.Target, "", []uint16{0}, 0), 1)
			job.Shots = *most + 1
			return s.refusedJob(ctx, job)
		}},
	}
	for target := abi.CZ; target <= abi.CNOT; target++ {
		if target != s.device.Target {
			checks = append(checks, check{"refusals", "target " + target.String(), func(ctx context.Context, s *suite) error {
				return otherTarget(ctx, s, target)
			}})
		}
	}
	return append(checks,
		check{"refusals", "qubits that do not couple", func(ctx context.Context, s *suite) error {
			return s.otherPair(ctx, "the device couples any two qubits", func(a, b uint16) bool {
				return !s.couples(a, b) && !s.couples(b, a)
			})
		}},
		check{"refusals", "against the direction", func(ctx context.Context, s *suite) error {
			return s.otherPair(ctx, "the device's couplings have no direction, or each both", func(a, b uint16) bool {
				return !s.couples(a, b) && s.couples(b, a)
			})
		}},
	)
}

const refusalRule = "what the device cannot do is refused as unsupported, by a failure and not by a trap (executor.wit, enum failure-kind)"

// otherTarget runs the gates of another target that the device's own has not: the executor runs them right, or
// refuses them.
func otherTarget(ctx context.Context, s *suite, target abi.Target) error {
	gates := legal(target)
	two := gates[len(gates)-1]
	pairs := s.pairs()
	if len(pairs) == 0 {
		return skipped("the device couples no qubits, so that the targets differ in nothing")
	}
	job := s.job(at(target, senses[two][0].gates, pairs[0][:], 0), gateShots)
	refused, err := s.eitherWay(ctx, job, certain(senses[two][0].bits))
	if err != nil || refused {
		return err
	}
	for _, gate := range gates {
		if gate.LegalFor(s.device.Target) {
			continue // tried on the device's own
		}
		on := pairs[0][:gate.Qubits()]
		if err := s.tryGate(ctx, target, gate, on...); err != nil {
			return err
		}
	}
	if s.physics == Off {
		s.remark("circuits of target %v are run as well; whether right is not known, since the physics is not compared", target)
	} else {
		s.remark("circuits of target %v are run as well, and right", target)
		s.others = append(s.others, target)
	}
	return nil
}

// otherPair puts a gate on the first pair that the device does not couple so.
func (s *suite) otherPair(ctx context.Context, none string, is func(a, b uint16) bool) error {
	gates := legal(s.device.Target)
	two := gates[len(gates)-1]
	for a := range s.width() {
		for b := range s.width() {
			if a == b || len(s.device.Edges) == 0 || !is(a, b) {
				continue
			}
			job := s.job(at(s.device.Target, senses[two][0].gates, []uint16{a, b}, 0), gateShots)
			refused, err := s.eitherWay(ctx, job, certain(senses[two][0].bits))
			if err == nil && !refused {
				s.remark("%v on qubits %d and %d is run, though the device does not couple them so", two, a, b)
			}
			return err
		}
	}
	return skipped(none)
}

// eitherWay runs a job that is to succeed with these counts or to be refused, and
// after a refusal one that has to succeed.
func (s *suite) eitherWay(ctx context.Context, job *abi.Job, want distribution) (refused bool, err error) {
	execution, err := s.e.Run(ctx, job)
	if err == nil {
		err := s.judge(job, execution, want)
		if f, ok := errors.AsType[*finding](err); ok {
			f.rule = refusalRule + "; it was run, and wrong"
		}
		return false, err
	}
	return true, s.afterRefusal(ctx, job, err)
}

// refused runs a circuit that has to be refused.
func (s *suite) refused(ctx context.Context, c *abi.Circuit, shots uint64) error {
	return s.refusedJob(ctx, s.job(c, shots))
}

func (s *suite) refusedJob(ctx context.Context, job *abi.Job) error {
	_, err := s.e.Run(ctx, job)
	if err == nil {
		return &finding{asked: asked(job), got: "it was run", rule: refusalRule}
	}
	return s.afterRefusal(ctx, job, err)
}

// afterRefusal looks at a refusal and runs a job that has to succeed.
func (s *suite) afterRefusal(ctx context.Context, job *abi.Job, err error) error {
	if failed, ok := errors.AsType[*fault.ExecutorError](err); !ok || failed.Cause != fault.Unsupported {
		return &finding{asked: asked(job), got: err.Error(), rule: refusalRule, err: err}
	}
	return s.next(ctx, "a job that was refused")
}
