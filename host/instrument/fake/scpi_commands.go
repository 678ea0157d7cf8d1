package fake

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/conductorquantum/coda/abi"
)

// scpiCommand is a command, or a query.
type scpiCommand struct {
	pattern     string
	query       bool
	least, most int  // parameters
	starts      bool // a run, before it does anything else
	waits       bool // for the end of the run
	do          func(s *SCPI, params []string) ([]byte, *scpiError)
}

// scpiGates are the gates that a sequence may hold, by their last mnemonic.
var scpiGates = []struct {
	mnemonic string
	gate     abi.Gate
}{
	{"RX", abi.RX}, {"RY", abi.RY}, {"RZ", abi.RZ}, {"VZ", abi.VirtualZ},
	{"X90", abi.X90}, {"YM90", abi.YMinus90}, {"IDLE", abi.ID},
	{"CZ", abi.GateCZ}, {"CPHase", abi.CP}, {"ISWap", abi.GateISwap}, {"CNOT", abi.GateCNOT},
}

const maxReads = 4096 // of a shot

var scpiCommands = append([]scpiCommand{
	// What IEEE 488.2 asks of every instrument.
	{pattern: "*IDN", query: true, do: says(func(*SCPI) string { return "Coda,Fake quantum controller,0,1.0" })},
	{pattern: "*RST", do: does((*SCPI).reset)},
	{pattern: "*CLS", do: does(func(s *SCPI) { s.events, s.errors, s.announce = 0, nil, false })},
	{pattern: "*ESR", query: true, do: says(func(s *SCPI) string {
		events := s.events
		s.events = 0
		return strconv.Itoa(events)
	})},
	{pattern: "*ESE", least: 1, most: 1, do: mask(func(s *SCPI) *int { return &s.eventMask })},
	{pattern: "*ESE", query: true, do: says(func(s *SCPI) string { return strconv.Itoa(s.eventMask) })},
	{pattern: "*SRE", least: 1, most: 1, do: mask(func(s *SCPI) *int { return &s.serviceOn })},
	{pattern: "*SRE", query: true, do: says(func(s *SCPI) string { return strconv.Itoa(s.serviceOn) })},
	{pattern: "*STB", query: true, do: says(func(s *SCPI) string { return strconv.Itoa(s.status()) })},
	{pattern: "*TST", query: true, do: says(func(*SCPI) string { return "0" })},
	{pattern: "*OPC", do: does(func(s *SCPI) {
		if s.announce = s.running(); !s.announce {
			s.events |= operationComplete
		}
	})},
	{pattern: "*OPC", query: true, waits: true, do: says(func(*SCPI) string { return "1" })},
	{pattern: "*WAI", waits: true, do: does(func(*SCPI) {})},
	{pattern: "*TRG", starts: true, do: does(func(*SCPI) {})},

	// What SCPI-99 asks.
	{pattern: "SYSTem:ERRor[:NEXT]", query: true, do: says((*SCPI).nextError)},
	{pattern: "SYSTem:ERRor:COUNt", query: true, do: says(func(s *SCPI) string { return strconv.Itoa(len(s.errors)) })},
	{pattern: "SYSTem:VERSion", query: true, do: says(func(*SCPI) string { return "1999.0" })},
	{pattern: "STATus:OPERation:CONDition", query: true, do: says(func(s *SCPI) string {
		return strconv.Itoa(flag(s.running()) << 4) // measuring
	})},

	// The controller's own.
	{pattern: "OUTPut[:STATe]", least: 1, most: 1, do: func(s *SCPI, params []string) ([]byte, *scpiError) {
		on, err := boolean(params[0])
		if err == nil {
			if s.output = on; !on {
				s.abort()
			}
		}
		return nil, err
	}},
	{pattern: "OUTPut[:STATe]", query: true, do: says(func(s *SCPI) string { return strconv.Itoa(flag(s.output)) })},
	{pattern: "QUBits", query: true, do: says(func(s *SCPI) string { return strconv.Itoa(s.cfg.Qubits) })},
	{pattern: "SHOTs", least: 1, most: 1, do: func(s *SCPI, params []string) ([]byte, *scpiError) {
		n, err := whole(params[0], 1, maxSCPIShots)
		if err == nil {
			s.shots = n
		}
		return nil, err
	}},
	{pattern: "SHOTs", query: true, do: says(func(s *SCPI) string { return strconv.Itoa(s.shots) })},
	{pattern: "SEQuence:CLEar", do: does(func(s *SCPI) { s.sequence = nil })},
	{pattern: "SEQuence:LENGth", query: true, do: says(func(s *SCPI) string { return strconv.Itoa(len(s.sequence)) })},
	{pattern: "SEQuence:MEASure", least: 1, most: maxReads, do: (*SCPI).measure},
	{pattern: "INITiate[:IMMediate]", starts: true, do: does(func(*SCPI) {})},
	{pattern: "ABORt", do: does((*SCPI).abort)},
	{pattern: "STATe", query: true, do: says((*SCPI).state)},
	{pattern: "SHOTs:DONE", query: true, do: says(func(s *SCPI) string { return strconv.Itoa(s.done()) })},
	{pattern: "FORMat[:DATA]", least: 1, most: 1, do: func(s *SCPI, params []string) ([]byte, *scpiError) {
		switch word := strings.ToUpper(params[0]); {
		case matches("PACKed", word):
			s.ascii = false
		case matches("ASCii", word):
			s.ascii = true
		default:
			return nil, scpiErrorf(-224, "%s is neither PACKed nor ASCii", params[0])
		}
		return nil, nil
	}},
	{pattern: "FORMat[:DATA]", query: true, do: says(func(s *SCPI) string {
		if s.ascii {
			return "ASC"
		}
		return "PACK"
	})},
	{pattern: "FETCh", query: true, waits: true, do: (*SCPI).fetch},
	{pattern: "READ", query: true, starts: true, waits: true, do: (*SCPI).fetch},
}, gateCommands()...)

func gateCommands() []scpiCommand {
	var commands []scpiCommand
	for _, g := range scpiGates {
		params := g.gate.Qubits()
		if g.gate.HasParam() {
			params++
		}
		commands = append(commands, scpiCommand{
			pattern: "SEQuence:" + g.mnemonic, least: params, most: params,
			do: func(s *SCPI, params []string) ([]byte, *scpiError) { return nil, s.gate(g.gate, params) },
		})
	}
	return commands
}

func says(what func(*SCPI) string) func(*SCPI, []string) ([]byte, *scpiError) {
	return func(s *SCPI, _ []string) ([]byte, *scpiError) { return []byte(what(s)), nil }
}

func does(what func(*SCPI)) func(*SCPI, []string) ([]byte, *scpiError) {
	return func(s *SCPI, _ []string) ([]byte, *scpiError) {
		what(s)
		return nil, nil
	}
}

func mask(of func(*SCPI) *int) func(*SCPI, []string) ([]byte, *scpiError) {
	return func(s *SCPI, params []string) ([]byte, *scpiError) {
		value, err := whole(params[0], 0, 255)
		if err == nil {
			*of(s) = value
		}
		return nil, err
	}
}

func flag(set bool) int {
	if set {
		return 1
	}
	return 0
}

// status is the status byte, IEEE 488.2, 11.2, with SCPI's bit of the error queue.
func (s *SCPI) status() int {
	status := flag(len(s.errors) > 0)<<2 | flag(s.events&s.eventMask != 0)<<5 | flag(s.running())<<7
	return status | flag(status&s.serviceOn != 0)<<6
}

func (s *SCPI) nextError() string {
	if len(s.errors) == 0 {
		return (&scpiError{}).Error()
	}
	next := s.errors[0]
	s.errors = s.errors[1:]
	return next.Error()
}

func (s *SCPI) state() string {
	switch {
	case s.run == nil:
		return "IDLE"
	case s.running():
		return "RUN"
	default:
		return "DONE"
	}
}

// done are the shots of the last run that are over.
func (s *SCPI) done() int {
	switch {
	case s.run == nil:
		return 0
	case s.running():
		return min(int(time.Since(s.run.begun)/s.cfg.ShotTime), s.run.result.n)
	default:
		return s.run.result.n
	}
}

func (s *SCPI) gate(g abi.Gate, params []string) *scpiError {
	qubits, err := s.qubits(params[:g.Qubits()])
	if err != nil {
		return err
	}
	q0, q1 := qubits[0], qubits[len(qubits)-1]
	if len(qubits) == 2 && q0 == q1 {
		return scpiErrorf(-222, "qubit %d twice", q0)
	}
	angle := 0.0
	if g.HasParam() {
		if angle, err = number(params[len(params)-1]); err != nil {
			return err
		}
	}
	return s.extend(gate(g, q0, q1, angle))
}

func (s *SCPI) measure(params []string) ([]byte, *scpiError) {
	qubits, err := s.qubits(params)
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, q := range qubits {
		steps = append(steps, readout(q))
	}
	return nil, s.extend(steps...)
}

func (s *SCPI) qubits(params []string) ([]int, *scpiError) {
	var qubits []int
	for _, p := range params {
		q, err := whole(p, 0, s.cfg.Qubits-1)
		if err != nil {
			return nil, err
		}
		qubits = append(qubits, q)
	}
	return qubits, nil
}

func (s *SCPI) extend(steps ...step) *scpiError {
	if len(s.sequence)+len(steps) > maxSequence {
		return scpiErrorf(-223, "a sequence has at most %d steps", maxSequence)
	}
	s.sequence = append(s.sequence, steps...)
	return nil
}

// fetch answers what the last run read.
func (s *SCPI) fetch([]string) ([]byte, *scpiError) {
	if s.run == nil || s.running() { // it may run anew, for somebody else
		return nil, scpiErrorf(-230, "no run has ended")
	}
	result := s.run.result
	if !s.ascii {
		return block(result.records), nil
	}
	text := make([]byte, 0, result.n*(result.reads+1))
	for shot := range result.n {
		if shot > 0 {
			text = append(text, ',')
		}
		for i := range result.reads {
			text = fmt.Append(text, result.bit(shot, i))
		}
	}
	return text, nil
}
