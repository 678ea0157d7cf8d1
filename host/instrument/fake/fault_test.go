package fake

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseFault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Fault{
		"delay=200ms":   {Kind: Delay, Delay: 200 * time.Millisecond},
		"drop":          {Kind: Drop},
		"half:FETC?@1":  {Kind: Half, On: "FETC?", From: 1, To: 1},
		"garbage@2-4":   {Kind: Garbage, From: 2, To: 4},
		"silent@3-":     {Kind: Silent, From: 3},
		"silent@-3":     {Kind: Silent, To: 3},
		"drop@5%":       {Kind: Drop, Share: 0.05},
		"drop:SEQ:X90":  {Kind: Drop, On: "SEQ:X90"},
		"delay=1s:*@2":  {Kind: Delay, Delay: time.Second, On: "*", From: 2, To: 2},
		"drop:a=b@100%": {Kind: Drop, On: "a=b", Share: 1},
	} {
		if got, err := ParseFault(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                `fault "": "" is none of delay, drop, garbage, half and silent`,
		"burn":            `"burn" is none of`,
		"delay":           "a delay needs its time",
		"delay=-1s":       "a delay of -1s is none",
		"drop=1s":         `only a delay has a value, and "drop" has "1s"`,
		"drop@":           `"" is none of N, N-M, N-, -M and P%`,
		"drop@0":          "is none of N",
		"drop@-":          "is none of N",
		"drop@4-2":        "requests 4 to 2 are none",
		"drop@0%":         "is none of N",
		"drop@101%":       "is none of N",
		"drop@NaN%":       "is none of N",
		"drop@1-2-3":      "is none of N",
		"drop@9999999999": "is none of N",
	} {
		if _, err := ParseFault(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestFaultsMeet(t *testing.T) {
	t.Parallel()
	e, err := NewEcho(Config{Faults: []Fault{
		{Kind: Drop, On: "b", From: 2, To: 2}, {Kind: Half, From: 5},
		{Kind: Delay, Delay: 1, To: 1}, {Kind: Delay, Delay: 2, To: 2},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var met []string
	for _, request := range []string{"a", "b1", "B2", "b3", "c"} {
		met = append(met, e.Faults.meet(request).String())
	}
	if want := []string{"delay=3ns", "delay=2ns", "drop", "", "half"}; !slices.Equal(met, want) {
		t.Errorf("%q, want %q", met, want)
	}
	if err := e.Faults.Set(Fault{Kind: Silent, Share: 0.25}); err != nil {
		t.Fatal(err)
	}
	hits := 0
	for range 4000 {
		if e.Faults.meet("x").kind == Silent {
			hits++
		}
	}
	near(t, "hits", hits, 4000, 0.25)
	if err := e.Faults.Set(Fault{Kind: Silent}, Fault{Kind: Drop, Delay: 1}); err == nil {
		t.Error("a drop with a time was taken")
	}
}

func FuzzParseFault(f *testing.F) {
	for _, text := range []string{"delay=200ms", "half:FETC?@1", "drop@3-", "silent@5%", "garbage@-2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fault, err := ParseFault(text)
		if err == nil {
			if err := fault.check(); err != nil {
				t.Errorf("%q gave %+v: %v", text, fault, err)
			}
		}
	})
}

func TestEcho(t *testing.T) {
	t.Parallel()
	var seen []Request
	told := make(chan Request, 10)
	e, err := NewEcho(Config{Seen: func(r Request) { told <- r }})
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, serve(t, e))
	c.expect("hello\x00\xff", "hello\x00\xff")
	seen = append(seen, <-told)
	if want := `"hello\x00\xff\n"`; seen[0].Text != want || e.Requests()[0] != want {
		t.Errorf("%+v", seen)
	}

	if err := e.Faults.Set(Fault{Kind: Garbage, To: 1}, Fault{Kind: Half, From: 2}); err != nil {
		t.Fatal(err)
	}
	if got := c.ask("12345678"); got == "12345678" || len(got) != 8 {
		t.Errorf("garbage: %q", got)
	}
	c.send("1234567")
	half := make([]byte, 4)
	if _, err := io.ReadFull(c.lines, half); err != nil || string(half) != "1234" {
		t.Errorf("half: %q, %v", half, err)
	}
	c.send("nobody hears that")
	c.Close()
	d := dial(t, c.RemoteAddr().String())
	if err := e.Faults.Set(Fault{Kind: Drop}); err != nil {
		t.Fatal(err)
	}
	d.send("1234567")
	if rest, err := io.ReadAll(d.lines); err != nil || string(rest) != "1234" {
		t.Errorf("drop: %q, %v", rest, err)
	}
	if e.Total() != 4 {
		t.Errorf("%d requests: %q", e.Total(), e.Requests())
	}
	if _, ever := e.Connections(); ever != 2 {
		t.Errorf("%d connections", ever)
	}
}
