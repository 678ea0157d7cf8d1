package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/testkit/require"
)

// What `coda run` prints of real circuits is drawn from the distributions that
// another simulator found.
func TestRealCircuits(t *testing.T) {
	t.Parallel()
	circuits := slices.DeleteFunc(require.Circuits(t), func(path string) bool {
		_, err := os.Stat(distribution(path))
		return err != nil
	})
	if len(circuits) == 0 {
		t.Fatal("no circuit has a distribution beside it")
	}
	const shots = 20000
	args := []string{"run", "--json", "--shots", "20000", "--seed", "1"}
	p := launch(t, t.TempDir(), nil, append(args, circuits...)...)
	p.exits(t, exitOK)
	decoder := json.NewDecoder(strings.NewReader(p.stdout.String()))
	for _, path := range circuits {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		var got struct {
			ID     string            `json:"job_id"`
			Counts map[string]uint64 `json:"counts"`
			Shots  uint64            `json:"shots_completed"`
		}
		if err := decoder.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if got.ID != name || got.Shots != shots {
			t.Errorf("%s: job %s completed %d shots", name, got.ID, got.Shots)
		}
		want := ideal(t, path)
		k := float64(len(want))
		bound := 0.6*math.Sqrt(k/shots) + 0.005
		if k == 1 {
			bound = 0
		}
		distance := variation(got.Counts, want, shots)
		t.Logf("%-18s %4.0f outcomes, distance %.4f of at most %.4f", name, k, distance, bound)
		if distance > bound {
			t.Errorf("%s: total variation distance %.4f, at most %.4f", name, distance, bound)
		}
	}
}

// distribution is the file with the distribution of a circuit's file.
func distribution(path string) string { return strings.TrimSuffix(path, ".json") + ".dist.json" }

func ideal(t *testing.T, path string) map[string]float64 {
	t.Helper()
	text, err := os.ReadFile(distribution(path))
	if err != nil {
		t.Fatal(err)
	}
	var d struct{ Probabilities map[string]float64 }
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Probabilities) == 1 { // to the last digit, however the file rounds it
		for bits := range d.Probabilities {
			d.Probabilities[bits] = 1
		}
	}
	return d.Probabilities
}

// variation is the total variation distance of counts from a distribution.
func variation(counts map[string]uint64, p map[string]float64, shots float64) float64 {
	var sum float64
	for bits, n := range counts {
		sum += math.Abs(float64(n)/shots - p[bits])
	}
	for bits, q := range p {
		if _, seen := counts[bits]; !seen {
			sum += q
		}
	}
	return sum / 2
}
