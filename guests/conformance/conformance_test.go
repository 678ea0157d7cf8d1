package conformance_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/guests/conformance"
	"github.com/conductorquantum/coda/host/fault"
)

// The vectors agree with an independent simulator.
func TestVectorsAreRight(t *testing.T) {
	t.Parallel()
	for _, v := range conformance.Simulator(27) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			if err := v.Compare(reference{max: 27}.run(v.Job)); err != nil {
				t.Error(err)
			}
		})
	}
}

// Every way to be wrong that a simulator is likely to find is found.
func TestFlawsAreFound(t *testing.T) {
	t.Parallel()
	for _, flaw := range []string{
		"bits reversed", "bits by qubit", "operands exchanged", "takes any size", "id turns",
		"rx negated", "ry negated", "rz negated", "virtual_z negated", "cp negated",
		"rx twice the angle", "ry twice the angle", "rz twice the angle", "virtual_z twice the angle", "cp twice the angle",
		"x90 conjugated", "y_minus_90 conjugated", "iswap conjugated",
		"rx forgotten", "ry forgotten", "rz forgotten", "cz forgotten", "iswap forgotten", "cp forgotten",
		"x90 forgotten", "y_minus_90 forgotten", "virtual_z forgotten", "cnot forgotten",
	} {
		t.Run(flaw, func(t *testing.T) {
			t.Parallel()
			found := slices.ContainsFunc(conformance.Simulator(27), func(v conformance.Vector) bool {
				return v.Compare(reference{flaw: flaw, max: 27}.run(v.Job)) != nil
			})
			if !found {
				t.Error("no vector shows this")
			}
		})
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	job := &abi.Job{ID: "a", Shots: 100, Circuit: &abi.Circuit{NumQubits: 1, Measurements: []uint16{0}}}
	coin := conformance.Vector{Job: job, Want: conformance.Want{Probabilities: map[string]float64{"0": 0.5, "1": 0.5}}}
	zero := conformance.Vector{Job: job, Want: conformance.Want{Probabilities: map[string]float64{"0": 1}, Elapsed: new(time.Duration)}}
	refused := conformance.Vector{Job: job, Want: conformance.Want{Unsupported: "27"}}
	result := func(zeros, ones, completed uint64) *abi.Execution {
		e := &abi.Execution{ShotsCompleted: completed, Elapsed: new(time.Duration)}
		for bits, n := range []uint64{zeros, ones} {
			if n > 0 {
				e.Outcomes = append(e.Outcomes, abi.Outcome{Bits: uint64(bits), Count: n})
			}
		}
		return e
	}
	slow := result(100, 0, 100)
	slow.Elapsed = new(time.Second)
	failure := func(cause fault.Cause, reason string) error {
		return &fault.ExecutorError{Cause: cause, Reason: reason}
	}
	for _, test := range []struct {
		name   string
		vector conformance.Vector
		got    *abi.Execution
		err    error
		want   string
	}{
		{"as it should be", zero, result(100, 0, 100), nil, ""},
		{"drawn fairly", coin, result(47, 53, 100), nil, ""},
		{"refused", refused, nil, failure(fault.Unsupported, "beyond 27 qubits"), ""},
		{"drawn unfairly", coin, result(30, 70, 100), nil, `the counts map[0:30 1:70] are 0.2000 from the distribution map[0:0.5 1:0.5], more than 0.0899`},
		{"an outcome that cannot be", zero, result(99, 1, 100), nil, `measured "1", which cannot be: map[0:99 1:1]`},
		{"too few shots", zero, result(99, 0, 99), nil, "99 of 100 shots were completed"},
		{"counts that do not add up", zero, result(99, 0, 100), nil, "the result breaks the contract: result: the counts add up to 99, not to shots-completed, 100"},
		{"another time", zero, slow, nil, "the elapsed time is not 0s"},
		{"a failure", zero, nil, errors.New("broken"), "broken"},
		{"not refused", refused, result(100, 0, 100), nil, "the job was run and has to be refused"},
		{"refused for another reason", refused, nil, failure(fault.Unsupported, "no"), `the reason "no" does not name "27"`},
		{"failed otherwise", refused, nil, failure(fault.Internal, "27"), "failed otherwise than as unsupported: executor : internal: 27"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text := ""
			if err := test.vector.Compare(test.got, test.err); err != nil {
				text = err.Error()
			}
			if text != test.want {
				t.Errorf("got  %q\nwant %q", text, test.want)
			}
		})
	}
}

// The jobs of the zeros cross to an executor only if a host accepts them.
func TestZerosAreValid(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, v := range conformance.Zeros() {
		if names[v.Name] {
			t.Errorf("two vectors are called %q", v.Name)
		}
		names[v.Name] = true
		if err := v.Job.Check(); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
		if err := v.Job.Circuit.Validate(); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
}
