package process

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
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

func TestADeadProcessIsNone(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]bool{
		"Name:\tx\nState:\tZ (zombie)\nThreads:\t1\n":   true,
		"Name:\tx\nState:\tX (dead)\nThreads:\t1\n":     true,
		"Name:\tx\nState:\tZ (zombie)\nThreads:\t2\n":   false, // only its first thread has ended
		"Name:\tx\nState:\tS (sleeping)\nThreads:\t1\n": false,
		"Name:\tZ\nThreads:\t1\n":                       false,
		"State:\n":                                      false,
		"":                                              false,
	} {
		if isDead([]byte(status)) != want {
			t.Errorf("%q: dead %t", status, !want)
		}
	}

	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	id := Of(cmd.Process.Pid)
	if doubt, _ := id.Doubt(os.Geteuid()); id.Start == "" || id.Ended() || doubt != "" {
		t.Errorf("it runs: %+v, %s", id, doubt)
	}
	other, another := id, id
	other.Boot, another.Start = "another", "1"+id.Start
	if !other.Ended() || !another.Ended() {
		t.Error("others run")
	}
	in.Close()
	for deadline := time.Now().Add(time.Minute); !id.Ended(); time.Sleep(time.Millisecond) { // nobody has asked how
		if time.Now().After(deadline) {
			t.Fatal("it has not ended")
		}
	}
	if doubt, final := id.Doubt(os.Geteuid()); !strings.Contains(doubt, "cannot be seen") || final {
		t.Errorf("it is dead, and %q", doubt)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if !id.Ended() {
		t.Error("it is there again")
	}
}
