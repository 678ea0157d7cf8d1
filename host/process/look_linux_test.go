package process

import (
	"os"
	"strings"
	"testing"
)

func TestStartTime(t *testing.T) {
	t.Parallel()
	rest := " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 98765 20 21\n"
	for stat, want := range map[string]string{
		"12 (coda)" + rest:                  "98765",
		"12 (a program (of 22) ) 1)" + rest: "98765",
		"12 (coda) S 1 2":                   "",
		"":                                  "",
	} {
		if got, err := startTime([]byte(stat)); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", stat, got, err)
		}
	}
}

func TestEffectiveUser(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status string
		want   int
		ok     bool
	}{
		{"Name:\tUid:\nUid:\t1\t2\t3\t4\n", 2, true},
		{"Uid:\t1\n", 0, false},
		{"Uid:\tx\ty\n", 0, false},
		{"", 0, false},
	} {
		if got, err := effectiveUser([]byte(tt.status)); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%q: %d, %v", tt.status, got, err)
		}
	}
	p, err := look(os.Getpid())
	if err != nil || p.uid != os.Geteuid() || strings.TrimLeft(p.start, "0123456789") != "" || p.start == "" {
		t.Errorf("this process: %+v, %v", p, err)
	}
}
