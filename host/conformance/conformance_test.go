package conformance_test

import (
	"context"
	"encoding/xml"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/conformance"
	"github.com/conductorquantum/coda/host/fault"
)

// device has six qubits of a target. Cnot's are a line with a direction.
func device(target abi.Target) abi.Device {
	d := abi.Device{Name: "fake", Target: target, NumQubits: 6}
	if target == abi.CNOT {
		d.Edges, d.Directed = [][2]uint16{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}}, true
	}
	return d
}

// What is right passes, on every target.
func TestRightPasses(t *testing.T) {
	t.Parallel()
	for target := abi.CZ; target <= abi.CNOT; target++ {
		t.Run(target.String(), func(t *testing.T) {
			t.Parallel()
			report := run(t, "", device(target), conformance.Auto)
			for _, c := range report.Checks {
				if c.Status == conformance.Failed {
					t.Errorf("%+v", c)
				}
			}
			if report.Physics != conformance.Exact {
				t.Errorf("taken for %s: %s", report.Physics, report.Why)
			}
			if report.FalseAlarm <= 0 || report.FalseAlarm > 1e-6 {
				t.Errorf("a right executor fails in %g of runs", report.FalseAlarm)
			}
		})
	}
}

// What is wrong in one way fails the checks of that, and no others.
func TestWrongFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flaw   string
		target abi.Target
		want   string
	}{
		{"bits reversed", abi.CNOT, "gates: cnot, edges: 64 measurements, edges: every qubit measured, refusals: target iswap, physics: bit order, physics: random circuits"},
		{"bits by qubit", abi.CNOT, "gates: cnot, edges: one qubit measured three times, edges: 64 measurements, physics: bit order, physics: entangled pairs, physics: random circuits"},
		{"second of a qubit is lost", abi.CZ, "edges: one qubit measured three times, physics: bit order, physics: random circuits"},
		{"operands exchanged", abi.CNOT, "gates: cnot, refusals: qubits that do not couple, refusals: against the direction, physics: entangled pairs, physics: entangled chain, physics: random circuits"},
		{"id turns", abi.CZ, "gates: id, physics: random circuits"},
		{"rx negated", abi.CZ, "gates: rx, gates: ry, gates: rz, refusals: target iswap, refusals: target pcz, refusals: target cnot, physics: rotations by any angle, physics: random circuits"},
		{"ry negated", abi.CZ, "gates: rx, gates: ry, gates: rz, refusals: target iswap, refusals: target pcz, refusals: target cnot, physics: rotations by any angle, physics: random circuits"},
		{"rz negated", abi.CZ, "gates: rx, gates: ry, gates: rz, refusals: target cnot, physics: rotations by any angle, physics: random circuits"},
		{"virtual_z negated", abi.CNOT, "gates: virtual_z, physics: random circuits"},
		{"cp negated", abi.PCZ, "gates: cp, physics: random circuits"},
		{"rx twice the angle", abi.CZ, "gates: rx, gates: ry, gates: rz, gates: id, gates: cz, edges: one qubit measured three times, edges: 64 measurements, edges: every qubit measured, edges: one shot, edges: the most shots, edges: angles, edges: long circuit, refusals: target iswap, refusals: target pcz, refusals: target cnot, physics: bit order, physics: rotations by any angle, physics: random circuits"},
		{"cp twice the angle", abi.PCZ, "gates: cp, physics: entangled pairs, physics: entangled chain, physics: random circuits"},
		{"x90 conjugated", abi.CNOT, "gates: x90, physics: random circuits"},
		{"y_minus_90 conjugated", abi.CNOT, "gates: y_minus_90, physics: random circuits"},
		{"iswap conjugated", abi.ISwap, "gates: iswap, physics: entangled pairs, physics: random circuits"},
		{"iswap without i", abi.ISwap, "gates: iswap, physics: entangled pairs, physics: random circuits"},
		{"cnot reversed", abi.CNOT, "gates: cnot, refusals: qubits that do not couple, refusals: against the direction, physics: entangled pairs, physics: entangled chain, physics: random circuits"},
		{"cp is cz", abi.PCZ, "gates: cp, physics: random circuits"},
		{"cz forgotten", abi.CZ, "gates: cz, physics: entangled pairs, physics: entangled chain, physics: random circuits"},
		{"cnot forgotten", abi.CNOT, "gates: cnot, refusals: qubits that do not couple, refusals: against the direction, physics: entangled pairs, physics: entangled chain, physics: random circuits"},
		{"x90 forgotten", abi.CNOT, "gates: x90, physics: random circuits"},
		{"virtual_z forgotten", abi.CNOT, "gates: virtual_z, physics: random circuits"},
		{"rz forgotten", abi.CZ, "gates: rx, gates: ry, gates: rz, refusals: target cnot, physics: rotations by any angle, physics: random circuits"},
		{"rx forgotten on the last qubit", abi.CZ, "gates: rx, gates: ry, gates: rz, gates: id, gates: cz, edges: every qubit measured"},
		{"cz forgotten from the last qubit to the first", abi.CZ, "gates: cz"},
		{"ry 1 % too far", abi.CZ, "edges: angles, physics: entangled pairs, physics: entangled chain, physics: random circuits"},
		{"traps when cancelled", abi.CZ, "cancellation: a long job"},
		{"breaks when cancelled", abi.CZ, "cancellation: a long job, safety: make-safe, physics: bit order, physics: rotations by any angle, physics: random circuits"},
		{"is killed", abi.CZ, ""},
		{"goes on when cancelled", abi.CZ, ""},
		{"is quick", abi.CZ, ""},
		{"seed claimed and ignored", abi.CZ, "determinism: seed"},
		{"seed goes on", abi.CZ, "determinism: seed"},
		{"no seed", abi.CZ, ""},
		{"shot counts off", abi.CZ, "abi: first job"},
		{"zero counts", abi.CZ, "abi: first job"},
		{"counts are doubles", abi.CZ, "edges: the most shots"},
		{"half the shots", abi.CZ, ""},
		{"refuses no measurements", abi.CZ, "edges: no measurements, edges: no gates and no measurements"},
		{"refuses 64 measurements", abi.CZ, "edges: 64 measurements"},
		{"refuses a qubit measured twice", abi.CZ, "edges: one qubit measured three times, physics: random circuits"},
		{"traps at long circuits", abi.CZ, "edges: long circuit"},
		{"passes over other targets", abi.CNOT, "refusals: target cz, refusals: target iswap, refusals: target pcz"},
		{"traps at other targets", abi.CZ, "refusals: target iswap, refusals: target pcz, refusals: target cnot"},
		{"other targets are internal", abi.CZ, "refusals: target iswap, refusals: target pcz, refusals: target cnot"},
		{"refuses other targets", abi.CZ, ""},
		{"breaks after a refusal", abi.CZ, "refusals: target iswap, refusals: target pcz, refusals: target cnot, cancellation: a long job, safety: make-safe, physics: bit order, physics: rotations by any angle, physics: random circuits"},
		{"takes any size", abi.CZ, "refusals: one qubit too many"},
		{"traps at strangers", abi.CNOT, "refusals: qubits that do not couple, refusals: against the direction"},
		{"refuses strangers", abi.CNOT, ""},
		{"make-safe fails", abi.CZ, "safety: make-safe"},
		{"make-safe fails at the second time", abi.CZ, "safety: make-safe"},
		{"does not rest at the end", abi.CZ, "safety: at the end"},
		{"leaks state", abi.CZ, "determinism: jobs stay apart"},
		{"batch fails", abi.CZ, "abi: batch"},
		{"batch in another order", abi.CZ, "abi: batch"},
		{"batch forgets a job", abi.CZ, "abi: batch"},
		{"device changes", abi.CZ, "abi: another instance"},
		{"does not open", abi.CZ, "abi: open"},
		{"over budget", abi.CZ, "budgets: within the limits"},
		{"near its budget", abi.CZ, ""},
		{"reads zero", abi.CZ, "gates: rx, gates: ry, gates: rz, gates: id, gates: cz, edges: one qubit measured three times, edges: 64 measurements, edges: every qubit measured, edges: one shot, edges: the most shots, edges: angles, edges: long circuit, refusals: target iswap, refusals: target pcz, refusals: target cnot, physics: bit order, physics: rotations by any angle, physics: entangled pairs, physics: entangled chain, physics: random circuits"},
	} {
		t.Run(test.flaw, func(t *testing.T) {
			t.Parallel()
			report := run(t, test.flaw, device(test.target), conformance.Exact)
			if got := strings.Join(report.Failures(), ", "); got != test.want {
				t.Errorf("failed: %s\nwant    %s", got, test.want)
			}
			for _, c := range report.Checks {
				if c.Status == conformance.Failed && (c.Asked == "" || c.Got == "" || c.Rule == "") {
					t.Errorf("%s: %s does not say what was asked, what came and the rule: %+v", c.Group, c.Name, c)
				}
			}
		})
	}
}

func run(t *testing.T, flaw string, device abi.Device, physics conformance.Physics) *conformance.Report {
	t.Helper()
	var report *conformance.Report
	synctest.Test(t, func(t *testing.T) { // so that nothing depends on how long it takes
		var err error
		if report, err = conformance.Run(t.Context(), subject(flaw, device), conformance.Config{Physics: physics}); err != nil {
			t.Fatal(err)
		}
	})
	return report
}

// heard keeps what an executor is asked.
type heard struct {
	conformance.Executor
	ids, hashes *[]string
}

func (h heard) Run(ctx context.Context, job *abi.Job) (*abi.Execution, error) {
	*h.ids, *h.hashes = append(*h.ids, job.ID), append(*h.hashes, job.Circuit.Metadata.SourceHash)
	return h.Executor.Run(ctx, job)
}

// A guest is not told that it is tested: jobs look like the cloud's, and are the same
// each time.
func TestJobsLookLikeTheClouds(t *testing.T) {
	t.Parallel()
	asked := func() (ids, hashes []string) {
		s := subject("", device(abi.CZ))
		open := s.Open
		s.Open = func(ctx context.Context, settings map[string]string, keep bool) (conformance.Executor, error) {
			e, err := open(ctx, settings, keep)
			return heard{e, &ids, &hashes}, err
		}
		synctest.Test(t, func(t *testing.T) {
			if _, err := conformance.Run(t.Context(), s, conformance.Config{Only: []string{"gates", "edges", "refusals"}}); err != nil {
				t.Fatal(err)
			}
		})
		return ids, hashes
	}
	ids, hashes := asked()
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	digest := regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	for i := range ids {
		if !uuid.MatchString(ids[i]) || !digest.MatchString(hashes[i]) {
			t.Fatalf("job %d: id %q, source hash %q", i, ids[i], hashes[i])
		}
	}
	if n := len(slices.Compact(slices.Sorted(slices.Values(ids)))); n != len(ids) {
		t.Errorf("%d jobs have %d ids", len(ids), n)
	}
	again, same := asked()
	if !slices.Equal(ids, again) || !slices.Equal(hashes, same) {
		t.Error("another run asks something else, which no tape answers")
	}
}

// Without a word on the physics, a few circuits tell what it is.
func TestPhysicsIsFound(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flaw  string
		asked conformance.Physics
		found conformance.Physics
		fails bool
	}{
		{"", conformance.Auto, conformance.Exact, false},
		{"readout flips", conformance.Auto, conformance.Noisy, false},
		{"readout flips", conformance.Exact, conformance.Exact, true},
		{"readout flips often", conformance.Auto, conformance.Noisy, true},
		{"bits reversed", conformance.Noisy, conformance.Noisy, true},
		{"rx negated", conformance.Auto, conformance.Exact, true},
		{"reads zero", conformance.Auto, conformance.Off, false},
		{"rx forgotten", conformance.Auto, conformance.Noisy, true},
		{"rx negated", conformance.Off, conformance.Off, false},
	} {
		t.Run(test.flaw+", "+string(test.asked), func(t *testing.T) {
			t.Parallel()
			report := run(t, test.flaw, device(abi.CZ), test.asked)
			if report.Physics != test.found || (len(report.Failures()) > 0) != test.fails {
				t.Errorf("taken for %s (%s), failed: %v", report.Physics, report.Why, report.Failures())
			}
		})
	}
}

// What is no failure and worth knowing is said of the check that found it.
func TestRemarks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flaw, check, want string
	}{
		{"", "cancellation: a long job", "after it was cancelled"},
		{"is killed", "cancellation: a long job", "was killed"},
		{"goes on when cancelled", "cancellation: a long job", "went on to its end"},
		{"is quick", "cancellation: a long job", "ended before it could be cancelled"},
		{"no seed", "determinism: seed", "takes no setting seed"},
		{"", "determinism: seed", "counts follow the seed"},
		{"reads zero", "determinism: seed", "the same whatever the seed"},
		{"half the shots", "edges: one qubit measured three times", "500 of 1000 shots were completed"},
		{"near its budget", "budgets: within the limits", "memory: 81 % of its limit is used"},
		{"", "refusals: target cnot", "run as well, and right"},
		{"reads zero", "refusals: target cnot", "whether right is not known"},
		{"", "refusals: one shot too many", "no max-shots"},
	} {
		t.Run(test.flaw+", "+test.check, func(t *testing.T) {
			t.Parallel()
			for _, c := range run(t, test.flaw, device(abi.CZ), conformance.Auto).Checks {
				if c.Group+": "+c.Name == test.check {
					if said := strings.Join(append(c.Remarks, c.Reason), "; "); !strings.Contains(said, test.want) {
						t.Errorf("said %q, not %q", said, test.want)
					}
					return
				}
			}
			t.Error("there is no such check")
		})
	}
}

// Devices of every shape get circuits that they can run.
func TestShapes(t *testing.T) {
	t.Parallel()
	most := uint64(7)
	for name, d := range map[string]abi.Device{
		"one qubit":               {Name: "d", Target: abi.CNOT, NumQubits: 1},
		"two qubits apart":        {Name: "d", Target: abi.PCZ, NumQubits: 3, Edges: [][2]uint16{{2, 1}}},
		"one direction":           {Name: "d", Target: abi.CNOT, NumQubits: 4, Edges: [][2]uint16{{1, 0}, {2, 1}, {3, 2}}, Directed: true},
		"each direction":          {Name: "d", Target: abi.ISwap, NumQubits: 2, Edges: [][2]uint16{{0, 1}, {1, 0}}, Directed: true},
		"few shots":               {Name: "d", Target: abi.CZ, NumQubits: 2, MaxShots: &most},
		"more qubits than our IR": {Name: "d", Target: abi.CZ, NumQubits: 400, Edges: [][2]uint16{{0, 1}, {398, 399}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flaw := "refuses strangers"
			if d.NumQubits > 6 {
				flaw = "reads zero" // the simulator has no more
			}
			report := run(t, flaw, d, conformance.Auto)
			for _, c := range report.Checks {
				if c.Status == conformance.Failed {
					t.Errorf("%+v", c)
				}
			}
		})
	}
}

func TestOnly(t *testing.T) {
	t.Parallel()
	report, err := conformance.Run(t.Context(), subject("", device(abi.CZ)), conformance.Config{Only: []string{"safety", "gates"}})
	if err != nil {
		t.Fatal(err)
	}
	groups := map[string]int{}
	for _, c := range report.Checks {
		groups[c.Group]++
	}
	// What everything stands on is always looked at.
	if want := map[string]int{"abi": 3, "gates": 5, "safety": 1}; !maps.Equal(groups, want) {
		t.Errorf("checks %v, want %v", groups, want)
	}
}

func TestWhatCannotBeTested(t *testing.T) {
	t.Parallel()
	_, err := conformance.Run(t.Context(), subject("refused", device(abi.CZ)), conformance.Config{})
	if failed, ok := errors.AsType[*fault.ExecutorError](err); !ok || failed.Cause != fault.Refused {
		t.Errorf("refused by the host: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := conformance.Run(ctx, subject("", device(abi.CZ)), conformance.Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// The XML is read again as it was meant, whatever a guest says.
func TestJUnit(t *testing.T) {
	t.Parallel()
	report := &conformance.Report{Seconds: 1.5, Checks: []conformance.Check{
		{Group: "gates", Name: "rx", Status: conformance.Passed, Seconds: 0.25, Remarks: []string{"a & b", "c"}},
		{Group: "gates", Name: "ry", Status: conformance.Failed, Asked: "<rx>", Got: "\x1b[31m]]> \xff\x00", Rule: "r"},
		{Group: "safety", Name: "make-safe", Status: conformance.Skipped, Reason: "\"none\""},
	}}
	var out strings.Builder
	date := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := report.WriteJUnit(&out, "coda test a<b", date, "", []conformance.Property{{Name: "sha256", Value: "00ff"}}); err != nil {
		t.Fatal(err)
	}
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="coda test a&lt;b" tests="3" failures="1" errors="0" skipped="1" time="1.500000" timestamp="2026-01-02T03:04:05">
    <properties>
      <property name="sha256" value="00ff"></property>
    </properties>
    <testcase classname="coda.gates" name="rx" time="0.250000">
      <system-out>a &amp; b&#xA;c</system-out>
    </testcase>
    <testcase classname="coda.gates" name="ry" time="0.000000">
      <failure message="�[31m]]&gt; ��">asked: &lt;rx&gt;&#xA;got:   �[31m]]&gt; ��&#xA;rule:  r</failure>
    </testcase>
    <testcase classname="coda.safety" name="make-safe" time="0.000000">
      <skipped message="&#34;none&#34;"></skipped>
    </testcase>
  </testsuite>
</testsuites>
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s", got)
	}
	var any struct {
		XMLName xml.Name
	}
	if err := xml.Unmarshal([]byte(out.String()), &any); err != nil {
		t.Errorf("no XML: %v", err)
	}
	// What could not be tested is no report without failures.
	out.Reset()
	if err := (&conformance.Report{}).WriteJUnit(&out, "coda test x", date, "no \x1b file", nil); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`tests="1" failures="0" errors="1"`, `<testcase classname="coda" name="tested" time="0.000000">`, `<error message="no � file">`} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("it has no %s:\n%s", part, out.String())
		}
	}
}
