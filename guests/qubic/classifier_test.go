package main

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
)

const twoBlobs = `{"labels": [1, 0], "gmm": {"covariance_type": "full", "means_": [[3, 1], [-2, 0]],
	"covariances_": [[[4, 2], [2, 5]], [[1, 0], [0, 9]]], "weights_": [0.25, 0.75]}}`

// The likelihoods, worked out by hand. The inverse of [[4,2],[2,5]], of determinant 16,
// is [[5,-2],[-2,4]]/16, so that with d = (I-3, Q-1) the exponent is
// -(5 dI² - 4 dI dQ + 4 dQ²)/32; that of [[1,0],[0,9]] is -(I+2)²/2 - Q²/18.
func TestLikelihood(t *testing.T) {
	m, err := parseMixture("Q0", []byte(twoBlobs))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		i, q, one, zero float64
		state           int
	}{
		{3, 1, math.Log(0.25 / 4), math.Log(0.75/3) - 12.5 - 1.0/18, 1},
		{-2, 0, math.Log(0.25/4) - (125-20+4)/32.0, math.Log(0.75 / 3), 0},
		{5, 3, math.Log(0.25/4) - (20-16+16)/32.0, math.Log(0.75/3) - 24.5 - 0.5, 1},
		{0, 7, math.Log(0.25/4) - (45+72+144)/32.0, math.Log(0.75/3) - 2 - 49.0/18, 0},
		{0, -1, math.Log(0.25/4) - (45-24+16)/32.0, math.Log(0.75/3) - 2 - 1.0/18, 0},
		{1, 0, math.Log(0.25/4) - (20-8+4)/32.0, math.Log(0.75/3) - 4.5, 1},
	} {
		for k, want := range []float64{tt.one, tt.zero} {
			if got := m.components[k].logLikelihood(tt.i, tt.q); math.Abs(got-want) > 1e-12 {
				t.Errorf("component %d at (%g, %g): %.15g, want %.15g", k, tt.i, tt.q, got, want)
			}
		}
		if state, ok := m.state(tt.i, tt.q); state != tt.state || !ok {
			t.Errorf("(%g, %g) is %d, want %d", tt.i, tt.q, state, tt.state)
		}
	}
	for _, nothing := range [][2]float64{{math.NaN(), 0}, {0, math.Inf(1)}, {1e300, 0}} {
		if state, ok := m.state(nothing[0], nothing[1]); ok {
			t.Errorf("%v is the state %d", nothing, state)
		}
	}
}

// The order of the components says nothing.
func TestLabels(t *testing.T) {
	for _, text := range []string{
		twoBlobs,
		`{"labels": [0, 1], "gmm": {"means": [[-2, 0], [3, 1]], "covariances": [[[1, 0], [0, 9]], [[4, 2], [2, 5]]], "weights": [0.75, 0.25]}}`,
	} {
		m, err := parseMixture("Q0", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if one, _ := m.state(3, 1); one != 1 {
			t.Errorf("%s: (3, 1) is %d", text, one)
		}
		if zero, _ := m.state(-2, 0); zero != 0 {
			t.Errorf("%s: (-2, 0) is %d", text, zero)
		}
	}
}

func TestBadMixtures(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{`[1, 0]`, `[1]`, "1 labels"},
		{`"labels": [1, 0], `, ``, "0 labels"},
		{`[1, 0]`, `[1, null]`, "label 1"},
		{`[1, 0]`, `[1, -1]`, "label 1"},
		{`[1, 0]`, `["one", "zero"]`, "labels"},
		{`"full"`, `"diag"`, `"diag"`},
		{`[0.25, 0.75]`, `[0.25, 0.7]`, "0.95"},
		{`[0.25, 0.75]`, `[0, 1]`, "weight 0"},
		{`[0.25, 0.75]`, `[1.25, -0.25]`, "weight 1.25"},
		{`[[4, 2], [2, 5]]`, `[[4, 2], [3, 5]]`, "symmetric"},
		{`[[4, 2], [2, 5]]`, `[[1, 2], [2, 1]]`, "positive definite"},
		{`[[4, 2], [2, 5]]`, `[[0, 0], [0, 1]]`, "positive definite"},
		{`[[4, 2], [2, 5]]`, `[[-4, 0], [0, 5]]`, "positive definite"},
		{`[[4, 2], [2, 5]]`, `[4, 5]`, "covariances_"},
		{`[[4, 2], [2, 5]]`, `[[4, 2]]`, "two rows"},
		{`[3, 1]`, `[3, 1, 0]`, "[I, Q]"},
		{`"means_": [[3, 1], [-2, 0]],`, ``, "0 means_"},
	} {
		text := strings.Replace(twoBlobs, tt.old, tt.new, 1)
		if text == twoBlobs {
			t.Fatalf("%s is not there", tt.old)
		}
		s := &settings{qubits: []string{"Q0"}, classifier: "c.json"}
		_, err := readClassifier(fstest.MapFS{"c.json": {Data: []byte(`{"Q0": ` + text + `}`)}}, s)
		failure(t, err, coda.Internal, "/device/c.json: Q0: ", tt.want)
	}
}

// FuzzMixture: what is accepted tells any finite sample apart into labels that it has.
func FuzzMixture(f *testing.F) {
	f.Add([]byte(twoBlobs), 1.0, 2.0)
	f.Add([]byte(`{"labels": [2], "gmm": {"means_": [[0,0]], "covariances_": [[[1e-300,0],[0,1e300]]], "weights_": [1]}}`), -1e9, 0.0)
	f.Fuzz(func(t *testing.T, text []byte, i, q float64) {
		m, err := parseMixture("Q0", text)
		if err != nil {
			return
		}
		var j mixtureJSON
		if err := json.Unmarshal(text, &j); err != nil {
			t.Fatal(err)
		}
		state, ok := m.state(i, q)
		best := math.Inf(-1)
		for k := range m.components {
			l := m.components[k].logLikelihood(i, q)
			if l > best {
				best = l
			}
		}
		if ok != (best > math.Inf(-1)) {
			t.Fatalf("ok is %v, and the best likelihood %g", ok, best)
		}
		found := !ok
		for k, label := range j.Labels {
			found = found || *label == state && m.components[k].logLikelihood(i, q) == best
		}
		if !found {
			t.Fatalf("state %d is not the label of a component with the likelihood %g", state, best)
		}
	})
}
