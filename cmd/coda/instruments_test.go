//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/instrument/fake"
	"github.com/conductorquantum/coda/host/testkit/goguest"
	"github.com/conductorquantum/coda/host/testkit/redistest"
)

// instrumentFault is something that goes wrong, and what a job says of it. One that
// is unavailable is tried again by the node: then it is right, unless the fault stays.
type instrumentFault struct {
	fault string // as `coda instrument --fault` takes it
	kind  string // of the job's failure
	says  string // part of its message
}

// drives is an executor before the fake of its instrument.
type drives struct {
	executor string
	faults   []instrumentFault
	// open makes the instrument in a folder and returns it with its part of a device file.
	open func(t *testing.T, dir string) (playedInstrument, string)
}

// playedInstrument is a fake that serves until the test ends.
type playedInstrument struct {
	faults *fake.Faults
	atRest func() bool
	open   func() int // connections; nil: it cannot tell
}

// What a reply may take, and what a job takes that waits for one in vain: no less than
// what a busy machine makes of an instant.
const replyTime = 4 * time.Second

var driven = []drives{
	{
		executor: "scpi",
		faults: []instrumentFault{
			{"silent:FETC?@1", "unavailable", "timed out"},           // a reply that never comes
			{"drop:FETC?", "unavailable", "closed"},                  // and it stays
			{"half:FETC?@1", "unavailable", "timed out"},             // half a block
			{"drop:FETC?@1", "unavailable", "closed"},                // dropped in mid-block
			{"garbage:FETC?@1", "internal", "is no result"},          // garbage
			{"garbage:SYST:ERR?@2", "internal", "SYST:ERR?"},         // before the run
			{"drop:*IDN?@1", "unavailable", "closed the connection"}, // as it is opened
			{"silent:STAT?@1", "unavailable", "timed out"},           // in the run
			{"garbage:SEQ:LENG?@1", "internal", "SEQ:LENG?"},         // after the readouts
			{"delay=6s:FETC?@1", "unavailable", "timed out"},         // too late
		},
		open: func(t *testing.T, _ string) (playedInstrument, string) {
			s, err := fake.NewSCPI(fake.Config{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			listener := playOn(t, s.Serve)
			open := func() int { n, _ := s.Connections(); return n }
			return playedInstrument{&s.Faults, s.AtRest, open},
				fmt.Sprintf("[endpoints.scpi]\nurl = \"tcp://%s\"\ntimeout = \"%s\"\n", listener, replyTime)
		},
	},
	{
		executor: "registers",
		faults: []instrumentFault{
			{"silent@1", "unavailable", "did not start"},
			{"silent", "unavailable", "did not start"},
			{"half@1", "unavailable", "took longer than run_timeout_ms"},
			{"drop@1", "unavailable", "off the bus"},
			{"garbage@1", "internal", "bits above"},
			{"delay=10s@1", "unavailable", "took longer than run_timeout_ms"},
		},
		open: func(t *testing.T, dir string) (playedInstrument, string) {
			r, err := fake.NewRegisters(fake.RegistersConfig{Config: fake.Config{Seed: 1}})
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "registers")
			if err := r.Open(path); err != nil {
				t.Fatal(err)
			}
			play(t, r.Serve)
			ranges, err := os.ReadFile("../../guests/registers/device.toml")
			if err != nil {
				t.Fatal(err)
			}
			_, grant, _ := strings.Cut(string(ranges), "\nranges = [")
			grant, _, ok := strings.Cut(grant, "]\n\n")
			if !ok {
				t.Fatal("guests/registers/device.toml has no ranges")
			}
			return playedInstrument{&r.Faults, r.AtRest, nil},
				fmt.Sprintf("[endpoints.registers]\nurl = %q\nranges = [%s]\n[config]\nrun_timeout_ms = %d\n", r.URL(path), grant, replyTime.Milliseconds())
		},
	},
	{
		executor: "qubic.wasm",
		faults: []instrumentFault{
			{"silent@1", "unavailable", "the QubiC server: send to qubic: timed out"},
			{"half@1", "unavailable", "timed out"},
			{"drop@1", "unavailable", "the QubiC server: send to qubic: closed"},
			{"drop", "unavailable", "closed"},
			{"garbage@1", "internal", "the QubiC server's answer is no XML-RPC"},
			{"delay=10s@1", "unavailable", "timed out"},
		},
		open: func(t *testing.T, dir string) (playedInstrument, string) {
			x, err := fake.NewXMLRPC(fake.XMLRPCConfig{Config: fake.Config{Seed: 1}})
			if err != nil {
				t.Fatal(err)
			}
			for name, content := range map[string][]byte{
				"qubic.wasm": goguest.Build(t, "../../guests/qubic"), "classifier.json": x.Classifier(),
			} {
				if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			// The node keeps its connection for the next job, so that they tell nothing.
			return playedInstrument{&x.Faults, func() bool { return !x.Busy() }, nil},
				fmt.Sprintf("[files]\n\"classifier.json\" = \"classifier.json\"\n[limits]\ncompile_time = \"1h\"\n"+
					"[endpoints.qubic]\nurl = \"http://%s\"\ntimeout = \"%s\"\n"+
					"[config]\nprograms = \"json\"\nqubits = [\"Q0\", \"Q1\", \"Q2\", \"Q3\", \"Q4\"]\n", playOn(t, x.Serve), replyTime)
		},
	},
}

// play serves a fake until the test ends.
func play(t *testing.T, serve func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func playOn(t *testing.T, serve func(context.Context, net.Listener) error) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	play(t, func(ctx context.Context) error { return serve(ctx, listener) })
	return listener.Addr().String()
}

// TestInstruments runs each executor that drives an instrument from the cloud to the
// instrument, in parts that are real but for the instrument: a node's process, a
// redis-server, HTTP. Whatever goes wrong once ends in the failure that it is; the
// instrument is at rest when the cloud hears of it, the next job is right, and no
// handle stays open.
func TestInstruments(t *testing.T) {
	t.Parallel()
	for _, d := range driven {
		t.Run(d.executor, func(t *testing.T) {
			t.Parallel()
			driveThrough(t, d)
		})
	}
}

func driveThrough(t *testing.T, d drives) {
	dir := t.TempDir()
	played, grants := d.open(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "device.toml"), []byte("executor = \""+d.executor+"\"\n"+grants), 0o600); err != nil {
		t.Fatal(err)
	}
	cloud, err := devcloud.New(devcloud.Config{RedisURL: redistest.Start(t), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	url, err := cloud.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	node := launch(t, dir, []string{
		"CODA_WEBAPP_URL=" + url, "CODA_VPN_REQUIRED=false", "CODA_NODE_TOKEN=" + cloud.Token(),
		"CODA_STATE_DIR=" + filepath.Join(dir, "state"), "CODA_DEVICE_CONFIG=" + filepath.Join(dir, "device.toml"),
	}, "start", "--host", "127.0.0.1", "--port", port)
	n := &drivenNode{t: t, cloud: cloud, node: node, played: played, ready: "http://127.0.0.1:" + port + "/ready"}

	n.right("before any fault")
	for _, f := range d.faults {
		n.fault(f)
		n.right("after " + f.fault)
	}

	node.signal(t, syscall.SIGTERM)
	node.exits(t, exitOK)
	if !played.atRest() {
		t.Error("the node has ended and the instrument is not at rest")
	}
	stats, err := cloud.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if stats.Pending != 0 || stats.Duplicates+stats.Contradictions+stats.SignatureFailures+stats.Malformed != 0 {
		t.Errorf("%+v", stats)
	}
}

// drivenNode is a node with an instrument.
type drivenNode struct {
	t      *testing.T
	cloud  *devcloud.Cloud
	node   *process
	played playedInstrument
	ready  string
}

type drivenResult struct {
	Status string         `json:"status"`
	Error  string         `json:"error"`
	Counts map[string]int `json:"counts"`
	Shots  int            `json:"shots_completed"`
}

const drivenShots = 900

// run runs a GHZ state. Whatever comes of it, the instrument is at rest and nothing of
// it is open.
func (n *drivenNode) run() (id string, result drivenResult) {
	n.t.Helper()
	circuit, err := os.ReadFile("circuits/ghz.json")
	if err != nil {
		n.t.Fatal(err)
	}
	ids, err := n.cloud.Submit(n.t.Context(), devcloud.Job{IR: circuit, Shots: drivenShots})
	if err != nil {
		n.t.Fatal(err)
	}
	body, err := n.cloud.Wait(n.t.Context(), ids[0])
	if err != nil {
		n.t.Fatal(err)
	}
	if err := json.Unmarshal(body, &result); err != nil {
		n.t.Fatal(err)
	}
	if !n.played.atRest() {
		n.t.Errorf("the instrument is not at rest after %s", body)
	}
	n.nothingOpen()
	return ids[0], result
}

// right runs a job that has to be right.
func (n *drivenNode) right(when string) {
	n.t.Helper()
	_, result := n.run()
	n.check(when, result)
}

func (n *drivenNode) check(when string, result drivenResult) {
	n.t.Helper()
	ends := 0
	for bits, count := range result.Counts {
		if strings.Trim(bits, "0") == "" || strings.Trim(bits, "1") == "" {
			ends += count
		}
	}
	if result.Status != "completed" || result.Shots != drivenShots || ends != drivenShots || len(result.Counts) != 2 {
		n.t.Errorf("%s: %+v", when, result)
	}
}

// fault has something go wrong with a job.
func (n *drivenNode) fault(f instrumentFault) {
	n.t.Helper()
	parsed, err := fake.ParseFault(f.fault)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := n.played.faults.Set(parsed); err != nil {
		n.t.Fatal(err)
	}
	id, result := n.run()
	if err := n.played.faults.Set(); err != nil {
		n.t.Fatal(err)
	}
	if f.kind == "unavailable" {
		// The line about its end comes last, whatever the others say.
		end := n.node.waitFor(n.t, "tried again.* job="+id+" .*: unavailable: .*"+regexp.QuoteMeta(f.says)+"|msg=\"job executed\" job="+id+" (outcome=.*)")
		if end != "" {
			n.t.Errorf("%s: the job ended with %s, and was never tried again for %q", f.fault, end, f.says)
		}
		if parsed.To != 0 {
			n.check(f.fault+", tried again", result)
			return
		}
	}
	if result.Status != "failed" || !strings.Contains(result.Error, f.kind+": ") || !strings.Contains(result.Error, f.says) || result.Counts != nil {
		n.t.Errorf("%s: %+v; want %s, %q", f.fault, result, f.kind, f.says)
	}
}

// nothingOpen asks the node and the instrument. The node tells of a job before it has
// taken its guest's door away, and a connection's other end hears of its end later.
func (n *drivenNode) nothingOpen() {
	n.t.Helper()
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		open := 0
		if n.played.open != nil {
			open = n.played.open()
		}
		response, err := http.Get(n.ready)
		if err != nil {
			n.t.Fatal(err)
		}
		var state struct {
			Endpoints []struct{ Open int }
		}
		err = json.NewDecoder(response.Body).Decode(&state)
		response.Body.Close()
		if err != nil || len(state.Endpoints) == 0 {
			n.t.Fatalf("/ready tells of no endpoint: %+v, %v", state, err)
		}
		for _, e := range state.Endpoints {
			open += e.Open
		}
		if open == 0 {
			return
		}
		if time.Since(begin) > 30*time.Second {
			n.t.Fatalf("%d handles and connections are open 30 s after the job", open)
		}
	}
}
