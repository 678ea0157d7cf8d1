package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/devcloud"
)

// chaosJobs is how many jobs TestChaos has; CODA_CHAOS sets it, as make chaos does.
func chaosJobs(t *testing.T) (n int, large bool) {
	t.Helper()
	text := os.Getenv("CODA_CHAOS")
	switch {
	case text == "" && testing.Short():
		return 300, false
	case text == "":
		return 1000, false
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("CODA_CHAOS: %v", err)
	}
	return n, true
}

// Two nodes share a stream while both are killed again and again, Redis restarts,
// and a fifth of the webhooks fail. Every job still has one body at the cloud, and
// is executed again only where an execution, or its outcome, died with a node.
func TestChaos(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	jobs, large := chaosJobs(t)
	kills, restarts := max(5, jobs/400), max(2, jobs/2000)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	p := newPair(t, self, nil)
	slow := 3 * time.Second
	if large {
		slow = 40 * time.Second // longer than a node waits
	}
	for i, fault := range []devcloud.Fault{
		{Share: 0.07, Status: 503},
		{Share: 0.06, Status: 429, RetryAfter: "2"},
		{Share: 0.06, Taken: true, Reset: true},
		{Share: 0.02, Taken: true, Delay: slow, Status: 504},
	} {
		fault.Endpoint, fault.Seed = "webhook", seed+uint64(i)
		if _, err := p.cloud.Fault(fault); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	ids := p.submit(jobs, "dice")
	nodes := [2]*process{p.start(p.nodes[0]), p.start(p.nodes[1])}
	killed := map[*process]bool{}

	// What happens is spread over the work: each at its share of the jobs.
	happens := make([]bool, kills+restarts) // true: Redis restarts
	for i := range restarts {
		happens[i] = true
	}
	random.Shuffle(len(happens), func(i, j int) { happens[i], happens[j] = happens[j], happens[i] })
	for i, redis := range happens {
		for p.reached() < jobs*i/len(happens) {
			time.Sleep(time.Millisecond)
		}
		if redis {
			p.server.Restart(t)
			continue
		}
		victim := random.IntN(2)
		nodes[victim].waitFor(t, "the node takes jobs")
		time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond) // a random moment
		p.kill(nodes[victim])
		killed[nodes[victim]] = true
		nodes[victim] = p.start(p.nodes[victim])
	}
	faults := p.cloud.Faults()
	if !large { // so that nothing waits for its sixth try
		p.cloud.Mend()
	}
	for {
		stats, err := p.cloud.Stats(t.Context())
		if err == nil && stats.Delivered == jobs && stats.Pending == 0 {
			break
		}
		if large {
			faults = p.cloud.Faults()
		}
		if time.Since(began) > 9*time.Minute {
			t.Fatalf("after %s: %+v, %v", time.Since(began), stats, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	took := time.Since(began)
	for _, node := range nodes {
		node.waitFor(t, "the node takes jobs")
		p.stop(node)
	}
	p.ended(jobs)

	times := p.executed(t, killed)
	spread := map[int]int{}
	for _, id := range ids {
		spread[len(times[id])]++
		if n := len(times[id]); n < 1 || n > 3 {
			t.Errorf("job %s was executed %d times", id, n)
		}
		if first := p.postsOf(id); len(times[id]) > 0 && len(first) > 0 && times[id][len(times[id])-1].After(first[0].at) {
			t.Errorf("job %s was executed at %v, after its outcome was posted at %v", id, times[id], first[0].at)
		}
	}
	stats, err := p.cloud.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	line := func(what string, n any) { fmt.Fprintf(&table, "\n%-36s %v", what, n) }
	line("jobs", jobs)
	line("jobs with exactly one body", stats.Delivered)
	line("lost", jobs-stats.Delivered)
	line("contradictions", stats.Contradictions)
	line("failed", stats.Failed)
	line("the same body again", stats.Duplicates)
	line("nodes killed", len(killed))
	line("Redis restarted", restarts)
	hits, posts := 0, 0
	for _, f := range faults {
		hits += f.Hits
	}
	for _, id := range ids {
		posts += len(p.postsOf(id))
	}
	line("webhooks", posts)
	line("of them failed on purpose", hits)
	for _, n := range []int{1, 2, 3} {
		line(fmt.Sprintf("jobs executed %d times", n), spread[n])
	}
	line("seconds", fmt.Sprintf("%.1f", took.Seconds()))
	t.Log(table.String())
	if len(killed) != kills || hits == 0 {
		t.Errorf("%d nodes were killed, want %d, and %d webhooks failed", len(killed), kills, hits)
	}
}

// reached is how many jobs have got as far as the cloud.
func (p *pair) reached() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.posts)
}

// 2026-01-31T12:00:00.000Z ... job=...
var started = regexp.MustCompile(`^time=(\S+) .*msg="the backend rolls dice".* job=(\S+)`)

// executed lists when each job was started, in order. Of the executions of one job
// all but one were by nodes that were killed.
func (p *pair) executed(t *testing.T, killed map[*process]bool) map[string][]time.Time {
	t.Helper()
	times, alive := map[string][]time.Time{}, map[string]int{}
	for _, m := range p.nodes {
		for _, run := range m.runs {
			run.mu.Lock()
			for _, line := range run.stderr {
				found := started.FindStringSubmatch(line)
				if found == nil {
					continue
				}
				at, err := time.Parse(time.RFC3339Nano, found[1])
				if err != nil {
					t.Fatal(err)
				}
				times[found[2]] = append(times[found[2]], at)
				if !killed[run] {
					alive[found[2]]++
				}
			}
			run.mu.Unlock()
		}
	}
	for job, at := range times {
		slices.SortFunc(at, time.Time.Compare)
		if alive[job] > 1 {
			t.Errorf("job %s was executed %d times by nodes that lived on", job, alive[job])
		}
	}
	return times
}
