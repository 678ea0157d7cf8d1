package qasm_test

import (
	"testing"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/qasm"
)

const benchmarkGates = 2800

func BenchmarkParse(b *testing.B) {
	text, err := qasm.Format(generate(1, abi.CNOT, benchmarkGates))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := qasm.Parse(text, abi.CNOT); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFormat(b *testing.B) {
	c := generate(1, abi.CNOT, benchmarkGates)
	text, err := qasm.Format(c)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := qasm.Format(c); err != nil {
			b.Fatal(err)
		}
	}
}
