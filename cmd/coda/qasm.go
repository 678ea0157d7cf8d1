package main

import (
	"fmt"
	"io"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/qasm"
	"github.com/spf13/cobra"
)

func (c *cli) qasmCommand() *cobra.Command {
	var target targetFlag
	cmd := &cobra.Command{
		Use:     "qasm [flags] CIRCUIT",
		Short:   "Write a circuit of the IR as OpenQASM, and one of OpenQASM as the IR",
		GroupID: forAuthors,
		Long: `Write a circuit of the IR as OpenQASM 3, and one of OpenQASM as the IR, to
standard output. Gates and measurements stay as they are: what the other form cannot
say is an error. Of the IR's targets cz and cnot have a spelling in OpenQASM. Which of
them a program is for it does not say itself, so --target does.`,
		Example: `  {{name}} qasm bell.json > bell.qasm
  {{name}} qasm --target cnot adder.qasm > adder.json
  {{name}} qasm - < bell.json`,
		Args:              oneArgument("CIRCUIT"),
		ValidArgsFunction: firstArgument(completeCircuit),
		RunE: func(_ *cobra.Command, args []string) error {
			s := newSource(args[0])
			text, err := s.converted(c.stdin, target.Target)
			if err != nil {
				return fmt.Errorf("%s: %w", s.shown(), err)
			}
			c.stdout.printf("%s", text)
			return nil
		},
	}
	cmd.Flags().SortFlags = false
	target.register(cmd)
	return cmd
}

// converted is the circuit in the form that it is not in. The error does not name
// the path.
func (s source) converted(stdin io.Reader, target abi.Target) (string, error) {
	text, err := s.read(stdin)
	if err != nil {
		return "", err
	}
	if s.holdsQASM(text) {
		circuit, err := parseQASM(text, target)
		if err != nil {
			return "", err
		}
		return string(circuit.AppendIR(nil)) + "\n", nil
	}
	circuit, err := abi.ParseCircuit(text)
	if err != nil {
		return "", err
	}
	return qasm.Format(circuit)
}
