package fake

import (
	"bufio"
	"context"
	"io"
	"math"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
)

// patience is how long a test waits for what must come; it is only ever used up by
// one that fails.
const patience = 20 * time.Second

type streamServer interface {
	Serve(context.Context, net.Listener) error
}

// serve runs a fake until the test ends, and fails the test if it does not end then.
func serve(t *testing.T, s streamServer) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(patience):
			t.Error("Serve did not end with its context")
		}
	})
	return listener.Addr().String()
}

// client is somebody who talks to a fake.
type client struct {
	t *testing.T
	net.Conn
	lines *bufio.Reader
}

func dial(t *testing.T, address string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &client{t, conn, bufio.NewReader(conn)}
}

func (c *client) send(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) ask(line string) string {
	c.t.Helper()
	c.send(line)
	answer, err := c.lines.ReadString('\n')
	if err != nil {
		c.t.Fatalf("%s: %q, %v", line, answer, err)
	}
	return answer[:len(answer)-1]
}

func (c *client) expect(line, want string) {
	c.t.Helper()
	if got := c.ask(line); got != want {
		c.t.Errorf("%s: %q, want %q", line, got, want)
	}
}

// near fails unless a share of n is p, within six standard deviations.
func near(t *testing.T, what string, count, n int, p float64) {
	t.Helper()
	if bound := 6*math.Sqrt(float64(n)*p*(1-p)) + 1e-6; math.Abs(float64(count)-float64(n)*p) > bound {
		t.Errorf("%s: %d of %d, want a share of %g", what, count, n, p)
	}
}

// Every gate, where its outcome would be the opposite one were its sense, its phase
// or the order of its qubits another.
func TestSimulateGates(t *testing.T) {
	t.Parallel()
	const turn = math.Pi / 2
	one := func(g abi.Gate, param float64) step { return gate(g, 0, 0, param) }
	other := func(g abi.Gate, param float64) step { return gate(g, 1, 1, param) }
	for name, tt := range map[string]struct {
		program []step
		want    []int
	}{
		"rx":           {[]step{one(abi.RX, turn), one(abi.RZ, turn), one(abi.RY, turn)}, []int{1, 0}},
		"ry":           {[]step{one(abi.RY, turn), one(abi.RZ, turn), one(abi.RX, -turn)}, []int{1, 0}},
		"rz":           {[]step{one(abi.RX, -turn), one(abi.RZ, turn), one(abi.RY, -turn)}, []int{1, 0}},
		"x90":          {[]step{one(abi.X90, 0), one(abi.RX, -turn)}, []int{0, 0}},
		"y_minus_90":   {[]step{one(abi.RY, turn), one(abi.YMinus90, 0)}, []int{0, 0}},
		"virtual_z":    {[]step{one(abi.X90, 0), one(abi.VirtualZ, -turn), one(abi.YMinus90, 0)}, []int{1, 0}},
		"id":           {[]step{one(abi.RX, turn), one(abi.ID, 1e6), one(abi.RX, turn)}, []int{1, 0}},
		"cz":           {[]step{one(abi.RX, math.Pi), other(abi.RY, turn), gate(abi.GateCZ, 0, 1, 0), other(abi.RY, -turn)}, []int{1, 1}},
		"cp":           {[]step{one(abi.RX, math.Pi), other(abi.RY, turn), gate(abi.CP, 0, 1, turn), other(abi.RX, -turn)}, []int{1, 1}},
		"cnot":         {[]step{one(abi.RX, math.Pi), gate(abi.GateCNOT, 0, 1, 0)}, []int{1, 1}},
		"cnot, turned": {[]step{one(abi.RX, math.Pi), gate(abi.GateCNOT, 1, 0, 0)}, []int{1, 0}},
		"iswap":        {[]step{one(abi.RY, turn), gate(abi.GateISwap, 0, 1, 0), other(abi.RX, -turn)}, []int{0, 1}},
	} {
		got, err := simulate(2, append(tt.program, readout(0), readout(1)), 100, (&Config{}).random(0))
		if err != nil {
			t.Fatal(err)
		}
		for shot := range got.n {
			if bits := []int{got.bit(shot, 0), got.bit(shot, 1)}; !slices.Equal(bits, tt.want) {
				t.Fatalf("%s: %v, want %v", name, bits, tt.want)
			}
		}
	}
}

func TestSimulateReadsInTheMiddle(t *testing.T) {
	t.Parallel()
	const n = 4000
	program := []step{gate(abi.X90, 0, 0, 0), readout(0), gate(abi.X90, 0, 0, 0), gate(abi.X90, 0, 0, 0), readout(0), readout(1)}
	got, err := simulate(2, program, n, (&Config{}).random(0))
	if err != nil {
		t.Fatal(err)
	}
	ones := 0
	for shot := range n {
		ones += got.bit(shot, 0)
		if got.bit(shot, 0) == got.bit(shot, 1) || got.bit(shot, 2) != 0 {
			t.Fatalf("shot %d: the qubit was turned by pi between its readouts, %v", shot, got.records[shot])
		}
	}
	near(t, "first readout", ones, n, 0.5)
}

func TestSimulateSeedAndBounds(t *testing.T) {
	t.Parallel()
	program := []step{gate(abi.X90, 0, 0, 0), readout(0)}
	records := func(seed uint64) []byte {
		got, err := simulate(1, program, 500, (&Config{Seed: seed}).random(0))
		if err != nil {
			t.Fatal(err)
		}
		return got.records
	}
	if !slices.Equal(records(1), records(1)) || slices.Equal(records(1), records(2)) {
		t.Error("outcomes do not follow from the seed")
	}
	middle := append(slices.Clone(program), gate(abi.X90, 0, 0, 0))
	if _, err := simulate(10, middle, 1_000_000, (&Config{}).random(0)); err == nil {
		t.Error("a run of minutes was begun")
	}
	if _, err := simulate(1, slices.Repeat([]step{readout(0)}, 1000), 1_000_000, (&Config{}).random(0)); err == nil {
		t.Error("125 MB were read")
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, cfg := range []Config{{Qubits: -1}, {Qubits: MaxQubits + 1}, {ShotTime: -1}, {Faults: []Fault{{Kind: "burn"}}}} {
		if _, err := NewSCPI(cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
}
