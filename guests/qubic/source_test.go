package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/codatest"
	"github.com/conductorquantum/coda/host/instrument/fake"
)

// compiled is what a lab's compiler would make of a request: the fake's programs.
func compiled(t *testing.T, gates json.RawMessage, reads map[string]int) []byte {
	channels := map[string]any{}
	for name, n := range reads {
		channels[name] = map[string]any{"mem_name": "acc", "board": "b0", "reads_per_shot": n, "dtype": "s11"}
	}
	return mustJSON(t, map[string]any{
		"program_binaries": map[string]any{"b0:cmd": []byte(gates)}, "write_registers": map[string]any{"b0:r": []any{1, 0.5}}, "result_channels": channels,
	})
}

func TestSidecar(t *testing.T) {
	l := newLab(t, fake.XMLRPCConfig{}, map[string]string{"programs": "sidecar"})
	requests := 0
	l.handling(t, "compiler", func(w http.ResponseWriter, r *http.Request) {
		requests++
		var q struct {
			Version  int
			Format   string
			Circuits []struct {
				SourceHash string `json:"source_hash"`
				Gates      json.RawMessage
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.Version != 1 || q.Format != "executable" || r.URL.Path != "/compile" || r.Method != http.MethodPost {
			t.Errorf("%s %s: %+v, %v", r.Method, r.URL, q, err)
		}
		var programs []json.RawMessage
		for _, c := range q.Circuits {
			if c.SourceHash == "bad" {
				programs = append(programs, json.RawMessage(`{"error": "Q0 is not tuned"}`))
				continue
			}
			// It reads a qubit that the circuit does not measure, too.
			gates := strings.TrimSuffix(string(c.Gates), "]") + `,{"name":"read","qubit":["Q4"]}]`
			programs = append(programs, compiled(t, json.RawMessage(gates), map[string]int{"Q3.rdlo": 1, "Q0.rdlo": 1, "Q4.rdlo": 1}))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"programs": programs})
	})
	l.open(t)
	c := coda.Circuit{Target: coda.CNOT, Operations: flip(3), Measurements: []uint16{3, 0}}
	bad := c
	bad.Metadata.SourceHash = "bad"
	got := codatest.RunBatch(t, l.driver.RunBatch, []coda.Job{job(100, c), job(100, bad), job(100, c)})
	failure(t, got[1].Err, coda.Unsupported, "the compiler refuses the circuit: Q0 is not tuned")
	for _, i := range []int{0, 2} {
		if got[i].Err != nil || counts(got[i].Execution)[0b01] != 100 {
			t.Errorf("job %d: %+v", i, got[i])
		}
	}
	if n := l.board.Total(); n != 1 || requests != 1 {
		t.Errorf("%d calls of the server, %d of the compiler", n, requests)
	}
}

func TestSidecarForOlderServer(t *testing.T) {
	l := newLab(t, fake.XMLRPCConfig{}, map[string]string{"programs": "sidecar", "server": "older", "cores": `["0", "1", "2", "3", "4"]`})
	l.handling(t, "compiler", func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Format   string
			Circuits []struct{ Gates json.RawMessage }
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.Format != "raw_asm" {
			t.Errorf("%+v, %v", q, err)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"programs": []any{map[string]any{"3": q.Circuits[0].Gates, "0": []any{}}}})
	})
	l.open(t)
	got, err := codatest.Run(t, l.driver, job(100, coda.Circuit{Target: coda.CNOT, Operations: flip(3), Measurements: []uint16{3, 0}}))
	if err != nil || counts(got)[0b01] != 100 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWrongSidecar(t *testing.T) {
	gates := json.RawMessage(`[{"name":"read","qubit":["Q0"]}]`)
	fine := string(compiled(t, gates, map[string]int{"Q0.rdlo": 1}))
	for _, tt := range []struct {
		status int
		body   string
		kind   coda.FailureKind
		want   string
	}{
		{200, `{"programs": [` + fine + `]}`, coda.Internal, ""},
		{200, `{"programs": []}`, coda.Internal, "0 programs for 1 circuits"},
		{200, `{"programs": [` + fine + `], "more": 1}`, coda.Internal, "more"},
		{200, `{"programs": [{}]}`, coda.Internal, "program 0: an executable has"},
		{200, `{"programs": [{"program_binaries": {"a:b": "*"}}]}`, coda.Internal, "program 0"},
		{200, `{"programs": [` + strings.Replace(fine, `{"b0:r":[1,0.5]}`, `[]`, 1) + `]}`, coda.Internal, "write_registers"},
		{200, `{"programs": [` + strings.Replace(fine, `"Q0.rdlo"`, `"Q1.rdlo"`, 1) + `]}`, coda.Internal, "no channel Q0.rdlo, which the circuit measures; it has Q1.rdlo"},
		{200, `{"programs": [` + strings.Replace(fine, `"reads_per_shot":1`, `"reads_per_shot":2`, 1) + `]}`, coda.Internal, "2 times in a shot; the circuit measures it 1 times"},
		{200, `{"programs": [` + strings.Replace(fine, `"s11"`, `"s12"`, 1) + `]}`, coda.Internal, `"s12"`},
		{200, `nonsense`, coda.Internal, "the compiler's answer"},
		{500, `Traceback`, coda.Internal, "500"},
		{502, ``, coda.Unavailable, "502"},
	} {
		l := newLab(t, fake.XMLRPCConfig{}, map[string]string{"programs": "sidecar"})
		l.answering(t, "compiler", tt.status, tt.body)
		l.open(t)
		got, err := codatest.Run(t, l.driver, job(10, coda.Circuit{Target: coda.CNOT, Measurements: []uint16{0}}))
		if tt.want == "" {
			if err != nil || counts(got)[0] != 10 {
				t.Errorf("%+v, %v", got, err)
			}
			continue
		}
		failure(t, err, tt.kind, tt.want)
		if n := l.board.Total(); n != 0 {
			t.Errorf("%s: %d calls of the server", tt.body, n)
		}
	}
}

func TestTable(t *testing.T) {
	l := newLab(t, fake.XMLRPCConfig{}, map[string]string{"programs": "table", "reset_delay": "0"})
	c := coda.Circuit{Target: coda.CNOT, Operations: flip(3), Measurements: []uint16{3}}
	c.Metadata.SourceHash = "sha256:flip"
	gates := mustJSON(t, must((&settings{qubits: []string{"Q0", "Q1", "Q2", "Q3", "Q4"}, zSign: 1}).translate(job(1, c).Circuit)))
	entry := func(gates, program []byte) map[string]json.RawMessage {
		return map[string]json.RawMessage{"gates": gates, "program": program}
	}
	program := compiled(t, gates, map[string]int{"Q3.rdlo": 1})
	l.files["programs.json"] = &fstest.MapFile{Data: mustJSON(t, map[string]any{
		"sha256:flip": entry(gates, program), "sha256:bare": map[string]json.RawMessage{"program": program},
	})}
	l.open(t)
	for _, hash := range []string{"sha256:flip", "sha256:bare"} {
		c.Metadata.SourceHash = hash
		if got, err := codatest.Run(t, l.driver, job(20, c)); err != nil || counts(got)[1] != 20 {
			t.Errorf("%s: %+v, %v", hash, got, err)
		}
	}
	c.Metadata.SourceHash = "sha256:other"
	_, err := codatest.Run(t, l.driver, job(20, c))
	failure(t, err, coda.Unsupported, `"sha256:other"`, "/device/programs.json")
	c.Metadata.SourceHash = "sha256:flip"
	c.Operations = append(slices.Clone(c.Operations), flip(2)...)
	_, err = codatest.Run(t, l.driver, job(20, c))
	failure(t, err, coda.Unsupported, "of other gates")
	l.files["programs.json"] = &fstest.MapFile{Data: []byte(`{"sha256:x": {"program": {"program_binaries": {}}}}`)}
	_, err = codatest.Open(t, l.driver)
	failure(t, err, coda.Internal, "/device/programs.json", `"sha256:x"`)
}
