//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/testkit/goguest"
)

// hardware sends back each line that it gets, unless it is off.
type hardware struct {
	mu    sync.Mutex
	more  sync.Cond
	off   bool
	lines []string
}

func newHardware(t *testing.T) (*hardware, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	h := &hardware{}
	h.more.L = &h.mu
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go h.serve(conn)
		}
	}()
	return h, listener.Addr().String()
}

func (h *hardware) serve(conn net.Conn) {
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		h.mu.Lock()
		off := h.off
		if off {
			h.lines = append(h.lines, "("+lines.Text()+")")
		} else {
			h.lines = append(h.lines, lines.Text())
		}
		h.more.Broadcast()
		h.mu.Unlock()
		if off {
			return
		}
		_, _ = fmt.Fprintln(conn, lines.Text()) // whoever asked may be gone
	}
}

// turn switches it, and forgets what it was told.
func (h *hardware) turn(off bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.off, h.lines = off, nil
}

// wait waits until it was told n lines, and returns them.
func (h *hardware) wait(n int) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.lines) < n {
		h.more.Wait()
	}
	return append([]string(nil), h.lines...)
}

// ask submits a circuit, and returns the job's id.
func (l *lab) ask(t *testing.T, circuit string) string {
	t.Helper()
	ir, err := os.ReadFile(filepath.Join(l.dir, circuit+".json"))
	if err != nil {
		t.Fatal(err)
	}
	ids, err := l.cloud.Submit(t.Context(), devcloud.Job{IR: ir, Shots: 10})
	if err != nil {
		t.Fatal(err)
	}
	return ids[0]
}

// A node whose job was killed takes no other before the hardware is at rest: by itself,
// because it was asked, or on an operator's word. It is brought to rest before anything
// else, after a node that was killed too, and once at the end.
func TestMakeSafeOfANodeThatRuns(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	h, address := newHardware(t)
	for name, content := range map[string]string{
		"rig.wasm":        string(goguest.Build(t, "testdata/rig")),
		"calibration.txt": "4.7 GHz",
		"device.toml": "executor = \"rig.wasm\"\n[files]\ncalibration = \"calibration.txt\"\n[limits]\njob_time = \"2s\"\n" +
			"[endpoints.echo]\nurl = \"tcp://" + address + "\"\n",
		"measure.json": circuitNamed("measure"), "poll.json": circuitNamed("poll"),
	} {
		if err := os.WriteFile(filepath.Join(l.dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l.env = append(l.env, "CODA_NODE_TOKEN="+l.cloud.Token(), "CODA_EXECUTOR=", "CODA_DEVICE_CONFIG="+filepath.Join(l.dir, "device.toml"))

	if _, messages := l.run(t, exitFailed, "make-safe"); !strings.HasPrefix(messages, "coda: ") {
		t.Errorf("without a node: %s", messages)
	}
	l.run(t, exitOK, "start", "--daemon")
	if got := h.wait(2); got[0] != "ABOR" || got[1] != "HELLO" {
		t.Errorf("at the start it is told %q", got)
	}
	if _, messages := l.run(t, exitFailed, "make-safe", "--cleared"); messages != "coda: device: nothing says that the hardware is not at rest" {
		t.Errorf("with nothing to clear: %s", messages)
	}
	if out, _ := l.run(t, exitOK, "make-safe"); out != "The hardware is at rest\n" {
		t.Errorf("at rest: %s", out)
	}
	if out, _ := l.run(t, exitOK, "status"); !strings.Contains(out, "HARDWARE      safe\n") || !strings.Contains(out, "ENDPOINTS     echo ") {
		t.Errorf("status says\n%s", out)
	}

	unsafe := func() string {
		h.turn(false)
		killed := l.ask(t, "poll")
		h.wait(1) // it runs
		h.turn(true)
		h.wait(1) // and was killed
		var status nodeStatus
		for status.Ready == nil || status.Ready.Device == nil || status.Ready.Device.Safe || strings.Contains(status.Ready.Device.Reason, "is being brought to rest") {
			out, _ := l.run(t, exitOK, "status", "--json")
			if err := json.Unmarshal([]byte(out), &status); err != nil {
				t.Fatalf("%s: %v", out, err)
			}
		}
		if d := status.Ready.Device; status.Ready.Ready || d.Since == nil || !strings.Contains(d.Reason, "executor rig: internal: EOF") ||
			status.Ready.Reason != "no jobs are taken: the hardware may not be at rest: "+d.Reason+"; see coda make-safe" {
			t.Errorf("/ready says %+v, of the hardware %+v", status.Ready, d)
		}
		if body, err := l.cloud.Wait(t.Context(), killed); err != nil || !strings.Contains(string(body), "limits.job_time = 2s; it was killed") {
			t.Errorf("the job that was killed gave %s, %v", body, err)
		}
		return l.ask(t, "measure")
	}
	measured := func(job string) {
		t.Helper()
		if body, err := l.cloud.Wait(t.Context(), job); err != nil || !strings.Contains(string(body), `"status":"completed"`) {
			t.Errorf("the job after it gave %s, %v", body, err)
		}
	}

	// It is asked for, at first in vain.
	second := unsafe()
	if _, messages := l.run(t, exitFailed, "make-safe"); !strings.HasPrefix(messages, "coda: device: executor rig: internal: EOF") {
		t.Errorf("in vain: %s", messages)
	}
	if out, _ := l.run(t, exitOK, "status"); !strings.Contains(out, "HARDWARE      may not be at rest since ") {
		t.Errorf("status says\n%s", out)
	}
	for _, line := range h.wait(1) {
		if line != "(ABOR)" {
			t.Errorf("meanwhile it is told %q", line)
		}
	}
	h.turn(false)
	if out, _ := l.run(t, exitOK, "make-safe"); out != "The hardware is at rest\n" {
		t.Errorf("it says %s", out)
	}
	measured(second)

	// An operator has seen to it.
	second = unsafe()
	h.turn(false)
	l.run(t, exitOK, "make-safe", "--cleared")
	measured(second)

	// It comes by itself.
	second = unsafe()
	h.turn(false)
	measured(second)

	// After a node that was killed, with nothing in hand.
	for {
		if stats, err := l.cloud.Stats(t.Context()); err != nil {
			t.Fatal(err)
		} else if stats.Pending == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.turn(false)
	if err := syscall.Kill(l.pid(t), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for l.pid(t) != 0 {
		time.Sleep(10 * time.Millisecond)
	}
	l.run(t, exitOK, "start", "--daemon")
	if got := h.wait(2); got[0] != "ABOR" || got[1] != "HELLO" {
		t.Errorf("after a node that was killed it is told %q", got)
	}

	// At the end, once.
	h.turn(false)
	l.run(t, exitOK, "stop")
	if got := h.wait(1); len(got) != 1 || got[0] != "ABOR" {
		t.Errorf("at the end it is told %q", got)
	}
	if stats, err := l.cloud.Stats(t.Context()); err != nil || stats.Pending != 0 || stats.Delivered != 6 {
		t.Errorf("the cloud has %+v, %v", stats, err)
	}
}
