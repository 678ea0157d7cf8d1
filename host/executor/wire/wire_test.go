package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"reflect"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/executor/wire"
)

// readOnly is a stream that nothing is written to.
type readOnly struct{ io.Reader }

func (readOnly) Write([]byte) (int, error) { panic("written to") }

func TestFrames(t *testing.T) {
	t.Parallel()
	frames := []struct {
		kind    wire.Kind
		payload []byte
	}{
		{wire.Load, []byte("{}")},
		{wire.Code, bytes.Repeat([]byte("wasm"), 1<<20)}, // larger than any buffer
		{wire.Ready, nil},
		{wire.Log, []byte("\x01line")},
		{wire.Job, bytes.Repeat([]byte{7}, 70_000)},
		{wire.Failed, []byte("{}")},
	}
	var stream bytes.Buffer
	out := wire.NewConn(&stream, 0)
	for _, f := range frames {
		if err := out.Write(f.kind, f.payload); err != nil {
			t.Fatal(err)
		}
	}
	for name, reader := range map[string]io.Reader{
		"at once":        bytes.NewReader(stream.Bytes()),
		"by halves":      iotest.HalfReader(bytes.NewReader(stream.Bytes())),
		"end with bytes": iotest.DataErrReader(bytes.NewReader(stream.Bytes())),
	} {
		in := wire.NewConn(readOnly{reader}, wire.MaxFromNode)
		for i, f := range frames {
			kind, payload, err := in.Read()
			if err != nil || kind != f.kind || !bytes.Equal(payload, f.payload) {
				t.Fatalf("%s: frame %d is kind %d with %d bytes, %v", name, i, kind, len(payload), err)
			}
		}
		if _, _, err := in.Read(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: after the last frame: %v", name, err)
		}
	}
}

func TestBrokenStreams(t *testing.T) {
	t.Parallel()
	frame := func(kind byte, size uint32, payload string) []byte {
		return append(binary.NativeEndian.AppendUint32([]byte{kind, 0, 0, 0}, size), payload...)
	}
	for name, tt := range map[string]struct {
		stream []byte
		end    error // nil: a *ProtocolError
		rest   string
	}{
		"no kind":     {frame(0, 0, ""), nil, ""},
		"beyond kind": {frame(200, 0, ""), nil, ""},
		"a crash":     {[]byte("panic: runtime error"), nil, "panic: runtime error"},
		"too large":   {frame(byte(wire.Log), 1001, ""), nil, ""},
		"cut header":  {frame(byte(wire.Log), 10, "")[:5], io.ErrUnexpectedEOF, ""},
		"cut payload": {frame(byte(wire.Log), 10, "123"), io.ErrUnexpectedEOF, ""},
		"nothing":     {nil, io.EOF, ""},
	} {
		c := wire.NewConn(readOnly{bytes.NewReader(tt.stream)}, 1000)
		_, _, err := c.Read()
		if _, broken := errors.AsType[*wire.ProtocolError](err); tt.end == nil && !broken || tt.end != nil && !errors.Is(err, tt.end) {
			t.Errorf("%s: %v", name, err)
		}
		if tt.rest != "" && string(c.Unread()) != tt.rest {
			t.Errorf("%s: unread %q", name, c.Unread())
		}
	}
}

func TestJobs(t *testing.T) {
	t.Parallel()
	var got abi.Job
	got.Circuit = new(abi.Circuit)
	for _, want := range []*abi.Job{
		{ID: "é", Shots: math.MaxUint64, Circuit: &abi.Circuit{
			Target: abi.CNOT, NumQubits: 50,
			Operations:   []abi.Operation{{Gate: abi.CP, Q0: 1, Q1: 2, Param: -0.1}, {Gate: abi.X90, Q0: 3, Q1: 3}},
			Measurements: []uint16{3, 3, 1}, Metadata: abi.Metadata{SourceHash: "sha256:0"},
		}},
		{ID: "j", Shots: 1, Circuit: &abi.Circuit{NumQubits: 1, Measurements: []uint16{}}},
	} {
		frame := wire.AppendJob(nil, want)
		for _, b := range [][]byte{frame, append([]byte{0}, frame...)[1:]} { // aligned and not
			if err := wire.ParseJob(b, &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(&got, want) {
				t.Errorf("got %+v, want %+v", got.Circuit, want.Circuit)
			}
		}
		for n := range frame {
			if err := wire.ParseJob(slices.Clone(frame[:n]), &got); err == nil {
				t.Fatalf("%d of %d bytes are a job", n, len(frame))
			}
		}
	}
}

// TestACallHasSoManyPairs: an empty one takes 8 bytes of the frame, and 32 of the node.
func TestACallHasSoManyPairs(t *testing.T) {
	t.Parallel()
	pairs := make([][2]string, wire.MaxPairs+1)
	for n, fits := range map[int]bool{wire.MaxPairs: true, wire.MaxPairs + 1: false} {
		var got effect.Call
		err := wire.ParseCall(wire.AppendCall(nil, &effect.Call{Func: effect.HTTPSend, Pairs: pairs[:n]}), &got)
		if fits != (err == nil) || fits && len(got.Pairs) != n {
			t.Errorf("%d pairs: %d, %v", n, len(got.Pairs), err)
		}
	}
}

func TestResults(t *testing.T) {
	t.Parallel()
	own := 5 * time.Millisecond
	outcomes := []abi.Outcome{{Bits: 1, Count: 2}, {Bits: math.MaxUint64, Count: 3}}
	for _, tt := range []struct {
		own  *time.Duration
		want time.Duration
	}{{nil, time.Second}, {&own, own}, {new(time.Duration(0)), 0}} {
		b := wire.AppendDone(nil, &abi.Execution{Outcomes: outcomes, ShotsCompleted: 5, Elapsed: tt.own}, time.Second)
		got, err := wire.ParseDone(b)
		if err != nil || !slices.Equal(got.Outcomes, outcomes) || got.ShotsCompleted != 5 || *got.Elapsed != tt.want {
			t.Errorf("got %+v, %v", got, err)
		}
		for _, n := range []int{0, 31, 33, len(b) - 1} {
			if _, err := wire.ParseDone(b[:n]); err == nil {
				t.Errorf("%d bytes are a result", n)
			}
		}
	}
}
