package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/testkit/require"
)

// Real circuits with a distribution from another simulator: NAME.json beside
// NAME.dist.json. They are not part of this repository.
const sharedCircuits = "../../../shared/circuits"

// What `coda run` prints is drawn from the ideal distribution.
func TestRealCircuits(t *testing.T) {
	t.Parallel()
	require.File(t, "circuits", sharedCircuits, "real circuits to compare with are looked for there")
	distributions, err := filepath.Glob(filepath.Join(sharedCircuits, "*.dist.json"))
	if err != nil || len(distributions) == 0 {
		t.Fatalf("there are no distributions in %s", sharedCircuits)
	}
	folder, err := filepath.Abs(sharedCircuits)
	if err != nil {
		t.Fatal(err)
	}
	const shots = 20000
	args := []string{"run", "--json", "--shots", "20000", "--seed", "1"}
	for i, path := range distributions {
		distributions[i] = strings.TrimSuffix(filepath.Base(path), ".dist.json")
		args = append(args, filepath.Join(folder, distributions[i]+".json"))
	}
	p := launch(t, t.TempDir(), nil, args...)
	p.exits(t, exitOK)
	decoder := json.NewDecoder(strings.NewReader(p.stdout.String()))
	for _, name := range distributions {
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
		want := ideal(t, name)
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

func ideal(t *testing.T, name string) map[string]float64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sharedCircuits, name+".dist.json"))
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
