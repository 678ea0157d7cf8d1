// Package conformance runs executors, in whatever language they are written,
// against the same vectors: jobs with what they have to measure.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/fault"
)

// Executor is an opened executor. Errors of Run are *fault.ExecutorError.
type Executor interface {
	Device() abi.Device
	Run(ctx context.Context, job *abi.Job) (*abi.Execution, error)
}

// Vector is one job and what it has to measure.
type Vector struct {
	Name string
	Job  *abi.Job
	Want Want
}

// Want is what a job has to measure, or how it has to fail.
type Want struct {
	// Probabilities are those of the outcomes, by their bitstring: the first
	// measurement is leftmost. An outcome of probability 1 is measured in every shot.
	Probabilities map[string]float64
	// Elapsed is the time on the backend; nil for any.
	Elapsed *time.Duration
	// Unsupported says that the job is refused, with these words in the reason.
	Unsupported string
}

// Run runs the vectors one after the other on the executor that open returns for
// the module and its settings, and then the first one again: what the others left
// behind must not show.
func Run(t *testing.T, open func(t *testing.T, wasm []byte, settings map[string]string) Executor, wasm []byte, settings map[string]string, vectors []Vector) {
	t.Helper()
	e := open(t, wasm, settings)
	device := e.Device()
	if err := device.Check(); err != nil {
		t.Errorf("the device breaks the contract: %v", err)
	}
	again := vectors[0]
	again.Name += ", again"
	for _, v := range append(slices.Clip(vectors), again) {
		t.Run(v.Name, func(t *testing.T) {
			execution, err := e.Run(t.Context(), v.Job)
			if err := v.Compare(execution, err); err != nil {
				t.Error(err)
			}
		})
	}
}

// Compare says how the result of the vector's job differs from what it has to be.
func (v Vector) Compare(got *abi.Execution, err error) error {
	if v.Want.Unsupported != "" {
		return v.refused(err)
	}
	if err != nil {
		return err
	}
	if err := got.Check(v.Job); err != nil {
		return fmt.Errorf("the result breaks the contract: %w", err)
	}
	if got.ShotsCompleted != v.Job.Shots {
		return fmt.Errorf("%d of %d shots were completed", got.ShotsCompleted, v.Job.Shots)
	}
	if want := v.Want.Elapsed; want != nil && (got.Elapsed == nil || *got.Elapsed != *want) {
		return fmt.Errorf("the elapsed time is not %v", *want)
	}
	counts := got.Counts(len(v.Job.Circuit.Measurements))
	for bits := range counts {
		if v.Want.Probabilities[bits] == 0 {
			return fmt.Errorf("measured %q, which cannot be: %v", bits, counts)
		}
	}
	return v.near(counts)
}

// near holds counts against the distribution that they are drawn from: the total
// variation distance of n shots over k outcomes stays below 0.4 sqrt(k/n) on
// average, and far above that only by a wrong distribution.
func (v Vector) near(counts map[string]uint64) error {
	n, k := float64(v.Job.Shots), float64(len(v.Want.Probabilities))
	if k == 1 {
		return nil // no other outcome was measured
	}
	var distance float64
	for bits, p := range v.Want.Probabilities {
		distance += math.Abs(float64(counts[bits])/n-p) / 2
	}
	if bound := 0.6*math.Sqrt(k/n) + 0.005; distance > bound {
		return fmt.Errorf("the counts %v are %.4f from the distribution %v, more than %.4f", counts, distance, v.Want.Probabilities, bound)
	}
	return nil
}

func (v Vector) refused(err error) error {
	failed, ok := errors.AsType[*fault.ExecutorError](err)
	switch {
	case err == nil:
		return errors.New("the job was run and has to be refused")
	case !ok || failed.Cause != fault.Unsupported:
		return fmt.Errorf("failed otherwise than as unsupported: %w", err)
	case !strings.Contains(failed.Reason, v.Want.Unsupported):
		return fmt.Errorf("the reason %q does not name %q", failed.Reason, v.Want.Unsupported)
	}
	return nil
}
