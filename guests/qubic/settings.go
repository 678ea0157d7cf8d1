package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
)

// settings are what the [config] table says, checked.
type settings struct {
	name      string
	target    coda.Target
	qubits    []string    // the lab's label of each qubit
	couplings [][2]uint16 // calibrated two-qubit gates, control first; none: any two, either way
	maxShots  uint64

	programs         string // fromSidecar, fromTable or asJSON
	table            string // a file under /device
	endpoint         string
	compilerEndpoint string
	compilerPath     string

	zSign      float64 // of virtual_z's phase
	resetDelay float64 // seconds before the first gate

	classifier string // a file under /device
	others     string // what a state other than 0 and 1 is: refused, or "one"

	older              bool
	cores              []string // of each qubit, to an older server
	fromServer         bool     // the older server's ninth argument
	reads              string   // how reads_per_shot is said
	timeoutPerShot     float64
	reloadFreq         bool
	reloadEnv          bool
	zeroBetweenReload  bool
	samplesPerCall     uint64
	unavailableFaults  []string // words of faults that pass, in lower case
	couplingDirections map[[2]uint16]bool
}

// Where programs come from, how reads_per_shot is said, and what other states are.
const (
	fromSidecar = "sidecar"
	fromTable   = "table"
	asJSON      = "json"

	readsOfChannels = "channels"
	readsNumber     = "number"
	readsStruct     = "struct"

	refused = "error"
	asOne   = "one"
)

const (
	maxQubits         = 64
	maxSamplesPerCall = 2_500_000 // of 16 bytes, in base64: what one HTTP answer may have
)

// readSettings asks for each setting once. The error is a *coda.Failure, which names
// all that is wrong.
func readSettings() (*settings, error) {
	r := &reader{known: map[string]bool{"seed": true}} // coda run sets it; nothing here is random
	s := &settings{
		name:   r.text("name", "qubic"),
		qubits: r.labels("qubits", nil),

		programs:         r.choice("programs", fromSidecar, fromSidecar, fromTable, asJSON),
		table:            r.text("table", "programs.json"),
		endpoint:         r.text("endpoint", "qubic"),
		compilerEndpoint: r.text("compiler", "compiler"),
		compilerPath:     r.text("compiler_path", "/compile"),

		zSign:      r.sign("virtual_z_sign", 1),
		resetDelay: r.number("reset_delay", 500e-6, 0, 1),

		classifier: r.text("classifier", "classifier.json"),
		others:     r.choice("other_states", refused, refused, asOne),

		older:             r.choice("server", "current", "current", "older") == "older",
		fromServer:        r.flag("from_server", true),
		timeoutPerShot:    r.number("timeout_per_shot", 8, 1e-6, 1e6),
		reloadFreq:        r.flag("reload_freq", true),
		reloadEnv:         r.flag("reload_env", true),
		zeroBetweenReload: r.flag("zero_between_reload", true),
		maxShots:          r.whole("max_shots", 1_000_000, 1, math.MaxInt32),
		samplesPerCall:    r.whole("samples_per_call", 1_000_000, 1, maxSamplesPerCall),
		unavailableFaults: r.words("unavailable_faults", "busy"),
	}
	if err := s.target.UnmarshalText([]byte(r.choice("target", "cnot", "cz", "iswap", "pcz", "cnot"))); err != nil {
		r.fail("target", "%v", err)
	}
	if _, set := r.get("qubits"); !set {
		r.fail("qubits", `is not set: it lists the lab's labels in the order of the circuits' qubits, such as ["Q0", "Q1"]`)
	}
	s.couplings = r.pairs("couplings", len(s.qubits))
	s.couplingDirections = map[[2]uint16]bool{}
	for _, pair := range s.couplings {
		s.couplingDirections[pair] = true
	}
	s.readOlder(r)
	r.unknown()
	if len(r.problems) > 0 {
		return nil, coda.Failf(coda.Internal, "%s", strings.Join(r.problems, "; "))
	}
	return s, nil
}

// readOlder reads what differs between the servers.
func (s *settings) readOlder(r *reader) {
	numbers := make([]string, len(s.qubits))
	for i := range numbers {
		numbers[i] = strconv.Itoa(i)
	}
	if s.cores = r.labels("cores", numbers); len(s.qubits) > 0 && len(s.cores) != len(s.qubits) {
		r.fail("cores", "has %d entries, one for each of the %d qubits is needed", len(s.cores), len(s.qubits))
	}
	if s.older {
		s.reads = r.choice("reads_per_shot", readsNumber, readsNumber, readsStruct)
	} else {
		s.reads = r.choice("reads_per_shot", readsOfChannels, readsOfChannels, readsNumber, readsStruct)
	}
}

// reader reads settings and collects what is wrong with them. What is wrong has its
// default, so that nothing that follows from it is wrong as well.
type reader struct {
	known    map[string]bool
	problems []string
}

func (r *reader) fail(key, format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf("setting %s: %s", key, fmt.Sprintf(format, args...)))
}

func (r *reader) get(key string) (string, bool) {
	r.known[key] = true
	return coda.Config(key)
}

func (r *reader) text(key, otherwise string) string {
	text, ok := r.get(key)
	if !ok {
		return otherwise
	}
	if text == "" {
		r.fail(key, "is empty")
		return otherwise
	}
	return text
}

func (r *reader) choice(key, otherwise string, choices ...string) string {
	text, ok := r.get(key)
	if !ok {
		return otherwise
	}
	if !slices.Contains(choices, text) {
		r.fail(key, "%q is none of %s", text, strings.Join(choices, ", "))
		return otherwise
	}
	return text
}

func (r *reader) flag(key string, otherwise bool) bool {
	text, ok := r.get(key)
	if !ok {
		return otherwise
	}
	if text != "true" && text != "false" {
		r.fail(key, "%q is neither true nor false", text)
		return otherwise
	}
	return text == "true"
}

func (r *reader) number(key string, otherwise, least, most float64) float64 {
	text, ok := r.get(key)
	if !ok {
		return otherwise
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= least && v <= most) {
		r.fail(key, "%q is no number from %g to %g", text, least, most)
		return otherwise
	}
	return v
}

func (r *reader) sign(key string, otherwise float64) float64 {
	text, ok := r.get(key)
	if !ok {
		return otherwise
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v != 1 && v != -1 {
		r.fail(key, "%q is neither 1 nor -1", text)
		return otherwise
	}
	return v
}

func (r *reader) whole(key string, otherwise, least, most uint64) uint64 {
	text, ok := r.get(key)
	if !ok {
		return otherwise
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil || v < least || v > most {
		r.fail(key, "%q is no whole number from %d to %d", text, least, most)
		return otherwise
	}
	return v
}

// labels is a list of different texts.
func (r *reader) labels(key string, otherwise []string) []string {
	text, ok := r.get(key)
	if !ok {
		return otherwise
	}
	var labels []string
	if err := json.Unmarshal([]byte(text), &labels); err != nil {
		r.fail(key, `%q is no list of texts, such as ["Q0", "Q1"]`, text)
		return otherwise
	}
	if len(labels) == 0 || len(labels) > maxQubits {
		r.fail(key, "it lists %d labels, not 1 to %d", len(labels), maxQubits)
		return otherwise
	}
	for i, label := range labels {
		if label == "" || slices.Contains(labels[:i], label) {
			r.fail(key, "label %q is empty or there twice", label)
			return otherwise
		}
	}
	return labels
}

// words is a list of texts, in lower case.
func (r *reader) words(key string, otherwise ...string) []string {
	text, ok := r.get(key)
	if !ok {
		return otherwise
	}
	var words []string
	if err := json.Unmarshal([]byte(text), &words); err != nil || slices.Contains(words, "") {
		r.fail(key, `%q is no list of texts, such as ["busy"]`, text)
	}
	for i := range words {
		words[i] = strings.ToLower(words[i])
	}
	return words
}

// pairs is a list of pairs of different qubits; how many there are is not known where
// that setting is wrong.
func (r *reader) pairs(key string, qubits int) [][2]uint16 {
	text, ok := r.get(key)
	if !ok {
		return nil
	}
	var lists [][]uint16
	if err := json.Unmarshal([]byte(text), &lists); err != nil {
		r.fail(key, "%q is no list of pairs of qubits, such as [[1, 0], [2, 1]]", text)
		return nil
	}
	var pairs [][2]uint16
	for _, l := range lists {
		switch {
		case len(l) != 2:
			r.fail(key, "%v is no pair", l)
			return nil
		case qubits > 0 && (int(l[0]) >= qubits || int(l[1]) >= qubits) || l[0] == l[1]:
			r.fail(key, "%v are not two different qubits of %d, counted from 0", l, qubits)
			return nil
		case slices.Contains(pairs, [2]uint16(l)):
			r.fail(key, "%v is there twice", l)
			return nil
		}
		pairs = append(pairs, [2]uint16(l))
	}
	return pairs
}

// unknown refuses settings that nobody asked for.
func (r *reader) unknown() {
	for _, key := range coda.ConfigKeys() {
		switch {
		case r.known[key]:
		case key == "reload_cmd":
			r.fail(key, "is always true here: without it, a board runs the program of some job before")
		default:
			r.fail(key, "there is no such setting; README.md of this executor lists them")
		}
	}
}
