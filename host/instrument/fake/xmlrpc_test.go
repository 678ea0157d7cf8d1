package fake

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

func newXMLRPC(t *testing.T, cfg XMLRPCConfig) *XMLRPC {
	t.Helper()
	x, err := NewXMLRPC(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// post is a call over HTTP; its error may be one of the connection, a fault, or of
// what came.
func post(t *testing.T, address string, body []byte) (any, error) {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	response, err := client.Post("http://"+address+"/RPC2", "text/xml", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return string(text), err
	}
	return parseResponse(text)
}

const bellProgram = `[
	{"name": "virtual_z", "qubit": ["Q1"], "phase": 1.5707963267948966}, {"name": "X90", "qubit": ["Q1"]},
	{"name": "virtual_z", "qubit": ["Q1"], "phase": 1.5707963267948966}, {"name": "delay", "qubit": [], "t": 1e-7},
	{"name": "CNOT", "qubit": ["Q1", "Q0"]}, {"name": "barrier", "qubit": ["Q0", "Q1"]},
	{"name": "read", "qubit": ["Q0"]}, {"name": "read", "qubit": ["Q1"]}]`

func resultChannel(reads int) map[string]any {
	return map[string]any{"mem_name": "accmem0", "board": "", "reads_per_shot": reads, "dtype": "s11"}
}

func executable(program string, channels ...string) map[string]any {
	results := map[string]any{}
	for _, name := range channels {
		results[name] = resultChannel(1)
	}
	return map[string]any{
		"program_binaries": map[string]any{":command0": []byte(program), ":env0": []byte{}},
		"write_registers":  map[string]any{},
		"result_channels":  results,
	}
}

// s11 decodes samples of 32-bit words, Q first.
func s11(t *testing.T, data any) []complex128 {
	t.Helper()
	b, ok := data.([]byte)
	if !ok || len(b)%8 != 0 {
		t.Fatalf("%T of samples", data)
	}
	var points []complex128
	for ; len(b) > 0; b = b[8:] {
		q, i := int32(binary.LittleEndian.Uint32(b)), int32(binary.LittleEndian.Uint32(b[4:]))
		points = append(points, complex(float64(i), float64(q)))
	}
	return points
}

func nearer(p, zero, one complex128) int {
	if weight(p-one) < weight(p-zero) {
		return 1
	}
	return 0
}

func TestXMLRPCBell(t *testing.T) {
	t.Parallel()
	own := Readout{Zero: complex(-3e6, 5e6), One: complex(3e6, -5e6), Sigma: 1e5}
	x := newXMLRPC(t, XMLRPCConfig{Readout: []Readout{own}, Couplings: [][2]int{{1, 0}}})
	address := serve(t, x)
	const n = 4000
	value, err := post(t, address, callXML("run_circuit_batch",
		[]any{executable(bellProgram, "Q0.rdlo", "Q1.rdlo"), executable(`[{"name": "read", "qubit": ["Q0"]}]`, "Q0.rdlo")},
		n, nil, 8.0, true, true, true, true))
	if err != nil {
		t.Fatal(err)
	}
	results := value.([]any)
	if len(results) != 2 {
		t.Fatalf("%d results", len(results))
	}
	bell := results[0].(map[string]any)
	q0, q1 := s11(t, bell["Q0.rdlo"]), s11(t, bell["Q1.rdlo"])
	if len(q0) != n || len(q1) != n || len(bell) != 2 {
		t.Fatalf("%d and %d samples", len(q0), len(q1))
	}
	ones := 0
	for i := range q0 {
		one := nearer(q0[i], own.Zero, own.One)
		if one != nearer(q1[i], defaultReadout.Zero, defaultReadout.One) {
			t.Fatalf("shot %d: %v and %v", i, q0[i], q1[i])
		}
		ones += one
	}
	near(t, "11", ones, n, 0.5)

	// The second circuit is all zeros: the noise has the mean and width it should.
	var sum, squares float64
	for _, p := range s11(t, results[1].(map[string]any)["Q0.rdlo"]) {
		d := imag(p - own.Zero)
		sum += d
		squares += d * d
	}
	if mean := sum / n / own.Sigma; math.Abs(mean) > 6/math.Sqrt(n) {
		t.Errorf("the noise is off by %g sigma", mean)
	}
	if ratio := math.Sqrt(squares/n) / own.Sigma; math.Abs(ratio-1) > 6/math.Sqrt(2*n) {
		t.Errorf("the noise is %g times as wide", ratio)
	}
	if got := x.Requests(); len(got) != 1 || got[0] != "run_circuit_batch" || x.Busy() {
		t.Errorf("%q", got)
	}

	var classifier map[string]struct {
		GMM struct {
			Means [][2]float64 `json:"means_"`
		} `json:"gmm"`
	}
	if err := json.Unmarshal(x.Classifier(), &classifier); err != nil || len(classifier) != 5 || classifier["Q0"].GMM.Means[1] != [2]float64{3e6, -5e6} {
		t.Errorf("%s", x.Classifier())
	}
}

// An older server takes the cores' programs, and answers doubles for all circuits
// together.
func TestXMLRPCOlderServer(t *testing.T) {
	t.Parallel()
	x := newXMLRPC(t, XMLRPCConfig{})
	flip := []any{map[string]any{"name": "X90", "qubit": []any{"Q0"}}, map[string]any{"name": "X90", "qubit": []any{"Q0"}},
		map[string]any{"name": "read", "qubit": []any{"Q0"}}, map[string]any{"name": "read", "qubit": []any{"Q0"}}}
	value, err := post(t, serve(t, x), callXML("run_circuit_batch",
		[]any{map[string]any{"0": flip}, map[string]any{"0": flip[2:]}}, 10, 2, 0.0005, true, true, true, true, true))
	if err != nil {
		t.Fatal(err)
	}
	data := value.(map[string]any)["0"].([]byte)
	if len(data) != 2*10*2*16 {
		t.Fatalf("%d bytes", len(data))
	}
	for i := 0; i < len(data); i += 16 {
		p := complex(math.Float64frombits(binary.LittleEndian.Uint64(data[i:])), math.Float64frombits(binary.LittleEndian.Uint64(data[i+8:])))
		if want := flag(i < len(data)/2); nearer(p, defaultReadout.Zero, defaultReadout.One) != want {
			t.Errorf("sample %d, %v, is no %d", i/16, p, want)
		}
	}
}

func TestXMLRPCReloadAndSign(t *testing.T) {
	t.Parallel()
	// -90 and virtual_z by a quarter turn: 1 or 0, by the sense of the frame change.
	turn := `[{"name": "X90", "qubit": ["Q0"]}, {"name": "virtual_z", "qubit": ["Q0"], "phase": -1.5707963267948966},
		{"name": "Y-90", "qubit": ["Q0"]}, {"name": "read", "qubit": ["Q0"]}]`
	idle := `[{"name": "read", "qubit": ["Q0"]}]`
	for _, tt := range []struct {
		negative, reload bool
		want             [2]int
	}{{false, true, [2]int{1, 0}}, {true, true, [2]int{0, 0}}, {false, false, [2]int{1, 1}}} {
		x := newXMLRPC(t, XMLRPCConfig{NegativeZ: tt.negative})
		value, _, err := x.runBatch([]any{[]any{executable64(turn), executable64(idle)}, int64(1), int64(1), 8.0, tt.reload})
		if err != nil {
			t.Fatal(err)
		}
		for i, result := range value.([]any) {
			p := s11(t, result.(map[string]any)["Q0.rdlo"])[0]
			if nearer(p, defaultReadout.Zero, defaultReadout.One) != tt.want[i] {
				t.Errorf("%+v: circuit %d reads %v", tt, i, p)
			}
		}
	}
}

// executable64 is an executable as parseCall would give it.
func executable64(program string) map[string]any {
	e := executable(program, "Q0.rdlo")
	e["result_channels"].(map[string]any)["Q0.rdlo"].(map[string]any)["reads_per_shot"] = int64(1)
	return e
}

func TestXMLRPCRefuses(t *testing.T) {
	t.Parallel()
	x := newXMLRPC(t, XMLRPCConfig{Config: Config{ShotTime: time.Millisecond}, Couplings: [][2]int{{1, 0}}})
	address := serve(t, x)
	good := `[{"name": "read", "qubit": ["Q0"]}]`
	without := func(member string) map[string]any {
		e := executable(good, "Q0.rdlo")
		delete(e, member)
		return e
	}
	channel := func(member string, value any) map[string]any {
		e := executable(good, "Q0.rdlo")
		e["result_channels"].(map[string]any)["Q0.rdlo"].(map[string]any)[member] = value
		return e
	}
	twice := executable(good, "Q0.rdlo")
	twice["program_binaries"].(map[string]any)[":command1"] = []byte(good)
	unnamed := executable(good, "Q0.rdlo")
	unnamed["program_binaries"].(map[string]any)["command1"] = []byte(good)
	program := func(text string) []any { return []any{[]any{executable(text, "Q0.rdlo")}, 1} }
	for want, params := range map[string][]any{
		"0 arguments: run_circuit_batch takes 2 to 9": {},
		"executables is string":                       {"x", 1},
		"circuit 0 is int64, not a struct":            {[]any{1}, 1},
		"n_shots is string":                           {[]any{}, "1"},
		"n_shots is 0, not from 1":                    {[]any{}, 0},
		"reads_per_shot is bool":                      {[]any{}, 1, true},
		"timeout_per_shot is <nil>":                   {[]any{}, 1, 1, nil},
		"reload_cmd is int64":                         {[]any{}, 1, 1, 8.0, 1},
		"timed out: a shot takes 0.001 s":             {[]any{}, 1, 1, 0.0001},
		"an executable needs the structs":             {[]any{without("write_registers")}, 1},
		"a channel has no colour":                     {[]any{channel("colour", 1)}, 1},
		"a channel needs mem_name":                    {[]any{channel("mem_name", 1)}, 1},
		`dtype "counts" is not s11`:                   {[]any{channel("dtype", "counts")}, 1},
		"reads_per_shot is 0, not from 1":             {[]any{channel("reads_per_shot", 0)}, 1},
		"timed out: 2 reads per shot are asked for":   {[]any{channel("reads_per_shot", 2)}, 1},
		"timed out: 3 reads per shot":                 {[]any{executable(good, "Q0.rdlo")}, 1, map[string]any{"Q0.rdlo": 3}},
		"reads_per_shot says nothing of Q0.rdlo":      {[]any{executable(good, "Q0.rdlo")}, 1, map[string]any{}},
		`"Q9" is no qubit from Q0 to Q4`:              {[]any{executable(good, "Q9.rdlo")}, 1},
		"only .rdlo is read":                          {[]any{executable(good, "Q0.qdrv")}, 1},
		"several hold something":                      {[]any{twice}, 1},
		"is no board:memory":                          {[]any{unnamed}, 1},
		"no JSON list of gates":                       program("\x00\x01"),
		"something follows the list":                  program("[] []"),
		"gate 0, X45: there is no such gate":          program(`[{"name": "X45", "qubit": ["Q0"]}]`),
		"it takes 2 qubits, not 1":                    program(`[{"name": "CNOT", "qubit": ["Q0"]}]`),
		"Q0Q1 is not calibrated":                      program(`[{"name": "CNOT", "qubit": ["Q0", "Q1"]}]`),
		"Q0 is there twice":                           program(`[{"name": "CZ", "qubit": ["Q0", "Q0"]}]`),
		"virtual_z has a phase":                       program(`[{"name": "virtual_z", "qubit": ["Q0"]}]`),
		"delay has t":                                 program(`[{"name": "X90", "qubit": ["Q0"], "t": 1}]`),
		"2 s is not from 0 to 1":                      program(`[{"name": "delay", "qubit": ["Q0"], "t": 2}]`),
		`"7" is no core from 0 to 4`:                  {[]any{map[string]any{"7": []any{}}}, 1},
	} {
		_, err := post(t, address, callXML("run_circuit_batch", params...))
		fault, ok := errors.AsType[*xmlFault](err)
		if !ok || fault.code != 1 || !strings.Contains(fault.reason, want) || !strings.HasPrefix(fault.reason, "<class 'Exception'>:") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	_, err := post(t, address, callXML("shutdown"))
	if fault, ok := errors.AsType[*xmlFault](err); !ok || fault.reason != `<class 'Exception'>:method "shutdown" is not supported` {
		t.Errorf("%v", err)
	}
	_, err = post(t, address, []byte("<methodCall>"))
	if fault, ok := errors.AsType[*xmlFault](err); !ok || !strings.HasPrefix(fault.reason, "<class 'ExpatError'>:") {
		t.Errorf("%v", err)
	}

	for _, tt := range []struct {
		method, path string
		status       int
	}{{"GET", "/", 501}, {"POST", "/other", 404}} {
		request, err := http.NewRequestWithContext(t.Context(), tt.method, "http://"+address+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != tt.status {
			t.Errorf("%s %s: %d", tt.method, tt.path, response.StatusCode)
		}
	}
}

func TestXMLRPCFaults(t *testing.T) {
	t.Parallel()
	x := newXMLRPC(t, XMLRPCConfig{})
	address := serve(t, x)
	call := callXML("ping") // answered by a fault of XML-RPC
	set := func(f Fault) {
		t.Helper()
		if err := x.Faults.Set(f); err != nil {
			t.Fatal(err)
		}
	}
	set(Fault{Kind: Drop})
	got, err := post(t, address, call)
	if text, _ := got.(string); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(text, "<?xml") || strings.Contains(text, "</methodResponse>") {
		t.Errorf("drop: %q, %v", got, err)
	}
	set(Fault{Kind: Garbage, On: "ping"})
	if _, err := post(t, address, call); err == nil || strings.Contains(err.Error(), "fault 1") {
		t.Errorf("garbage: %v", err)
	}
	set(Fault{Kind: Delay, Delay: 20 * time.Millisecond})
	before := time.Now()
	if _, err := post(t, address, call); err == nil || time.Since(before) < 20*time.Millisecond {
		t.Errorf("delay: %v", time.Since(before))
	}
	for _, kind := range []Kind{Half, Silent} {
		set(Fault{Kind: kind})
		c := dial(t, address)
		c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nxyz")
		if kind == Half {
			for line := ""; !strings.HasPrefix(line, "<?xml"); {
				if line, err = c.lines.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(c.lines)
		if err == nil || strings.Contains(string(rest), "</methodResponse>") || kind == Silent && len(rest) > 0 {
			t.Errorf("%s: %q, %v", kind, rest, err)
		}
	}
	set(Fault{Kind: Silent}) // and Serve ends nevertheless
	dial(t, address).send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nxyz")
}

func TestXMLValues(t *testing.T) {
	t.Parallel()
	values := []any{nil, true, false, int64(-5), int64(math.MinInt32), 0.1, -1e-300, "a<b>&\"c\" ü", "", []byte{}, []byte{0, 255},
		[]any{}, []any{int64(1), []any{nil}}, map[string]any{}, map[string]any{"a:b": map[string]any{"x": "y"}}}
	method, got, err := parseCall(callXML("some.method", values...))
	if err != nil || method != "some.method" || !reflect.DeepEqual(got, values) {
		t.Errorf("%v: %#v, want %#v", err, got, values)
	}
	value, err := parseResponse(responseXML(values))
	if err != nil || !reflect.DeepEqual(value, values) {
		t.Errorf("%v: %#v", err, value)
	}
	if _, err := parseResponse(faultXML(raised("ValueError", "<%d>", 5))); err == nil || err.Error() != "fault 1: <class 'ValueError'>:<5>" {
		t.Errorf("%v", err)
	}
	_, got, err = parseCall([]byte("<methodCall><methodName>m</methodName><params>\n<param><value> text </value></param>" +
		"<param><value>\n<base64>\nAA\n/w==\n</base64></value></param><!-- c --></params></methodCall>\n"))
	if err == nil {
		t.Errorf("base64 with padding in the middle was read as %v", got)
	}
	_, got, err = parseCall([]byte("<methodCall><methodName>m</methodName><params>\n<param><value> text </value></param>" +
		"<param><value>\n<base64>\nAP\n8=\n</base64></value></param><!-- c --></params></methodCall>\n"))
	if want := []any{" text ", []byte{0, 255}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: %#v", err, got)
	}
	if _, got, err = parseCall([]byte("<methodCall><methodName>m</methodName></methodCall>")); err != nil || got != nil {
		t.Errorf("%v: %v", err, got)
	}
}

func TestXMLStrict(t *testing.T) {
	t.Parallel()
	param := func(value string) string {
		return "<methodCall><methodName>m</methodName><params><param>" + value + "</param></params></methodCall>"
	}
	for text, want := range map[string]string{
		"":                          "EOF",
		"<methodCall>":              "unexpected EOF",
		"<call/>":                   "<call> stands where <methodCall> should",
		`<methodCall a="b"/>`:       "<methodCall> has attributes",
		"<!DOCTYPE x><methodCall/>": "a directive",
		"<methodCall/>":             "<methodName> is missing",
		"<methodCall><methodName>a b</methodName></methodCall>":                    "is no method's name",
		"<methodCall><methodName>m</methodName><x/></methodCall>":                  "<x> stands where <params> may",
		"<methodCall><methodName>m</methodName></methodCall>x":                     "something follows",
		"<methodCall><methodName>m</methodName><params><x/></params></methodCall>": "<x> stands in <params>",
		"<methodCall><methodName>m</methodName><params/><params/></methodCall>":    "<params> stands where </methodCall>",
		param("<x/>"): "<x> stands where <value> should",
		param("<value><int>1</int></value><value/>"):          "<value> stands where </param> should",
		param("<value><int>x</int></value>"):                  `"x" is no int`,
		param("<value><int>3000000000</int></value>"):         "is no int",
		param("<value><boolean>2</boolean></value>"):          "is no boolean",
		param("<value><double>nan</double></value>"):          "is no double",
		param("<value><base64>!</base64></value>"):            "is no base64",
		param("<value><nil>x</nil></value>"):                  "is no nil",
		param("<value><date>x</date></value>"):                "<date> is no type",
		param("<value>x<int>1</int></value>"):                 "stands before <int>",
		param("<value><int><int>1</int></int></value>"):       "<int> stands in <int>",
		param("<value><int>1</int>x</value>"):                 "stands between elements",
		param("<value><array></array></value>"):               "<data> is missing",
		param("<value><array><data>1</data></array></value>"): "stands between elements",
		param("<value><struct><x/></struct></value>"):         "<x> stands in <struct>",
		param("<value><struct><member><name>a</name><value/></member><member><name>a</name><value/></member></struct></value>"): `"a" is there twice`,
		param(strings.Repeat("<value><array><data>", 65)):                                                                       "nested more than 64",
	} {
		if _, _, err := parseCall([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %s", text, err, want)
		}
	}
}

func FuzzXMLCall(f *testing.F) {
	f.Add(callXML("run_circuit_batch", []any{executable(bellProgram, "Q0.rdlo")}, 3, nil, 8.0, true))
	f.Add([]byte("<methodCall><methodName>m</methodName><params><param><value><nil/></value></param></params></methodCall>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<12 {
			return
		}
		_, params, err := parseCall(text)
		if err != nil {
			return
		}
		_, again, err := parseCall(callXML("m", params...))
		if err != nil || len(again) != len(params) {
			t.Fatalf("%q: %#v is read as %#v, %v", text, params, again, err)
		}
		if b, err := parseBatch(params); err != nil || b.shots > 10 || len(b.circuits) > 10 {
			return
		}
		x, err := NewXMLRPC(XMLRPCConfig{})
		if err != nil {
			t.Fatal(err)
		}
		if value, _, err := x.runBatch(params); err == nil {
			if _, err := parseResponse(responseXML(value)); err != nil {
				t.Error(err)
			}
		}
	})
}
