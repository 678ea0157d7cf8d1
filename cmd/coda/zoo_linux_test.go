package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/testkit/redistest"
	"github.com/conductorquantum/coda/host/testkit/zoo"
)

const zooDir = "../../host/executor/testdata/zoo"

// TestZoo boots a node with one guest of the zoo after the other: what its first
// lines say must happen is what the cloud is told, /ready answers all the while, the
// good job after it is right, and the node is then as it was. It takes every third
// guest, or all where CODA_ZOO is set.
func TestZooNodes(t *testing.T) {
	t.Parallel()
	guests := zooGuests(t)
	var mu sync.Mutex
	next := func() *zoo.Guest {
		mu.Lock()
		defer mu.Unlock()
		if len(guests) == 0 {
			return nil
		}
		g := guests[0]
		guests = guests[1:]
		return g
	}
	for i := range 2 { // nodes side by side, each of which is given another executor again and again
		t.Run("node "+strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			c := newCage(t)
			for g := next(); g != nil; g = next() {
				t.Run(g.Name, func(t *testing.T) { c.visit(t, g) })
			}
			slices.SortFunc(c.answers, func(a, b answer) int { return int(b.took - a.took) })
			slices.SortFunc(c.grown, func(a, b growth) int { return b.after*1000/b.before - a.after*1000/a.before })
			if len(c.answers) > 0 {
				t.Logf("of %d answers of /ready the slowest took %v, one in 100 %v, half %v; %d took more than 100 ms",
					len(c.answers), c.answers[:min(3, len(c.answers))], c.answers[len(c.answers)/100].took, c.answers[len(c.answers)/2].took,
					slices.IndexFunc(append(c.answers, answer{}), func(a answer) bool { return a.took <= 100*time.Millisecond }))
			}
			t.Logf("memory before and after, in KiB, where it grew most: %v", c.grown[:min(5, len(c.grown))])
		})
	}
}

// zooGuests are those that a node is given.
func zooGuests(t *testing.T) (some []*zoo.Guest) {
	t.Helper()
	all := slices.DeleteFunc(zoo.Read(t, zooDir), func(g *zoo.Guest) bool {
		return g.Grants || g.Cancel > 0 // for the hardware of a test, and no cloud cancels a job
	})
	step := 3
	if os.Getenv("CODA_ZOO") != "" {
		step = 1
	}
	for i := 0; i < len(all); i += step {
		some = append(some, all[i])
	}
	return some
}

// TestZooUnderLoad: one node runs good jobs while another on the machine runs the zoo.
// The results stay right; how long they take, beside the zoo and without it, is logged.
func TestZooUnderLoad(t *testing.T) {
	t.Parallel()
	good := newCage(t)
	good.startWith(t, "statevector").waitFor(t, "the node takes jobs")
	var alone, beside []time.Duration
	const jobs = 200
	over := make(chan struct{})
	close(over)
	for range 2 { // what is new is slow
		var err error
		if alone, err = good.times(t, jobs, over); err != nil {
			t.Fatal(err)
		}
	}

	var guests []*zoo.Guest
	for i, g := range zooGuests(t) {
		if i%3 == 0 {
			guests = append(guests, g)
		}
	}
	bad, ended := newCage(t), make(chan error, 1)
	over = make(chan struct{})
	go func() {
		var err error
		beside, err = good.times(t, jobs, over)
		ended <- err
	}()
	for _, g := range guests {
		if node := bad.start(t, g); g.Must.At == zoo.Run {
			node.waitFor(t, "the node takes jobs")
			bad.misbehave(t, g)
			node.signal(t, syscall.SIGTERM)
			node.exits(t, exitOK)
		} else {
			node.exits(t, exitStart)
		}
	}
	close(over)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	percentile := func(all []time.Duration, p int) time.Duration { return all[(len(all)-1)*p/100] }
	for i, all := range [][]time.Duration{alone, beside} {
		slices.Sort(all)
		t.Logf("%s, of %d jobs: half took %v, p99 %v, the slowest %v",
			[]string{"alone", "beside the zoo"}[i], len(all), percentile(all, 50), percentile(all, 99), all[len(all)-1])
	}
	t.Logf("p99 is %.1f times what it was alone, beside %d guests", float64(percentile(beside, 99))/float64(percentile(alone, 99)), len(guests))
}

// zooCage is a place for a node that is started with many executors.
type zooCage struct {
	cloud   *devcloud.Cloud
	dir     string
	env     []string
	port    string
	answers []answer
	grown   []growth
}

// answer is how long an answer of /ready took.
type answer struct {
	guest string
	took  time.Duration
}

func (a answer) String() string { return a.guest + " " + a.took.String() }

// growth is a node's memory before and after what a guest did.
type growth struct {
	guest         string
	before, after int
}

func newCage(t *testing.T) *zooCage {
	t.Helper()
	cloud, err := devcloud.New(devcloud.Config{RedisURL: redistest.Start(t), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	url, err := cloud.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &zooCage{cloud: cloud, dir: t.TempDir(), port: freePort(t)}
	c.env = []string{
		"CODA_WEBAPP_URL=" + url, "CODA_VPN_REQUIRED=false", "CODA_STATE_DIR=" + filepath.Join(c.dir, "state"),
		"CODA_HOST=127.0.0.1", "CODA_PORT=" + c.port,
	}
	return c
}

// start starts the node with a guest.
func (c *zooCage) start(t *testing.T, g *zoo.Guest) *process {
	t.Helper()
	wasm, device := filepath.Join(c.dir, g.Name+".wasm"), filepath.Join(c.dir, g.Name+".toml")
	for file, content := range map[string][]byte{wasm: g.Wasm(t), device: []byte(g.Device)} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c.startWith(t, wasm, "--device", device)
}

func (c *zooCage) startWith(t *testing.T, executor string, more ...string) *process {
	t.Helper()
	args := append([]string{"start", "--executor", executor}, more...)
	if _, err := os.Stat(filepath.Join(c.dir, "state", "coda.config")); err != nil {
		args = append(args, "--token", c.cloud.Token())
	}
	return launch(t, c.dir, c.env, args...)
}

func (c *zooCage) visit(t *testing.T, g *zoo.Guest) {
	node := c.start(t, g)
	pid := node.cmd.Process.Pid
	if g.Must.At != zoo.Run {
		node.exits(t, exitStart)
		words := g.Must.Cause.String() + ": "
		if said := strings.Join(node.stderr, "\n"); !strings.Contains(said, words) || !strings.Contains(said, g.Must.Words) {
			t.Errorf("the node lacks %s%s:\n%.4000s", words, g.Must.Words, said)
		}
		if left := childrenOf(t, pid); len(left) > 0 {
			t.Errorf("the processes %v are left", left)
		}
		return
	}
	node.waitFor(t, "the node takes jobs")
	c.answersWell(t, zoo.GoodQubits)
	c.answersWell(t, zoo.GoodQubits)
	before := c.settled(t, pid)

	stop := c.poll(t, g)
	c.misbehave(t, g)
	stop()

	after := c.settled(t, pid)
	// Connections to Redis and to the cloud stand by for the next job, some more than before.
	if len(after.children) != 1 || after.files > before.files || after.sockets > before.sockets+6 || after.threads > before.threads+8 {
		t.Errorf("the node was %+v and is %+v", before, after)
	}
	if after.memory > 2*before.memory+64<<10 {
		t.Errorf("the node had %d KiB and has %d", before.memory, after.memory)
	}
	c.grown = append(c.grown, growth{g.Name, before.memory, after.memory})

	node.signal(t, syscall.SIGTERM)
	node.exits(t, exitOK)
	for _, child := range append(before.children, after.children...) {
		if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", child)); err == nil {
			if parent, err := parentOf(child); err == nil && parent == 1 {
				t.Errorf("the process %d, %s, outlives its node", child, name)
			}
		}
	}
	stats, err := c.cloud.Stats(t.Context())
	if err != nil || stats.Pending != 0 || stats.Duplicates+stats.Contradictions+stats.SignatureFailures+stats.Malformed != 0 {
		t.Errorf("stats %+v, %v", stats, err)
	}
}

// misbehave gives a guest bad jobs and good ones.
func (c *zooCage) misbehave(t *testing.T, g *zoo.Guest) {
	t.Helper()
	for range 2 {
		if g.Must.Right {
			c.answersWell(t, zoo.BadQubits)
		} else if got := c.run(t, zoo.BadQubits); got.Status != "failed" || !strings.Contains(got.Error, g.Must.Cause.String()+": ") || !strings.Contains(got.Error, cloudWords(g)) {
			t.Errorf("the cloud is told %+v, not %s with %q", got, g.Must.Cause, g.Must.Words)
		}
		c.answersWell(t, zoo.GoodQubits)
	}
}

// cloudWords are the words of a guest's end as far as the cloud keeps them.
func cloudWords(g *zoo.Guest) string {
	if g.Name == "failure-long" {
		return "aaaa"
	}
	return g.Must.Words
}

type zooResult struct {
	Status string            `json:"status"`
	Error  string            `json:"error"`
	Counts map[string]uint64 `json:"counts"`
}

// run sends a job of n qubits through the cloud.
func (c *zooCage) run(t *testing.T, n uint16) (r zooResult) {
	t.Helper()
	ids, err := c.cloud.Submit(t.Context(), devcloud.Job{IRText: string(zoo.Circuit(n).AppendIR(nil)), Shots: 100})
	if err != nil {
		t.Fatal(err)
	}
	body, err := c.cloud.Wait(t.Context(), ids[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// times runs a job after the other, at least so many and until over is closed, and
// returns how long each took. It is of a state vector that has one outcome.
func (c *zooCage) times(t *testing.T, jobs int, over <-chan struct{}) (took []time.Duration, err error) {
	circuit := zoo.Circuit(10)
	for i := range circuit.Operations {
		circuit.Operations[i].Param = math.Pi
	}
	job := devcloud.Job{IRText: string(circuit.AppendIR(nil)), Shots: 100}
	for {
		if len(took) >= jobs {
			select {
			case <-over:
				return took, nil
			default:
			}
		}
		began := time.Now()
		ids, err := c.cloud.Submit(t.Context(), job)
		if err != nil {
			return nil, err
		}
		body, err := c.cloud.Wait(t.Context(), ids[0])
		if err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
		var r zooResult
		if err := json.Unmarshal(body, &r); err != nil || r.Counts["1111111111"] != 100 {
			return nil, fmt.Errorf("a good job gives %s, %w", body, err)
		}
	}
}

func (c *zooCage) answersWell(t *testing.T, n uint16) {
	t.Helper()
	if got := c.run(t, n); got.Counts[strings.Repeat("0", int(n))] != 100 {
		t.Fatalf("a job that must give a right result gives %+v", got)
	}
}

// poll asks /ready all the time, until stop is called.
func (c *zooCage) poll(t *testing.T, g *zoo.Guest) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	// What counts as quick is 100 ms, which is logged: a machine that is busy is slow.
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
			began := time.Now()
			response, err := client.Get("http://127.0.0.1:" + c.port + "/ready")
			if err != nil {
				t.Errorf("/ready: %v", err)
				return
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			took := time.Since(began)
			c.answers = append(c.answers, answer{g.Name, took})
			// Only while its hardware is brought to rest is a node not ready.
			if response.StatusCode != http.StatusOK && !strings.HasPrefix(g.Name, "safe-") {
				t.Errorf("/ready answers %d", response.StatusCode)
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// condition is what a node takes of its machine.
type condition struct {
	children       []int
	files, sockets int // that are open
	threads        int
	memory         int // KiB, resident
}

// settled waits until a node does nothing and is not shrinking.
func (c *zooCage) settled(t *testing.T, pid int) (now condition) {
	t.Helper()
	for quiet, began := 0, time.Now(); quiet < 10 && time.Since(began) < 10*time.Second; time.Sleep(10 * time.Millisecond) {
		last := now
		now = conditionOf(t, pid)
		if len(now.children) == 1 && now.files == last.files && now.sockets == last.sockets && now.memory >= last.memory {
			quiet++
		} else {
			quiet = 0
		}
	}
	return now
}

func conditionOf(t *testing.T, pid int) (c condition) {
	t.Helper()
	proc := "/proc/" + strconv.Itoa(pid)
	c.children = childrenOf(t, pid)
	fds, err := os.ReadDir(proc + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, _ := os.Readlink(proc + "/fd/" + fd.Name()); strings.HasPrefix(to, "socket:") {
			c.sockets++
		} else {
			c.files++
		}
	}
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 {
			switch fields[0] {
			case "VmRSS:":
				c.memory, _ = strconv.Atoi(fields[1])
			case "Threads:":
				c.threads, _ = strconv.Atoi(fields[1])
			}
		}
	}
	return c
}

// childrenOf lists the processes that a process has started.
func childrenOf(t *testing.T, pid int) (pids []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if parent, err := parentOf(child); err == nil && parent == pid {
			pids = append(pids, child)
		}
	}
	return pids
}

// parentOf is the parent of a process that runs.
func parentOf(pid int) (int, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 2 || fields[0] == "Z" {
		return 0, os.ErrNotExist
	}
	return strconv.Atoi(fields[1])
}
