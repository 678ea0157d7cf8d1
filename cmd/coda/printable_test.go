package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"Bell pair, ψ⁺ 量子", "Bell pair, ψ⁺ 量子"},
		{"it's \"so\" \\ so", "it's \"so\" \\ so"},
		{"\x1b[2Jgone", `\x1b[2Jgone`},
		{"a\rb\nc\td\x00\x7f", `a\rb\nc\td\x00\x7f`},
		{"\u009b31m", `\u009b31m`},
		{"\u202egnp.exe", `\u202egnp.exe`},
		{"cut \xe2\x82 \xff", `cut \xe2\x82 \xff`},
		{"�", "�"}, // a real one is no broken byte
	} {
		if got := printable(tt.text); got != tt.want {
			t.Errorf("%q is shown as %q, want %q", tt.text, got, tt.want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("\x1b]0;title\a")
	f.Add("\xc2\x9b")
	f.Fuzz(func(t *testing.T, text string) {
		shown := printable(text)
		if !utf8.ValidString(shown) || strings.ContainsFunc(shown, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
			t.Errorf("%q is shown as %q", text, shown)
		}
		if printable(shown) != shown {
			t.Errorf("%q changes again", shown)
		}
	})
}

// Whatever way text takes to a terminal, no escape sequence of its arrives.
func TestTerminalIsSafe(t *testing.T) {
	t.Parallel()
	const evil = "evil\x1b[31m\r\u009b1m\xff"
	const shown = `evil\x1b[31m\r\u009b1m\xff`
	for name, show := range map[string]func(*cli){
		"complaint": func(c *cli) { c.complain("%s", evil) },
		"error":     func(c *cli) { c.printError(misused(c.rootCommand(), "%s", evil)) },
		"banner":    func(c *cli) { c.stdout.banner("DEV", [][2]string{{"DEVICE", evil}}) },
		"finding":   func(c *cli) { c.showFinding(host.Finding{Check: "x", What: evil, Do: evil}) },
		"queued":    func(c *cli) { _ = c.showQueued([]job{{source: source{id: evil}, id: evil}}, false) },
		"result": func(c *cli) {
			c.showResult(&result{title: evil, device: evil, shots: 1, counts: map[string]uint64{evil: 1}})
		},
		"inspection": func(c *cli) {
			c.showInspection(&inspection{
				Ref:       evil,
				Languages: []tool{{evil, evil}}, Tools: []tool{{evil, ""}}, Go: &goProgram{evil, evil},
				Exports: []export{{Name: evil}}, Imports: []imported{{Module: evil, Name: evil}},
				Device: &abi.Device{Name: evil},
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			s := &screen{w: &out, width: 80}
			show(&cli{name: "coda", stdout: s, stderr: s})
			if got := out.String(); !utf8.ValidString(got) || strings.ContainsAny(got, "\x1b\r\u009b") || !strings.Contains(got, shown) {
				t.Errorf("shown: %q", got)
			}
		})
	}
}

// A message of several lines cannot look like several messages.
func TestLinesOfAMessage(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := &cli{name: "coda", stderr: &screen{w: &out}}
	c.complain("it broke: %s", "Traceback:\r\n  line 1\ncoda: all is well\n")
	if got, want := out.String(), "coda: it broke: Traceback:\n  line 1\n  coda: all is well\n"; got != want {
		t.Errorf("shown: %q, want %q", got, want)
	}
}
