//go:build unix

package executor_test

import (
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/testkit/fakeguest"
)

// A guest that writes without end fills no log: so many lines a second are kept, and
// what was not kept is counted.
func TestAFloodOfLogLines(t *testing.T) {
	t.Parallel()
	t.Run("", func(t *testing.T) { t.Parallel(); flood(t, 100_000, nil) })
	t.Run("on a tape", func(t *testing.T) {
		t.Parallel()
		flood(t, 10_000, func(d effect.Door) (effect.Door, error) { return d, nil })
	})
}

func flood(t *testing.T, lines int, tape func(effect.Door) (effect.Door, error)) {
	const kept = 50
	var out safeBuffer
	e := open(t, executor.Config{
		Limits: executor.Limits{LogLines: kept}, Tape: tape,
		Log: slog.New(slog.NewTextHandler(&out, nil)),
		Wasm: fakeguest.Assemble(t, map[string]string{
			"imports": logImport,
			"exports": `(global $n (mut i32) (i32.const 0))`,
			"bad": `(global.set $n (i32.const ` + strconv.Itoa(lines) + `))
				(loop $more (call $log (i32.const 1) (i32.const 100) (i32.const 4))
				(global.set $n (i32.sub (global.get $n) (i32.const 1))) (br_if $more (global.get $n)))`,
		}),
	})
	began := time.Now()
	if _, err := e.Run(t.Context(), job(13)); err != nil {
		t.Fatal(err)
	}
	seconds := time.Since(began).Seconds()
	got := strings.Count(out.String(), "msg=fake ")
	if got < kept || float64(got) > kept*(seconds+1)+1 {
		t.Errorf("%d lines were kept in %.1f s, of %d a second", got, seconds, kept)
	}
	told := regexp.MustCompile(`level=WARN msg="(\d+) lines of \d+ bytes were logged too fast and not kept \(limits.log_lines = 50 and limits.log_bytes = \d+ bytes a second\)"`).
		FindAllStringSubmatch(out.String(), -1)
	lost := 0
	for _, line := range told {
		n, _ := strconv.Atoi(line[1])
		lost += n
	}
	if got+lost != lines || len(told) == 0 || float64(len(told)) > seconds+2 {
		t.Errorf("%d lines were kept, and %d are told of in %d lines", got, lost, len(told))
	}
	if total := strings.Count(out.String(), "\n"); total != got+len(told) {
		t.Errorf("the log has %d lines", total)
	}
	good(t, e) // by then it is known what the job before it took
	if u := e.Usage(); u.LostLines != uint64(lost) {
		t.Errorf("the usage tells of %d lines", u.LostLines)
	}
}

// What steers a terminal arrives spelt out, in the log and in what a job fails with.
func TestNoGuestSteersATerminal(t *testing.T) {
	t.Parallel()
	const bad = `\1b[31m\1b]0;x\07\c2\9b1m\0d\e2\80\ae`
	var out safeBuffer
	e := open(t, executor.Config{
		Log: slog.New(slog.NewTextHandler(&out, nil)),
		Wasm: fakeguest.Assemble(t, map[string]string{
			"imports": logImport + writeImport,
			"exports": `(data (i32.const 320) "` + bad + `\0a") (data (i32.const 360) "\40\01\00\00\14\00\00\00")`,
			"bad": `(call $log (i32.const 3) (i32.const 320) (i32.const 19))
				(drop (call $write (i32.const 2) (i32.const 360) (i32.const 1) (i32.const 380)))` +
				strings.ReplaceAll(strings.ReplaceAll(unavailable, "(i32.const 100)", "(i32.const 320)"), "(i32.const 4))", "(i32.const 19))"),
		}),
	})
	_, err := e.Run(t.Context(), job(13))
	cause(t, err, fault.Unavailable, `\x1b[31m\x1b]0;x\a\u009b1m\r`)
	for _, text := range []string{err.Error(), out.String()} {
		if strings.ContainsAny(text, "\x1b\x07\u009b\r\u202e") {
			t.Errorf("it has %q", text)
		}
	}
	if n := strings.Count(out.String(), "31m"); n != 2 {
		t.Errorf("the log has it %d times: %q", n, out.String())
	}
}
