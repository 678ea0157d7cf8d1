package main

import (
	"errors"
	"math"
	"reflect"
	"testing"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/codatest"
)

// bell makes a Bell pair of qubits 0 and 1.
func bell(shots uint64) coda.Job {
	return coda.Job{ID: "bell", Shots: shots, Circuit: &coda.Circuit{
		Target: coda.CNOT, NumQubits: 2, Measurements: []uint16{0, 1},
		Operations: []coda.Operation{
			{Gate: coda.YMinus90},
			{Gate: coda.GateCNOT, Q0: 0, Q1: 1},
		},
	}}
}

func open(t *testing.T) *simulator {
	t.Helper()
	s := &simulator{}
	if _, err := codatest.Open(t, s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBell(t *testing.T) {
	codatest.Start(t, map[string]string{"seed": "1"})
	got, err := codatest.Run(t, open(t), bell(10_000))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range got.Outcomes {
		if o.Bits != 0b00 && o.Bits != 0b11 || o.Count < 4_500 || o.Count > 5_500 {
			t.Errorf("outcome %02b, %d times", o.Bits, o.Count)
		}
	}
	again, _ := codatest.Run(t, open(t), bell(10_000))
	if !reflect.DeepEqual(again, got) {
		t.Errorf("the same seed gave %v, then %v", got, again)
	}
}

// Bit i of an outcome is measurements[i], whatever the qubit.
func TestOrderOfBits(t *testing.T) {
	job := bell(1)
	job.Circuit.NumQubits, job.Circuit.Measurements = 4, []uint16{3, 0, 3}
	job.Circuit.Operations = []coda.Operation{{Gate: coda.RX, Q0: 3, Q1: 3, Param: math.Pi}}
	got, err := codatest.Run(t, open(t), job)
	if err != nil || len(got.Outcomes) != 1 || got.Outcomes[0].Bits != 0b101 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestRefusals(t *testing.T) {
	s := open(t)
	job := bell(1)
	job.Circuit.Target, job.Circuit.Operations = coda.CZ, nil
	_, err := codatest.Run(t, s, job)
	if f, ok := errors.AsType[*coda.Failure](err); !ok || f.Kind != coda.Unsupported {
		t.Errorf("another target: %v", err)
	}
	node := codatest.Start(t, map[string]string{"seed": "one"})
	if _, err := codatest.Open(t, &simulator{}); err == nil {
		t.Error("a seed that is no number was taken")
	}
	node.Cancel()
	_, err = codatest.Run(t, s, bell(1))
	if f, ok := errors.AsType[*coda.Failure](err); !ok || f.Kind != coda.Cancelled {
		t.Errorf("cancelled: %v", err)
	}
}
