package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host"
)

// flaps is how often the tunnel is lost in TestFlaps; CODA_FLAPS sets it.
func flaps(t *testing.T) int {
	t.Helper()
	text := os.Getenv("CODA_FLAPS")
	switch {
	case text == "" && testing.Short():
		return 8
	case text == "":
		return 30
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("CODA_FLAPS: %v", err)
	}
	return n
}

// The tunnel comes and goes under a node that works: no job is lost, and nothing
// is left of any of the tunnels.
func TestFlaps(t *testing.T) {
	t.Parallel()
	l := newSite(t)
	node := l.provisioned()
	l.completed(l.submit(1)...)
	before := holdings(t, node)

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var jobs []string
	for range flaps(t) {
		l.until("up", func(r host.Readiness) bool { return r.VPNState == "ready" })
		began := time.Now()
		jobs = append(jobs, l.submit(1+random.IntN(5))...)
		time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond) // a random moment
		switch what := random.IntN(4); what {
		case 0, 1: // it may be gone by itself: then that was the flap
			if link, err := l.near.Netlink.LinkByName("tun0"); err == nil && what == 0 {
				_ = l.near.Netlink.LinkDel(link)
			} else if err == nil {
				_ = l.near.Netlink.LinkSetDown(link)
			}
		case 2:
			_ = syscall.Kill(l.openvpn().PID, syscall.SIGKILL)
		case 3: // a connection that OpenVPN itself takes for broken
			_ = syscall.Kill(l.openvpn().PID, syscall.SIGUSR1)
		}
		l.lost(began)
	}
	l.untilReady()
	l.completed(jobs...)
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		stats, err := l.cloud.Stats(t.Context())
		if err == nil && stats.Pending == 0 {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("%+v, %v", stats, err)
		}
	}

	// What a node holds goes up and down by itself: connections to Redis are kept.
	// What each flap left would be many times as much.
	const leeway = 16
	var after held
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(100 * time.Millisecond) {
		if after = holdings(t, node); after.files <= before.files+leeway && after.children <= before.children {
			break
		}
	}
	if after.files > before.files+leeway || after.children > before.children {
		t.Errorf("before the flaps the node had %+v, and after them %+v", before, after)
	}
	many := goroutines(t, node)
	fresh := l.start(nil)
	fresh.waitFor(t, "the node takes jobs")
	l.completed(l.submit(1)...)
	few := goroutines(t, fresh)
	t.Logf("%d flaps, %d jobs: %+v before, %+v after; %d goroutines, of a fresh node %d", flaps(t), len(jobs), before, after, many, few)
	if many > few+8 { // work in hand comes and goes
		t.Errorf("%d goroutines after the flaps, %d in a fresh node", many, few)
	}
}

// held is what the system knows of a process.
type held struct{ files, children int }

func holdings(t *testing.T, p *process) held {
	t.Helper()
	proc := fmt.Sprintf("/proc/%d", p.cmd.Process.Pid)
	files, err := os.ReadDir(proc + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	h := held{files: len(files)}
	tasks, err := filepath.Glob(proc + "/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err == nil { // else the thread ended
			h.children += len(strings.Fields(string(text)))
		}
	}
	return h
}

// goroutines ends a node so that it shows them. Those of connections to the cloud are
// not counted: as many are kept as were used at once.
func goroutines(t *testing.T, p *process) int {
	t.Helper()
	p.signal(t, syscall.SIGQUIT)
	<-p.ended
	n := 0
	for _, line := range p.stderr {
		switch {
		case strings.HasPrefix(line, "goroutine "):
			n++
		case strings.HasPrefix(line, "created by net/http.(*Transport).dialConn"):
			n--
		}
	}
	if n <= 0 {
		t.Fatal("the node did not show its goroutines")
	}
	return n
}
