package fake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func newSCPI(t *testing.T, cfg Config) *SCPI {
	t.Helper()
	s, err := NewSCPI(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// block reads a block of definite length and the end of its line.
func (c *client) block(line string) []byte {
	c.t.Helper()
	c.send(line)
	head := make([]byte, 2)
	if _, err := io.ReadFull(c.lines, head); err != nil || head[0] != '#' {
		c.t.Fatalf("%s: %q, %v", line, head, err)
	}
	digits := make([]byte, head[1]-'0')
	if _, err := io.ReadFull(c.lines, digits); err != nil {
		c.t.Fatal(err)
	}
	n, err := strconv.Atoi(string(digits))
	if err != nil {
		c.t.Fatal(err)
	}
	data := make([]byte, n+1)
	if _, err := io.ReadFull(c.lines, data); err != nil || data[n] != '\n' {
		c.t.Fatalf("%s: %q, %v", line, data, err)
	}
	return data[:n]
}

func TestSCPIBell(t *testing.T) {
	t.Parallel()
	s := newSCPI(t, Config{})
	c := dial(t, serve(t, s))
	c.expect("*IDN?", "Coda,Fake quantum controller,0,1.0")
	c.expect("*ESR?;*ESR?", "128;0")
	c.send("*RST;*CLS;OUTP ON;SHOT 4000")
	for _, gate := range []string{"SEQ:YM90 0", "SEQ:CNOT 0,1", "sequence:x90 2", "SEQ:X90 2;MEAS 2,0;MEAS 1;"} {
		c.send(gate)
	}
	c.expect("SEQ:LENG?;:SHOT?", "7;4000")
	if s.AtRest() {
		t.Error("at rest with its output on")
	}
	c.expect("INIT;*OPC?", "1")
	c.expect("STAT:OPER:COND?;:STAT?;:SHOT:DONE?", "0;DONE;4000")
	records := c.block("FETC?")
	if len(records) != 4000 {
		t.Fatalf("%d bytes", len(records))
	}
	ones := 0
	for _, r := range records {
		switch r {
		case 0b111:
			ones++
		case 0b001:
		default:
			t.Fatalf("record %03b: qubit 2 reads 1, the others agree", r)
		}
	}
	near(t, "111", ones, 4000, 0.5)

	words := strings.Split(c.ask("FORM ASC;:FETC?"), ",")
	if len(words) != 4000 {
		t.Fatalf("%d words", len(words))
	}
	for i, r := range records {
		if want := fmt.Sprint(r&1, r>>1&1, r>>2&1); strings.Join(strings.Split(words[i], ""), " ") != want {
			t.Fatalf("shot %d: %s, want %s", i, words[i], want)
		}
	}
	c.expect("FORM?;:SYST:ERR?", `ASC;0,"No error"`)
	c.send("OUTP OFF")
	c.expect("*OPC?", "1")
	if !s.AtRest() {
		t.Error("not at rest with its output off")
	}
	if got := s.Requests(); got[0] != "*IDN?" || len(got) != 15 || s.Total() != 15 {
		t.Errorf("%q", got)
	}
	if open, ever := s.Connections(); open != 1 || ever != 1 {
		t.Errorf("%d of %d connections", open, ever)
	}
}

// A record of more than eight readouts takes another byte.
func TestSCPIWideRecords(t *testing.T) {
	t.Parallel()
	c := dial(t, serve(t, newSCPI(t, Config{Qubits: 10})))
	c.send("OUTP 1;SHOT 2;SEQ:X90 9;X90 9;RX 0,3.141592653589793;MEAS 0,1,2,3,4,5,6,7,8,9")
	if got := c.block("READ?"); !bytes.Equal(got, []byte{0x01, 0x02, 0x01, 0x02}) {
		t.Errorf("%x", got)
	}
}

func TestSCPIErrors(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"FOO":               `-113,"Undefined header;FOO"`,
		"SEQ:FOO? 1":        `-113,"Undefined header;SEQ:FOO?"`,
		"SEQU:X90 0":        `-113,"Undefined header;SEQU:X90"`,
		"*IDN":              `-113,"Undefined header;*IDN"`,
		"9":                 `-102,"Syntax error;header 9"`,
		"SEQ::X90 0":        `-102,"Syntax error;header SEQ::X90"`,
		"SEQ:CZ 0,,1":       `-102,"Syntax error;an empty parameter of SEQ:CZ"`,
		"ABCDEFGHIJKLM":     `-112,"Program mnemonic too long;ABCDEFGHIJKLM"`,
		"SEQ:X90 \x01":      `-101,"Invalid character;byte 0x1"`,
		"SEQ:X90 \"0":       `-151,"Invalid string data;a string does not end"`,
		"SEQ:X90":           `-109,"Missing parameter;SEQ:X90"`,
		"SEQ:CZ 0":          `-109,"Missing parameter;SEQ:CZ"`,
		"SEQ:X90 0,1":       `-108,"Parameter not allowed;1"`,
		"SEQ:X90 ON":        `-104,"Data type error;ON is no number"`,
		"SEQ:X90 #H1":       `-104,"Data type error;#H1 is no number"`,
		"SEQ:X90 1.2.3":     `-121,"Invalid character in number;1.2.3"`,
		"SEQ:X90 0x1":       `-121,"Invalid character in number;0x1"`,
		"SEQ:X90 0.5":       `-222,"Data out of range;0.5 is not from 0 to 4"`,
		"SEQ:X90 5":         `-222,"Data out of range;5 is not from 0 to 4"`,
		"SEQ:CZ 1,1":        `-222,"Data out of range;qubit 1 twice"`,
		"SEQ:RX 0,1e999":    `-222,"Data out of range;1e999"`,
		"SHOT 0":            `-222,"Data out of range;0 is not from 1 to 1000000"`,
		"OUTP MAYBE":        `-224,"Illegal parameter value;MAYBE is neither ON nor OFF"`,
		"FORM HEX":          `-224,"Illegal parameter value;HEX is neither PACKed nor ASCii"`,
		"INIT":              `-221,"Settings conflict;the output is off"`,
		"OUTP ON;INIT":      `-221,"Settings conflict;the sequence measures nothing"`,
		"FETC?":             `-230,"Data corrupt or stale;no run has ended"`,
		"FOO;OUTP ON":       `-113,"Undefined header;FOO"`,
		"SHOT 0;OUTP ON;:9": `-222,"Data out of range;0 is not from 1 to 1000000"`,
	} {
		s := newSCPI(t, Config{})
		if reply := s.message(t.Context(), line); reply != nil {
			t.Errorf("%s: it answered %q", line, reply)
		}
		if got := string(s.message(t.Context(), "SYST:ERR?")); got != want+"\n" {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
		if strings.HasPrefix(line, "FOO") && s.output {
			t.Errorf("%s: what follows a wrong command was done", line)
		}
		if strings.HasPrefix(line, "SHOT") && strings.Contains(line, ";") && !s.output {
			t.Errorf("%s: what follows a command that failed was not done", line)
		}
	}
}

func TestSCPIErrorQueueAndRegisters(t *testing.T) {
	t.Parallel()
	s := newSCPI(t, Config{})
	ask := func(line, want string) {
		t.Helper()
		if got := strings.TrimSuffix(string(s.message(t.Context(), line)), "\n"); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	ask("*CLS;*ESE 32;*SRE 32", "")
	for range maxErrors + 1 {
		ask("FOO", "")
	}
	ask("*STB?", "100") // error queue, events, service
	ask("*ESR?;*ESE?;*SRE?", "32;32;32")
	ask("SYST:ERR:COUN?", "20")
	if last := s.Errors()[maxErrors-1]; last != `-350,"Queue overflow"` {
		t.Errorf("the queue ends with %s", last)
	}
	ask("*RST;SYST:ERR:COUN?", "20")
	ask("*CLS;SYST:ERR:NEXT?;VERS?", `0,"No error"`)
	ask("SYST:ERR?", `-113,"Undefined header;SYST:ERR:VERS?"`)
	ask("*OPC;*ESR?;*TST?;*WAI", "33;0")
}

// A run takes the time of its shots; who waits for it waits, and an abort ends it.
func TestSCPIRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSCPI(t, Config{ShotTime: time.Millisecond})
		ask := func(line, want string) {
			t.Helper()
			if got := strings.TrimSuffix(string(s.message(t.Context(), line)), "\n"); got != want {
				t.Errorf("%s: %q, want %q", line, got, want)
			}
		}
		ask("*CLS;OUTP ON;SHOT 100;SEQ:MEAS 0", "")
		ask("STAT?;:INIT;*OPC;STAT?;:STAT:OPER:COND?;*ESR?", "IDLE;RUN;16;0")
		time.Sleep(30 * time.Millisecond)
		ask("SHOT:DONE?", "30")
		ask("INIT;SYST:ERR?", `-213,"Init ignored;a run is going on"`)
		before := time.Now()
		ask("FORM ASC;*OPC?;*ESR?;:STAT?", "1;17;DONE")
		if took := time.Since(before); took != 70*time.Millisecond {
			t.Errorf("*OPC? waited for %v", took)
		}
		ask("ABOR;STAT?", "DONE") // there is nothing to abort

		go func() {
			time.Sleep(50 * time.Millisecond)
			s.message(t.Context(), "ABOR")
		}()
		before = time.Now()
		ask("INIT;*OPC?;:STAT?", "1;IDLE")
		if took := time.Since(before); took != 50*time.Millisecond {
			t.Errorf("an abort after 50 ms ended the run after %v", took)
		}
		ask("FETC?;:SYST:ERR?", `-230,"Data corrupt or stale;no run has ended"`)
		ask("INIT;OUTP OFF;:STAT?", "IDLE")
		if !s.AtRest() {
			t.Error("not at rest")
		}
	})
}

func TestSCPILineTooLong(t *testing.T) {
	t.Parallel()
	s := newSCPI(t, Config{})
	c := dial(t, serve(t, s))
	c.send(strings.Repeat("A", 3*maxSCPILine))
	c.expect("SYST:ERR?", `-363,"Input buffer overrun"`)
	c.send("")
	c.send("\r")
	c.expect("*TST?\r", "0")
}

func TestSCPIFaults(t *testing.T) {
	t.Parallel()
	s := newSCPI(t, Config{Seed: 3})
	address := serve(t, s)
	set := func(faults ...string) {
		t.Helper()
		var all []Fault
		for _, text := range faults {
			f, err := ParseFault(text)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, f)
		}
		if err := s.Faults.Set(all...); err != nil {
			t.Fatal(err)
		}
	}
	const whole = "Coda,Fake quantum controller,0,1.0\n"
	ask := func() string { // all that comes
		t.Helper()
		c := dial(t, address)
		c.send("*IDN?")
		answer, err := io.ReadAll(c.lines)
		if err != nil {
			t.Fatal(err)
		}
		return string(answer)
	}

	set("drop:*IDN?")
	if got := ask(); got != whole[:len(whole)/2] {
		t.Errorf("drop: %q", got)
	}
	set("drop:OUTP@1")
	c := dial(t, address)
	c.send("OUTP ON")
	if _, err := c.lines.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("drop without an answer: %v", err)
	}
	c = dial(t, address)
	c.expect("OUTP?", "1") // it was done all the same

	set("garbage@1")
	if got := c.ask("*IDN?"); got+"\n" == whole || len(got) != len(whole)-1 {
		t.Errorf("garbage: %q", got)
	}
	c.expect("*TST?", "0")

	set("silent@1")
	c.send("*IDN?")
	c.expect("*TST?", "0")

	set("half:*idn?", "delay=20ms:*TST?")
	before := time.Now()
	c.expect("*TST?", "0")
	if took := time.Since(before); took < 20*time.Millisecond {
		t.Errorf("delay: %v", took)
	}
	c.send("*IDN?")
	half := make([]byte, len(whole)/2)
	if _, err := io.ReadFull(c.lines, half); err != nil || string(half) != whole[:len(whole)/2] {
		t.Errorf("half: %q, %v", half, err)
	}
	c.send("*TST?") // the connection is deaf
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if b, err := c.lines.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after half an answer: %q, %v", b, err)
	}
	dial(t, address).expect("*TST?", "0")
}

// Serve ends with its context while a connection is in a delay, a wait and a
// silence, and says what is wrong with its listener.
func TestSCPIEnds(t *testing.T) {
	t.Parallel()
	s := newSCPI(t, Config{ShotTime: time.Hour, Faults: []Fault{{Kind: Delay, Delay: time.Hour, On: "*TST?"}, {Kind: Half, On: "*IDN?"}}})
	address := serve(t, s)
	dial(t, address).send("*TST?")
	dial(t, address).send("*IDN?")
	c := dial(t, address)
	c.expect("OUTP ON;SEQ:MEAS 0;:INIT;STAT?", "RUN")
	c.send("*OPC?")

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if err := newSCPI(t, Config{}).Serve(t.Context(), listener); err == nil {
		t.Error("a closed listener was served")
	}
}

func FuzzSCPILine(f *testing.F) {
	for _, line := range []string{"*IDN?", "SEQ:X90 3;CZ 0,1;:SHOT 5;OUTP ON", "SYST:ERR:NEXT?", `SEQ:RZ 2,1.57`, "FORM ASC;READ?", `X "a;b",'c'`} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if len(line) > 1000 {
			return
		}
		s, err := NewSCPI(Config{})
		if err != nil {
			t.Fatal(err)
		}
		s.shots = 3
		reply := s.message(t.Context(), line)
		if reply != nil && reply[len(reply)-1] != '\n' {
			t.Errorf("%q: %q has no end", line, reply)
		}
		for _, e := range s.Errors() {
			if strings.ContainsAny(e, "\n\r") || len(e) > 300 {
				t.Errorf("%q: error %q", line, e)
			}
		}
	})
}
