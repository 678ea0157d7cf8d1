package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
)

// mixture is a Gaussian mixture in the plane of I and Q, which tells what state a
// sample shows.
type mixture struct {
	qubit      string
	components []component
}

// component is one of a mixture's Gaussians. Their order says nothing: the label does.
type component struct {
	label        int     // the state
	constant     float64 // log weight - log det(covariance)/2
	meanI, meanQ float64
	l00, l10     float64 // the covariance is L times L transposed
	l11          float64
}

// state is the label of the component that is the most likely to have made a sample. It
// is not ok where none can have: the sample is no number, or beyond all bounds.
func (m *mixture) state(i, q float64) (label int, ok bool) {
	best := math.Inf(-1)
	for k := range m.components {
		if l := m.components[k].logLikelihood(i, q); l > best {
			best, label, ok = l, m.components[k].label, true
		}
	}
	return label, ok
}

// logLikelihood is the logarithm of the component's weight and density, less log(1/2π),
// which all have in common.
func (c *component) logLikelihood(i, q float64) float64 {
	x := (i - c.meanI) / c.l00
	y := (q - c.meanQ - c.l10*x) / c.l11
	return c.constant - (x*x+y*y)/2
}

// mixtureJSON is what QubiC's GMMManager.savejson writes of a qubit. The attributes of
// scikit-learn's model end with an underscore; a file without them is read too.
type mixtureJSON struct {
	Labels []*int `json:"labels"`
	GMM    struct {
		Type         string        `json:"covariance_type"`
		Means        [][]float64   `json:"means_"`
		Covariances  [][][]float64 `json:"covariances_"`
		Weights      []float64     `json:"weights_"`
		Means2       [][]float64   `json:"means"`
		Covariances2 [][][]float64 `json:"covariances"`
		Weights2     []float64     `json:"weights"`
	} `json:"gmm"`
}

// readClassifier reads the mixture of each qubit.
func readClassifier(files fs.FS, s *settings) ([]*mixture, error) {
	var all map[string]json.RawMessage
	if err := readFile(files, "classifier", s.classifier, &all); err != nil {
		return nil, err
	}
	models := make([]*mixture, len(s.qubits))
	for i, label := range s.qubits {
		raw, ok := all[label]
		if !ok {
			return nil, coda.Failf(coda.Internal, "/device/%s has no mixture for the qubit %s", s.classifier, label)
		}
		var err error
		if models[i], err = parseMixture(label, raw); err != nil {
			return nil, coda.Failf(coda.Internal, "/device/%s: %s: %v", s.classifier, label, err)
		}
	}
	return models, nil
}

// readFile reads the JSON of a file that the device file grants.
func readFile(files fs.FS, setting, name string, into any) error {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return coda.Failf(coda.Internal, "setting %s: there is no file /device/%s: the table [files] of the device file grants it", setting, name)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return coda.Failf(coda.Internal, "/device/%s: %v", name, err)
	}
	return nil
}

func parseMixture(qubit string, text []byte) (*mixture, error) {
	var j mixtureJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return nil, err
	}
	means, covariances, weights := j.GMM.Means, j.GMM.Covariances, j.GMM.Weights
	if means == nil && covariances == nil && weights == nil {
		means, covariances, weights = j.GMM.Means2, j.GMM.Covariances2, j.GMM.Weights2
	}
	if t := j.GMM.Type; t != "" && t != "full" {
		return nil, fmt.Errorf("covariance_type is %q; full is what is read here", t)
	}
	n := len(means)
	if n == 0 || len(covariances) != n || len(weights) != n || len(j.Labels) != n {
		return nil, fmt.Errorf("it has %d means_, %d covariances_, %d weights_ and %d labels: as many of each are needed, and one at least",
			n, len(covariances), len(weights), len(j.Labels))
	}
	m := &mixture{qubit: qubit, components: make([]component, n)}
	sum := 0.0
	for k := range n {
		if j.Labels[k] == nil || *j.Labels[k] < 0 {
			return nil, fmt.Errorf("label %d is no state, which are counted from 0", k)
		}
		c, err := newComponent(means[k], covariances[k], weights[k])
		if err != nil {
			return nil, fmt.Errorf("component %d: %w", k, err)
		}
		c.label = *j.Labels[k]
		m.components[k] = c
		sum += weights[k]
	}
	if math.Abs(sum-1) > 1e-6 {
		return nil, fmt.Errorf("the weights add up to %g, not to 1", sum)
	}
	return m, nil
}

func newComponent(mean []float64, covariance [][]float64, weight float64) (c component, err error) {
	if len(mean) != 2 || len(covariance) != 2 || len(covariance[0]) != 2 || len(covariance[1]) != 2 {
		return c, fmt.Errorf("its mean has to be [I, Q], and its covariance two rows of two")
	}
	ii, iq, qi, qq := covariance[0][0], covariance[0][1], covariance[1][0], covariance[1][1]
	if math.Abs(iq-qi) > 1e-9*(math.Abs(iq)+math.Abs(qi)) {
		return c, fmt.Errorf("its covariance %v is not symmetric", covariance)
	}
	c.meanI, c.meanQ = mean[0], mean[1]
	c.l00 = math.Sqrt(ii)
	c.l10 = iq / c.l00
	c.l11 = math.Sqrt(qq - c.l10*c.l10)
	if !(ii > 0 && c.l11 > 0) || math.IsInf(ii, 1) || math.IsInf(c.l11, 1) {
		return c, fmt.Errorf("its covariance %v is not positive definite", covariance)
	}
	if !(weight > 0 && weight <= 1) {
		return c, fmt.Errorf("its weight %g is not above 0 and at most 1", weight)
	}
	c.constant = math.Log(weight) - math.Log(c.l00) - math.Log(c.l11)
	return c, nil
}
