package guests_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/executor/module"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/testkit/cguest"
	"github.com/conductorquantum/coda/host/testkit/goguest"
)

// exchange is a call that a guest has to make, and what it is answered.
type exchange struct {
	call   effect.Call
	answer effect.Answer
}

// script is a door behind which the calls of one job stand, in their order.
type script struct {
	mu    sync.Mutex
	ahead []exchange

	wrong []string
	waits chan struct{} // closed when a call waits for its job to be cancelled
}

// forever is the answer of a call that only a cancellation ends.
var forever = effect.Fail(effect.CancelledCall, "waited")

func (s *script) Do(ctx context.Context, call *effect.Call) (effect.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ahead) == 0 {
		s.wrong = append(s.wrong, fmt.Sprintf("more was called: %+v", *call))
		return effect.Fail(effect.Other, "the script is at its end"), nil
	}
	want := s.ahead[0]
	s.ahead = s.ahead[1:]
	got := *call
	// A deadline is what is left of it.
	if want.call.Func == effect.HTTPSend && got.Number > 0 && got.Number <= want.call.Number {
		got.Number = want.call.Number
	}
	if len(got.Data) == 0 {
		got.Data = nil
	}
	if len(got.Pairs) == 0 {
		got.Pairs = nil
	}
	if !reflect.DeepEqual(got, want.call) {
		s.wrong = append(s.wrong, fmt.Sprintf("called %+v\nwant   %+v", got, want.call))
	}
	if reflect.DeepEqual(want.answer, forever) {
		close(s.waits)
		<-ctx.Done()
	}
	return want.answer, nil
}

func (*script) Close() error { return nil }

// play sets what comes next.
func (s *script) play(ahead ...exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead, s.wrong, s.waits = ahead, nil, make(chan struct{})
}

// check holds that all of it was called, and nothing else.
func (s *script) check(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, wrong := range s.wrong {
		t.Error(wrong)
	}
	for _, e := range s.ahead {
		t.Errorf("not called: %+v", e.call)
	}
}

const awg, fpga = 7, 9 // handles, which no guest sees

func dialled(handle uint64) exchange {
	return exchange{effect.Call{Func: effect.StreamOpen, Text: "awg"}, effect.Answer{Number: handle}}
}

func words(w ...uint32) []byte {
	var data []byte
	for _, word := range w {
		data = binary.LittleEndian.AppendUint32(data, word)
	}
	return data
}

func bad(kind effect.ErrorKind, message string) effect.Answer {
	return effect.Fail(kind, "%s", message)
}

// The same calls cross the boundary from both SDKs, and the same answers come back:
// each function, each kind of error, with what is easily lost on the way.
func TestHardwareCalls(t *testing.T) {
	t.Parallel()
	for language, build := range map[string]func(*testing.T) []byte{
		"go": func(t *testing.T) []byte {
			if testing.Short() {
				return goguest.Build(t, "sdk/go/testdata/hardware", "lean")
			}
			return goguest.Build(t, "sdk/go/testdata/hardware")
		},
		"c": func(t *testing.T) []byte { return cguest.Build(t, "sdk/c", "testdata/hardware/hardware.c") },
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			wasm := build(t)
			whole(t, wasm)
			atRest := []exchange{dialled(awg), {effect.Call{Func: effect.StreamWrite, Handle: awg, Data: []byte("ABOR\n")}, effect.Answer{}}}
			s := &script{}
			s.play(atRest...)
			e, err := executor.Open(t.Context(), executor.Config{
				Name: "hardware", Wasm: wasm, Keep: true, CacheDir: t.TempDir(),
				// net/http takes minutes to compile where the race detector watches.
				Limits:   executor.Limits{Memory: 64 << 20, CancelTime: time.Minute, CompileTime: time.Hour},
				Hardware: func() effect.Door { return s }, RestOnce: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				s.play(atRest...)
				e.Close()
			})
			for _, test := range conversations {
				t.Run(test.id, func(t *testing.T) {
					calls := slices.Clone(test.calls)
					if test.rests { // the job fails, and had an instrument that did
						calls = append(calls, atRest...)
					}
					s.play(calls...)
					_, err := e.Run(t.Context(), hardwareJob(test.id))
					failed, ok := errors.AsType[*fault.ExecutorError](err)
					if !ok || failed.Cause != test.cause || strings.TrimSuffix(failed.Reason, "; ") != test.want {
						t.Errorf("got  %v\nwant %s", err, test.want)
					}
					s.check(t)
				})
			}
			t.Run("cancelled", func(t *testing.T) {
				s.play(exchange{effect.Call{Func: effect.StreamOpen, Text: "awg"}, forever})
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					<-s.waits
					cancel()
				}()
				_, err := e.Run(ctx, hardwareJob("fail"))
				if failed, ok := errors.AsType[*fault.ExecutorError](err); !ok || failed.Cause != fault.Cancelled {
					t.Errorf("got %v", err)
				}
			})
			t.Run("batch", func(t *testing.T) { batches(t, e) })
			t.Run("safety", func(t *testing.T) {
				s.play(atRest...)
				if err := e.MakeSafe(t.Context()); err != nil {
					t.Error(err)
				}
				s.check(t)
				s.play(exchange{effect.Call{Func: effect.StreamOpen, Text: "awg"}, bad(effect.Busy, "held by another node")})
				err := e.MakeSafe(t.Context())
				if failed, ok := errors.AsType[*fault.ExecutorError](err); !ok || failed.Cause != fault.Unavailable || failed.Reason != "dial awg: busy: held by another node" {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

var conversations = []struct {
	id    string
	calls []exchange
	cause fault.Cause
	want  string
	rests bool
}{
	{"stream", []exchange{
		dialled(awg),
		{effect.Call{Func: effect.StreamSetTimeout, Handle: awg, Number: 1500}, effect.Answer{}},
		{effect.Call{Func: effect.StreamWrite, Handle: awg, Data: []byte("*IDN?\n")}, effect.Answer{}},
		{effect.Call{Func: effect.StreamReadUntil, Handle: awg, Number: 64, Second: '\n'}, effect.Answer{Data: []byte("ACME,1\n")}},
		{effect.Call{Func: effect.StreamReadExact, Handle: awg, Number: 5}, effect.Answer{Data: []byte{0, 1, 2, 254, 255}}},
		{effect.Call{Func: effect.StreamRead, Handle: awg, Number: 8}, effect.Answer{Data: []byte("abc")}},
		{effect.Call{Func: effect.StreamRead, Handle: awg, Number: 8}, effect.Answer{}},
		{effect.Call{Func: effect.StreamDrop, Handle: awg}, effect.Answer{}},
	}, fault.Unsupported, "ACME,1; [0 1 2 254 255]; abc; end", false},
	{"kinds", []exchange{
		{dialled(0).call, bad(effect.NotGranted, "")},
		{dialled(0).call, bad(effect.Busy, "besetzt, 使用中")},
		{dialled(0).call, bad(effect.TimedOut, strings.Repeat("slow ", 60)+"!")},
		{dialled(0).call, bad(effect.Closed, "c")},
		{dialled(0).call, bad(effect.CancelledCall, "d")},
		{dialled(0).call, bad(effect.OutOfRange, "e")},
		{dialled(0).call, bad(effect.Other, "f")},
	}, fault.Unsupported, "0 ; 1 besetzt, 使用中; 2 " + strings.Repeat("slow ", 60) + "!; 3 c; 4 d; 5 e; 6 f", false},
	{"broken", []exchange{
		dialled(awg),
		{effect.Call{Func: effect.StreamWrite, Handle: awg}, bad(effect.Closed, "a")},
		{effect.Call{Func: effect.StreamReadExact, Handle: awg, Number: 3}, bad(effect.TimedOut, "b")},
		{effect.Call{Func: effect.StreamReadUntil, Handle: awg, Number: 3, Second: 255}, bad(effect.Other, "c")},
		{effect.Call{Func: effect.StreamRead, Handle: awg, Number: 3}, bad(effect.OutOfRange, "d")},
		{effect.Call{Func: effect.StreamDrop, Handle: awg}, effect.Answer{}},
	}, fault.Unsupported, "3 a; 2 b; 6 c; 5 d; closed", true},
	// 80 MiB through a memory of 64.
	{"large", append(append([]exchange{dialled(awg)}, slices.Repeat([]exchange{
		{effect.Call{Func: effect.StreamReadExact, Handle: awg, Number: 1 << 20}, effect.Answer{Data: bytes.Repeat([]byte{255, 1}, 1<<19)}},
	}, 80)...), exchange{effect.Call{Func: effect.StreamDrop, Handle: awg}, effect.Answer{}}),
		fault.Unsupported, fmt.Sprint(80 * 256 << 19), false},
	{"http", []exchange{
		{effect.Call{
			Func: effect.HTTPSend, Text: "fridge", Method: "POST", Path: "/v1/set?a=1",
			Pairs: [][2]string{{"X-A", "1"}, {"X-B", "zwei ü"}}, Data: []byte("4 K\x00\xff"),
		}, effect.Answer{Number: 207, Pairs: [][2]string{{"Content-Type", "text/plain"}, {"X-Empty", ""}}, Data: []byte("o\x00\xfe")}},
		{effect.Call{Func: effect.HTTPSend, Text: "fridge", Method: "GET", Path: "/empty", Number: 1500}, effect.Answer{Number: 204}},
		{effect.Call{Func: effect.HTTPSend, Text: "fridge", Method: "GET", Path: "/gone"}, bad(effect.Other, "no route")},
	}, fault.Unsupported, `207 text/plain "" [111 0 254]; 204 0 0; 6 no route`, true},
	{"registers", []exchange{
		{effect.Call{Func: effect.WindowOpen, Text: "fpga"}, effect.Answer{Number: fpga}},
		{effect.Call{Func: effect.WindowRead32, Handle: fpga, Number: 8}, effect.Answer{Number: 0xFFFFFFFE}},
		{effect.Call{Func: effect.WindowWrite32, Handle: fpga, Number: 12, Second: 0x80000001}, effect.Answer{}},
		{effect.Call{Func: effect.WindowReadBlock, Handle: fpga, Number: 16, Second: 3}, effect.Answer{Data: words(1, 2, 0xFFFFFFFF)}},
		{effect.Call{Func: effect.WindowWriteBlock, Handle: fpga, Number: 32, Data: words(5, 0xFFFFFFFF)}, effect.Answer{}},
		{effect.Call{Func: effect.WindowPoll32, Handle: fpga, Number: 4, Second: 0xF0, Third: 0x30, Fourth: 250}, effect.Answer{Number: 0x35}},
		{effect.Call{Func: effect.WindowRead32, Handle: fpga, Number: 0xFFFFFFFC}, bad(effect.OutOfRange, "a")},
		{effect.Call{Func: effect.WindowWrite32, Handle: fpga}, bad(effect.Other, "b")},
		{effect.Call{Func: effect.WindowReadBlock, Handle: fpga, Number: 4, Second: 9}, bad(effect.OutOfRange, "c")},
		{effect.Call{Func: effect.WindowWriteBlock, Handle: fpga, Number: 4}, bad(effect.Closed, "d")},
		{effect.Call{Func: effect.WindowPoll32, Handle: fpga, Second: 1, Third: 1}, bad(effect.TimedOut, "e")},
		{effect.Call{Func: effect.WindowDrop, Handle: fpga}, effect.Answer{}},
	}, fault.Unsupported, "4294967294; [1 2 4294967295]; 53; 5 a; 6 b; 5 c; 3 d; 2 e; closed", true},
	// An error that run is left with fails the job as what it is.
	{"fail", []exchange{{dialled(0).call, bad(effect.NotGranted, "m")}}, fault.Internal, "dial awg: not granted: m", false},
	{"fail", []exchange{{dialled(0).call, bad(effect.Busy, "m")}}, fault.Unavailable, "dial awg: busy: m", false},
	{"fail", []exchange{{dialled(0).call, bad(effect.TimedOut, "m")}}, fault.Unavailable, "dial awg: timed out: m", false},
	{"fail", []exchange{{dialled(0).call, bad(effect.Closed, "m")}}, fault.Unavailable, "dial awg: closed: m", false},
	{"fail", []exchange{{dialled(0).call, bad(effect.OutOfRange, "m")}}, fault.Internal, "dial awg: out of range: m", false},
	{"fail", []exchange{{dialled(0).call, bad(effect.Other, "m")}}, fault.Internal, "dial awg: failed: m", false},
}

func hardwareJob(id string) *abi.Job {
	return &abi.Job{ID: id, Shots: 5, Circuit: &abi.Circuit{NumQubits: 3, Measurements: []uint16{0, 2}}}
}

// whole holds that the module has every import and every export there is.
func whole(t *testing.T, wasm []byte) {
	t.Helper()
	m, err := module.Parse(wasm)
	if err != nil {
		t.Fatal(err)
	}
	c, err := module.Check(m)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Batch() || !c.Safety() || c.RunBatch.Post == "" || c.MakeSafe.Post == "" {
		t.Errorf("it exports %+v, %+v", c.RunBatch, c.MakeSafe)
	}
	for _, f := range module.Imported() {
		hardware := f.Interface == "byte-stream" || f.Interface == "http" || f.Interface == "registers"
		if hardware && !slices.ContainsFunc(c.Imports, func(b module.Binding) bool { return b.Interface == f.Interface && b.Name == f.Name }) {
			t.Errorf("it does not import %s %s", f.Interface, f.Name)
		}
	}
}

// batches runs jobs of every shape together.
func batches(t *testing.T, e *executor.Executor) {
	gates := &abi.Circuit{
		NumQubits: 3, Measurements: []uint16{2, 1}, Metadata: abi.Metadata{SourceHash: "хэш"},
		Operations: []abi.Operation{{Gate: abi.RX, Q0: 1, Q1: 1, Param: 1}, {Gate: abi.RZ, Q0: 2, Q1: 2, Param: -1}},
	}
	jobs := []*abi.Job{
		hardwareJob("zeros"),
		{ID: "first 量子", Shots: 1<<64 - 1, Circuit: gates},
		{ID: "second", Shots: 1, Circuit: &abi.Circuit{Target: abi.CNOT, NumQubits: 1, Operations: []abi.Operation{{Gate: abi.ID}}}},
		{ID: "zeros", Shots: 1<<64 - 1, Circuit: gates},
	}
	for range 3 { // what one leaves behind does not show in the next
		results, err := e.RunBatch(t.Context(), jobs)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"", "1 of 4: first 量子, target 0, 3 qubits, 2 gates, last on 2, 2 measured, hash хэш, 18446744073709551615 shots",
			"2 of 4: second, target 3, 1 qubits, 1 gates, last on 0, 0 measured, hash , 1 shots", ""} {
			r := results[i]
			failed, _ := errors.AsType[*fault.ExecutorError](r.Err)
			switch {
			case want == "" && (r.Err != nil || r.Execution.ShotsCompleted != jobs[i].Shots):
				t.Errorf("job %d: %+v, %v", i, r.Execution, r.Err)
			case want != "" && (failed == nil || failed.Cause != fault.Unavailable || failed.Reason != want):
				t.Errorf("job %d: got  %v\nwant %s", i, r.Err, want)
			}
		}
	}
}
