package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/codatest"
	"github.com/conductorquantum/coda/host/instrument/fake"
)

func TestDevice(t *testing.T) {
	l := newLab(t, fake.XMLRPCConfig{}, map[string]string{"name": "lab", "couplings": "[[1, 0], [2, 1]]", "max_shots": "500"})
	device := l.open(t)
	if device.Name != "lab" || device.Target != coda.CNOT || device.NumQubits != 5 || !device.Directed || *device.MaxShots != 500 ||
		!slices.Equal(device.Edges, [][2]uint16{{1, 0}, {2, 1}}) {
		t.Errorf("device %+v", device)
	}
	if n := l.board.Total(); n != 0 {
		t.Errorf("open made %d calls", n)
	}
}

// Both servers, and every way to say reads_per_shot.
func TestCounts(t *testing.T) {
	for _, settings := range []map[string]string{
		{},
		{"reads_per_shot": "number"},
		{"reads_per_shot": "struct"},
		{"samples_per_call": "1000"},
		{"server": "older"},
		{"server": "older", "reads_per_shot": "struct", "from_server": "false"},
		{"reload_freq": "false", "reload_env": "false", "zero_between_reload": "false", "timeout_per_shot": "0.5", "reset_delay": "0"},
	} {
		t.Run(fmt.Sprint(settings), func(t *testing.T) {
			l := newLab(t, fake.XMLRPCConfig{}, settings)
			l.open(t)
			got, err := codatest.Run(t, l.driver, job(2000, ghz(5)))
			if err != nil {
				t.Fatal(err)
			}
			// Half of each, within 6 standard deviations; the mixture errs once in 10^6.
			if c := counts(got); c[0]+c[31] < 1990 || c[0] < 850 || c[31] < 850 {
				t.Errorf("counts %v", c)
			}
			// Qubit 3 reads 1 and qubit 0 reads 0: bit 0 is measurements[0].
			got, err = codatest.Run(t, l.driver, job(100, coda.Circuit{Target: coda.CNOT, Operations: flip(3), Measurements: []uint16{3, 0}}))
			if err != nil || counts(got)[0b01] != 100 {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// A qubit that is read several times, beside another.
func TestRepeatedMeasurements(t *testing.T) {
	for _, settings := range []map[string]string{{}, {"reads_per_shot": "struct"}, {"server": "older", "reads_per_shot": "struct"}} {
		l := newLab(t, fake.XMLRPCConfig{}, settings)
		l.open(t)
		c := coda.Circuit{Target: coda.CNOT, Operations: append(flip(1), op(coda.X90, 0, 2)), Measurements: []uint16{2, 1, 2, 0, 2, 1}}
		got, err := codatest.Run(t, l.driver, job(1000, c))
		if err != nil {
			t.Fatal(err)
		}
		if m := counts(got); m[0b100010]+m[0b110111] < 990 || m[0b110111] < 350 || m[0b100010] < 350 {
			t.Errorf("%v: counts %b", settings, m)
		}
	}
	l := newLab(t, fake.XMLRPCConfig{}, map[string]string{"reads_per_shot": "number"})
	l.open(t)
	_, err := codatest.Run(t, l.driver, job(10, coda.Circuit{Target: coda.CNOT, Measurements: []uint16{0, 1, 0}}))
	failure(t, err, coda.Unsupported, "reads_per_shot", "equally often")
}

// Without measurements there is one outcome, after the board has run the circuit.
func TestNoMeasurements(t *testing.T) {
	l := newLab(t, fake.XMLRPCConfig{}, nil)
	l.open(t)
	got, err := codatest.Run(t, l.driver, job(50, coda.Circuit{Target: coda.CNOT, Operations: flip(1)}))
	if err != nil || counts(got)[0] != 50 || l.board.Total() != 1 {
		t.Errorf("%+v, %v, %d calls", got, err, l.board.Total())
	}
	l = newLab(t, fake.XMLRPCConfig{}, map[string]string{"server": "older"})
	l.open(t)
	_, err = codatest.Run(t, l.driver, job(50, coda.Circuit{Target: coda.CNOT, Operations: flip(1)}))
	failure(t, err, coda.Unsupported, "measures nothing")
}

// A board whose virtual_z turns the other way, and that has one direction of cnot.
func TestCalibration(t *testing.T) {
	// x90, rz(π/2) and ry(-π/2) take 0 to 0, and with rz(-π/2) to 1.
	c := coda.Circuit{Target: coda.CNOT, Measurements: []uint16{0, 1}, Operations: []coda.Operation{
		op(coda.X90, 0, 0), op(coda.RZ, math.Pi/2, 0), op(coda.YMinus90, 0, 0), op(coda.RX, math.Pi, 0), op(coda.GateCNOT, 0, 0, 1),
	}}
	for sign, want := range map[string]uint64{"-1": 100, "1": 0} {
		l := newLab(t, fake.XMLRPCConfig{NegativeZ: true, Couplings: [][2]int{{1, 0}}}, map[string]string{"virtual_z_sign": sign, "couplings": "[[1, 0]]"})
		l.open(t)
		got, err := codatest.Run(t, l.driver, job(100, c))
		if err != nil || counts(got)[0b11] != want {
			t.Errorf("sign %s: %b, %v", sign, counts(got), err)
		}
	}
}

// A batch is as few calls as there are numbers of shots, and a job that fails takes none
// with it.
func TestBatch(t *testing.T) {
	for _, settings := range []map[string]string{nil, {"server": "older"}} {
		l := newLab(t, fake.XMLRPCConfig{}, settings)
		l.open(t)
		one := func(q uint16) coda.Circuit {
			return coda.Circuit{Target: coda.CNOT, Operations: flip(q), Measurements: []uint16{0, 1}}
		}
		wrong := one(0)
		wrong.Target = coda.CZ
		wrong.Operations = nil
		jobs := []coda.Job{job(100, one(0)), job(200, one(1)), job(100, wrong), job(100, one(1)), job(200, one(0))}
		got := codatest.RunBatch(t, l.driver.RunBatch, jobs)
		for i, want := range []uint64{0b01, 0b10, 0, 0b10, 0b01} {
			if i == 2 {
				failure(t, got[i].Err, coda.Unsupported, "target cz")
			} else if got[i].Err != nil || counts(got[i].Execution)[want] != jobs[i].Shots {
				t.Errorf("%v: job %d: %+v", settings, i, got[i])
			}
		}
		if n := l.board.Total(); n != 2 {
			t.Errorf("%v: %d calls", settings, n)
		}
	}
}

// The server's fault about one circuit is that job's, and the others run.
func TestFaultInBatch(t *testing.T) {
	l := newLab(t, fake.XMLRPCConfig{Couplings: [][2]int{{1, 0}}}, nil) // and the driver knows nothing of it
	l.open(t)
	good := coda.Circuit{Target: coda.CNOT, Operations: flip(0), Measurements: []uint16{0}}
	bad := coda.Circuit{Target: coda.CNOT, Operations: []coda.Operation{op(coda.GateCNOT, 0, 0, 1)}, Measurements: []uint16{0}}
	got := codatest.RunBatch(t, l.driver.RunBatch, []coda.Job{job(9, good), job(9, bad), job(9, good)})
	failure(t, got[1].Err, coda.Internal, "the QubiC server: fault 1", "Q0Q1 is not calibrated")
	for _, i := range []int{0, 2} {
		if got[i].Err != nil || counts(got[i].Execution)[1] != 9 {
			t.Errorf("job %d: %+v", i, got[i])
		}
	}
	if n := l.board.Total(); n != 4 {
		t.Errorf("%d calls, not one and three", n)
	}
}

// Shots that are too many for an answer come in pieces.
func TestPieces(t *testing.T) {
	l := newLab(t, fake.XMLRPCConfig{}, map[string]string{"samples_per_call": "250"})
	l.open(t)
	two := coda.Circuit{Target: coda.CNOT, Operations: flip(1), Measurements: []uint16{0, 1}}
	got, err := codatest.Run(t, l.driver, job(300, two))
	if err != nil || counts(got)[0b10] != 300 {
		t.Errorf("%+v, %v", got, err)
	}
	if p := l.node.Progress(); !slices.Equal(p, []uint64{125, 250, 300}) {
		t.Errorf("progress %v", p)
	}
	before := l.board.Total()
	for i, r := range codatest.RunBatch(t, l.driver.RunBatch, []coda.Job{job(60, two), job(60, two), job(60, two), job(300, two)}) {
		if r.Err != nil {
			t.Errorf("job %d: %v", i, r.Err)
		}
	}
	if n := l.board.Total() - before; n != 2+3 {
		t.Errorf("%d calls", n)
	}
}

// Everything that goes wrong on the way ends in the right kind of failure, and the next
// job is right.
func TestFaults(t *testing.T) {
	for fault, want := range map[fake.Kind]coda.FailureKind{
		fake.Drop: coda.Unavailable, fake.Half: coda.Unavailable, fake.Silent: coda.Unavailable, fake.Garbage: coda.Internal,
	} {
		for _, server := range []string{"current", "older"} {
			l := newLab(t, fake.XMLRPCConfig{Config: fake.Config{Faults: []fake.Fault{{Kind: fault, To: 1}}}}, map[string]string{"server": server})
			l.open(t)
			if fault == fake.Half || fault == fake.Silent {
				l.wires["qubic"].timeout = 100 * time.Millisecond
			}
			j := job(100, coda.Circuit{Target: coda.CNOT, Operations: flip(3), Measurements: []uint16{3, 0}})
			_, err := codatest.Run(t, l.driver, j)
			failure(t, err, want, "QubiC server")
			l.wires["qubic"].timeout = 0
			if got, err := codatest.Run(t, l.driver, j); err != nil || counts(got)[0b01] != 100 {
				t.Errorf("%s: the next job: %+v, %v", fault, got, err)
			}
		}
	}
}

// A call that does not get through is not tried again for each job of a batch.
func TestServerGone(t *testing.T) {
	l := newLab(t, fake.XMLRPCConfig{}, nil)
	l.open(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.wires["qubic"].base = "http://" + listener.Addr().String()
	listener.Close() // nobody listens there now
	for _, r := range codatest.RunBatch(t, l.driver.RunBatch, []coda.Job{job(1, ghz(2)), job(2, ghz(2)), job(3, ghz(2))}) {
		failure(t, r.Err, coda.Unavailable, "the QubiC server")
	}
	l.handling(t, "qubic", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	clear(l.sent)
	for _, r := range codatest.RunBatch(t, l.driver.RunBatch, []coda.Job{job(1, ghz(2)), job(2, ghz(2)), job(3, ghz(2))}) {
		failure(t, r.Err, coda.Unavailable, "503")
	}
	if n := l.sent["qubic"]; n != 1 {
		t.Errorf("%d calls of a server that is not there", n)
	}
}

func TestCancel(t *testing.T) {
	l := newLab(t, fake.XMLRPCConfig{Config: fake.Config{Faults: []fake.Fault{{Kind: fake.Silent}}}}, nil)
	l.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	l.wires["qubic"].ctx = ctx
	stop := time.AfterFunc(50*time.Millisecond, cancel)
	defer stop.Stop()
	_, err := codatest.Run(t, l.driver, job(5, ghz(2)))
	failure(t, err, coda.Cancelled, "QubiC server")
	l.node.Cancel()
	before := l.board.Total()
	_, err = codatest.Run(t, l.driver, job(5, ghz(2)))
	failure(t, err, coda.Cancelled, "after 0 of 5 shots")
	if n := l.board.Total() - before; n != 0 {
		t.Errorf("%d calls of a cancelled job", n)
	}
}

// answering puts a server that always answers the same behind the board's endpoint.
func (l *lab) answering(t *testing.T, endpoint string, status int, body string) {
	t.Helper()
	l.handling(t, endpoint, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	})
}

func (l *lab) handling(t *testing.T, endpoint string, handler http.HandlerFunc) {
	l.serve(t, endpoint, func(ctx context.Context, listener net.Listener) error {
		server := &http.Server{Handler: handler}
		stop := context.AfterFunc(ctx, func() { server.Close() })
		defer stop()
		if err := server.Serve(listener); err != http.ErrServerClosed {
			return err
		}
		return nil
	})
}

// An answer that is not exactly what was asked for is no counts.
func TestWrongAnswers(t *testing.T) {
	of := func(bytes int) string { return string(must(appendValue(nil, make([]byte, bytes)))) }
	channel := func(name string, bytes int) string {
		return "<member><name>" + name + "</name>" + of(bytes) + "</member>"
	}
	circuit := func(members ...string) string {
		return "<value><struct>" + strings.Join(members, "") + "</struct></value>"
	}
	array := func(values ...string) string {
		return response("<array><data>" + strings.Join(values, "") + "</data></array>")
	}
	bare := func(members ...string) string { return response("<struct>" + strings.Join(members, "") + "</struct>") }
	both := []string{channel("Q0.rdlo", 80), channel("Q1.rdlo", 80)}
	for _, tt := range []struct {
		older  bool
		status int
		body   string
		kind   coda.FailureKind
		want   string
	}{
		{false, 200, array(circuit(both...)), coda.Internal, ""}, // the one that is right
		{false, 200, array(circuit(both...), circuit(both...)), coda.Internal, "an array of 2"},
		{false, 200, array(), coda.Internal, "an array of 0"},
		{false, 200, bare(both...), coda.Internal, "a struct is no array of 1"},
		{false, 200, array("<value><nil/></value>"), coda.Internal, "circuit 0: nil"},
		{false, 200, array(circuit(both[0])), coda.Internal, "asked for"},
		{false, 200, array(circuit(both[0], both[1], channel("Q2.rdlo", 80))), coda.Internal, "Q2.rdlo"},
		{false, 200, array(circuit(both[0], channel("Q1.rdlo", 79))), coda.Internal, "79 bytes, where 10 samples have 80"},
		{false, 200, array(circuit(both[0], channel("Q1.rdlo", 160))), coda.Internal, "160 bytes"},
		{false, 200, array(circuit(both[0], channel("Q1.rdlo", 0))), coda.Internal, "0 bytes"},
		{false, 200, array(circuit(both[0], "<member><name>Q1.rdlo</name><value>AAAA</value></member>")), coda.Internal, "string is no base64"},
		{false, 200, array(circuit(channel("Q0.rdlo", 1<<20), both[1])), coda.Internal, "at most"},
		{false, 200, "", coda.Internal, "no XML-RPC"},
		{false, 200, array(circuit(both...))[:300], coda.Internal, "no XML-RPC"},
		{false, 503, "later", coda.Unavailable, "503"},
		{false, 404, "what?", coda.Internal, `404: "what?"`},
		{false, 200, string(faultText(1, "<class 'Exception'>:board is BUSY")), coda.Unavailable, "BUSY"},
		{false, 200, string(faultText(1, "<class 'KeyError'>:'Q0'")), coda.Internal, "fault 1: <class 'KeyError'>:'Q0'"},
		{true, 200, bare(channel("0", 160), channel("1", 160)), coda.Internal, ""},
		{true, 200, bare(channel("0", 160), channel("1", 80)), coda.Internal, "80 bytes, where 10 samples have 160"},
		{true, 200, bare(channel("0", 160)), coda.Internal, "asked for"},
		{true, 200, array(circuit(both...)), coda.Internal, "setting server"},
	} {
		settings := map[string]string{}
		if tt.older {
			settings["server"] = "older"
		}
		l := newLab(t, fake.XMLRPCConfig{}, settings)
		l.answering(t, "qubic", tt.status, tt.body)
		l.open(t)
		got, err := codatest.Run(t, l.driver, job(10, coda.Circuit{Target: coda.CNOT, Measurements: []uint16{0, 1}}))
		if tt.want == "" {
			if err != nil || got.ShotsCompleted != 10 {
				t.Errorf("%s: %+v, %v", tt.body, got, err)
			}
			continue
		}
		failure(t, err, tt.kind, tt.want)
	}
}

func faultText(code int64, reason string) []byte {
	return fmt.Appendf(nil, "<methodResponse><fault>%s</fault></methodResponse>",
		must(appendValue(nil, map[string]any{"faultCode": code, "faultString": reason})))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The words of a sample: Q first in s11, I first in complex128.
func TestSamples(t *testing.T) {
	if i, q := s11.at([]byte{0xfe, 0xff, 0xff, 0xff, 0x00, 0x01, 0x00, 0x80}); i != -1<<31+256 || q != -2 {
		t.Errorf("s11 is (%g, %g)", i, q)
	}
	b := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, math.Float64bits(1.5)), math.Float64bits(-2.25))
	if i, q := complex128s.at(b); i != 1.5 || q != -2.25 {
		t.Errorf("complex128 is (%g, %g)", i, q)
	}
}

// A third state is what the setting says.
func TestOtherStates(t *testing.T) {
	for setting, want := range map[string]uint64{"one": 0b1, "error": 0} {
		l := newLab(t, fake.XMLRPCConfig{Config: fake.Config{Qubits: 1}}, map[string]string{"qubits": `["Q0"]`, "other_states": setting})
		l.files["classifier.json"] = &fstest.MapFile{Data: []byte(`{"Q0": {"labels": [2, 0], "gmm": {"means_": [[-4000, 5000], [6000, 2000]],
			"covariances_": [[[1e6, 0], [0, 1e6]], [[1e6, 0], [0, 1e6]]], "weights_": [0.5, 0.5]}}}`)}
		l.open(t)
		got, err := codatest.Run(t, l.driver, job(7, coda.Circuit{Target: coda.CNOT, NumQubits: 1, Operations: flip(0), Measurements: []uint16{0}}))
		if want == 0 {
			failure(t, err, coda.Internal, "shot 0", "Q0 is in the state 2", "other_states")
		} else if err != nil || counts(got)[want] != 7 {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, tt := range []struct{ key, value, want string }{
		{"qubits", `Q0`, "no list of texts"},
		{"qubits", `[]`, "0 labels"},
		{"qubits", `["Q0", "Q0"]`, "twice"},
		{"qubits", `["Q0", "Q9"]`, "no mixture for the qubit Q9"},
		{"target", "ibm", `"ibm" is none of`},
		{"programs", "magic", "sidecar, table, json"},
		{"programs", "table", "no file /device/programs.json"},
		{"classifier", "other.json", "no file /device/other.json"},
		{"classifier", "", "is empty"},
		{"virtual_z_sign", "0.5", "neither 1 nor -1"},
		{"virtual_z_sign", "2", "neither 1 nor -1"},
		{"virtual_z_sign", "up", "neither 1 nor -1"},
		{"couplings", "[[0]]", "no pair"},
		{"couplings", "[[0, 5]]", "not two different qubits"},
		{"couplings", "[[1, 1]]", "not two different qubits"},
		{"couplings", "[[0, 1], [0, 1]]", "twice"},
		{"couplings", "0-1", "no list of pairs"},
		{"reload_freq", "yes", "neither true nor false"},
		{"reload_cmd", "false", "always true"},
		{"max_shots", "0", "from 1 to"},
		{"samples_per_call", "1e6", "no whole number"},
		{"timeout_per_shot", "NaN", "no number"},
		{"reads_per_shot", "all", "none of"},
		{"cores", `["0"]`, "has 1 entries"},
		{"unavailable_faults", `[""]`, "no list"},
		{"reload_frq", "true", "no such setting"},
	} {
		l := newLab(t, fake.XMLRPCConfig{}, map[string]string{tt.key: tt.value})
		_, err := codatest.Open(t, l.driver)
		failure(t, err, coda.Internal, tt.want)
	}
}

// All that is wrong is said at once, and each of it once.
func TestSettingsThatAreWrongTogether(t *testing.T) {
	for _, tt := range []struct {
		settings map[string]string
		want     string
	}{
		{nil, `internal: setting qubits: is not set: it lists the lab's labels in the order of the circuits' qubits, such as ["Q0", "Q1"]`},
		{map[string]string{"qubits": `["Q0"]`, "virtual_z_sign": "2"}, `internal: setting virtual_z_sign: "2" is neither 1 nor -1`},
		{map[string]string{"qubits": `["Q0"]`, "target": "ibm", "max_shots": "0", "reload_frq": "true"},
			`internal: setting max_shots: "0" is no whole number from 1 to 2147483647; setting target: "ibm" is none of cz, iswap, pcz, cnot; ` +
				`setting reload_frq: there is no such setting; README.md of this executor lists them`},
		{map[string]string{"qubits": `["Q0"]`, "cores": "[]"}, `internal: setting cores: it lists 0 labels, not 1 to 64`},
		{map[string]string{"qubits": "Q0", "cores": `["0"]`, "couplings": "[[1, 0]]"},
			`internal: setting qubits: "Q0" is no list of texts, such as ["Q0", "Q1"]`},
	} {
		codatest.Start(t, tt.settings)
		_, err := codatest.Open(t, newDriver(fstest.MapFS{}, nil))
		if err == nil || err.Error() != tt.want {
			t.Errorf("%v:\n%v\nwant\n%s", tt.settings, err, tt.want)
		}
	}
}

// What the server is called with: eight parameters, nine for an older one.
func TestParameters(t *testing.T) {
	for _, tt := range []struct {
		settings map[string]string
		want     string
	}{
		{nil, "<nil/>|<double>8</double>|<boolean>1</boolean>|<boolean>1</boolean>|<boolean>1</boolean>|<boolean>1</boolean>"},
		{map[string]string{"reads_per_shot": "number", "timeout_per_shot": "2.5", "reload_freq": "false"},
			"<int>1</int>|<double>2.5</double>|<boolean>1</boolean>|<boolean>0</boolean>|<boolean>1</boolean>|<boolean>1</boolean>"},
		{map[string]string{"reads_per_shot": "struct", "reload_env": "false", "zero_between_reload": "false"},
			"<struct><member><name>Q0.rdlo</name><value><int>1</int></value></member></struct>|<double>8</double>|<boolean>1</boolean>|<boolean>1</boolean>|<boolean>0</boolean>|<boolean>0</boolean>"},
		{map[string]string{"server": "older"}, "<int>1</int>|<double>8</double>|<boolean>1</boolean>|<boolean>1</boolean>|<boolean>1</boolean>|<boolean>1</boolean>|<boolean>1</boolean>"},
		{map[string]string{"server": "older", "from_server": "false"}, "<int>1</int>|<double>8</double>|<boolean>1</boolean>|<boolean>1</boolean>|<boolean>1</boolean>|<boolean>1</boolean>"},
	} {
		settings := map[string]string{}
		maps.Copy(settings, tt.settings)
		l := newLab(t, fake.XMLRPCConfig{}, settings)
		l.open(t)
		p := l.set.newProgram(new(job(3, coda.Circuit{Target: coda.CNOT, Measurements: []uint16{0}})))
		l.sources.compile([]*program{p})
		l.set.fit(p)
		if p.err != nil {
			t.Fatal(p.err)
		}
		var got string
		l.handling(t, "qubic", func(_ http.ResponseWriter, r *http.Request) {
			var b strings.Builder
			if err := r.Write(&b); err != nil {
				t.Error(err)
			}
			_, got, _ = strings.Cut(b.String(), "<param><value><int>3</int></value></param>")
		})
		l.runAll([]*program{p})
		got = strings.NewReplacer("<param><value>", "", "</value></param>", "|").Replace(got)
		got, _, _ = strings.Cut(got, "|</params>")
		if got != tt.want {
			t.Errorf("%v: %s", tt.settings, got)
		}
	}
}
