package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// What follows when a node was killed.
type aftermath string

const (
	restart      aftermath = "restart"       // of the same node
	takeover     aftermath = "takeover"      // by the other one; then the first comes back
	redisRestart aftermath = "redis restart" // and then of the node
	powerCut     aftermath = "power cut"     // what its outbox had not synced is gone
)

var aftermaths = []aftermath{restart, takeover, redisRestart, powerCut}

// tally is what may be counted.
type tally struct{ least, most int }

func exactly(n int) tally      { return tally{n, n} }
func (s tally) has(n int) bool { return s.least <= n && n <= s.most }
func (s tally) String() string {
	return strings.TrimSuffix(fmt.Sprintf("%d-%d", s.least, s.most), fmt.Sprintf("-%d", s.least))
}

// crashPoint is a moment of a job's life at which the node is killed.
type crashPoint struct {
	name string
	when string
	// executions are how often the guest starts, by both nodes and before and after;
	// charged how many of them were counted when the outcome was posted; posts how
	// often the cloud sees it.
	executions, charged, posts tally
	after                      map[aftermath]crashPoint // where it differs
}

var crashPoints = []crashPoint{
	{name: "C0", when: "before the read", executions: exactly(1), charged: exactly(1), posts: exactly(1)},
	{name: "C1", when: "assigned, the reply lost", executions: exactly(1), charged: exactly(1), posts: exactly(1)},
	{name: "C2", when: "read, not begun", executions: exactly(1), charged: exactly(1), posts: exactly(1)},
	{name: "C3", when: "attempt counted, D1", executions: exactly(1), charged: exactly(2), posts: exactly(1)},
	{name: "C4", when: "D1, guest started", executions: exactly(1), charged: exactly(2), posts: exactly(1)},
	{name: "C5", when: "during execution", executions: exactly(2), charged: exactly(2), posts: exactly(1)},
	{name: "C6", when: "guest ended, D2", executions: exactly(2), charged: exactly(2), posts: exactly(1)},
	// The decision may be published, and posted, while it is being committed.
	{name: "C7", when: "inside the D2 commit", executions: tally{1, 2}, charged: tally{1, 2}, posts: tally{1, 2}},
	{name: "C8", when: "D2, D3", executions: exactly(1), charged: exactly(1), posts: exactly(1),
		after: map[aftermath]crashPoint{takeover: {executions: exactly(2), charged: exactly(2), posts: exactly(1)}}},
	{name: "C9", when: "D3, POST", executions: exactly(1), charged: exactly(1), posts: exactly(1)},
	{name: "C10", when: "POST taken, answer lost", executions: exactly(1), charged: exactly(1), posts: exactly(2)},
	{name: "C11", when: "2xx, D4", executions: exactly(1), charged: exactly(1), posts: exactly(2)},
	{name: "C12", when: "D4, XACK", executions: exactly(1), charged: exactly(1), posts: exactly(1),
		after: map[aftermath]crashPoint{takeover: {executions: exactly(1), charged: exactly(1), posts: exactly(2)}}},
	{name: "C13", when: "XACK done, reply lost", executions: exactly(1), charged: exactly(1), posts: exactly(1)},
}

// matrix is what came of each cell.
type matrix struct {
	mu    sync.Mutex
	cells map[string]string
}

func cell(point string, a aftermath) string { return point + " " + string(a) }

// record keeps what came of a cell that was hit.
func (x *matrix) record(t *testing.T, cell, counted string) {
	if t.Failed() {
		counted += " WRONG"
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cells[cell] = counted
}

// print writes the table, and fails where a cell was not hit.
func (x *matrix) print(t *testing.T) {
	var table strings.Builder
	line := func(name, when string, text func(aftermath) string) {
		fmt.Fprintf(&table, "\n%-4s %-30s", name, when)
		for _, a := range aftermaths {
			fmt.Fprintf(&table, "  %-13s", text(a))
		}
	}
	line("", "", func(a aftermath) string { return string(a) })
	row := func(name, when string, has func(aftermath) bool) {
		line(name, when, func(a aftermath) string {
			counted, hit := x.cells[cell(name, a)]
			switch {
			case !has(a):
				return "-"
			case !hit:
				t.Errorf("%s was not hit, or not survived", cell(name, a))
				return "NOT HIT"
			}
			return counted
		})
	}
	for _, c := range crashPoints {
		row(c.name, c.when, func(aftermath) bool { return true })
	}
	for _, f := range crashForms {
		row(f.name, f.when, func(a aftermath) bool { return slices.Contains(f.after, a) })
	}
	t.Logf("killed between, and then: executions/charged/posts%s", table.String())
}

// A node is killed at every point of a job's life, and each time the job goes on
// in every way in which it can: see the table that this prints.
func TestCrashPoints(t *testing.T) {
	t.Parallel()
	program := mortalProgram(t)
	x := &matrix{cells: map[string]string{}}
	t.Cleanup(func() { x.print(t) })
	for _, c := range crashPoints {
		for _, a := range aftermaths {
			t.Run(cell(c.name, a), func(t *testing.T) {
				t.Parallel()
				x.record(t, cell(c.name, a), crash(t, program, &c, a))
			})
		}
	}
	for _, f := range crashForms {
		for _, a := range f.after {
			t.Run(cell(f.name, a), func(t *testing.T) {
				t.Parallel()
				x.record(t, cell(f.name, a), f.run(newPair(t, program, nil), a))
			})
		}
	}
}

// crash kills a node at a point of a job, goes on, and asks what must be so in the
// end.
func crash(t *testing.T, program string, c *crashPoint, a aftermath) string {
	p := newPair(t, program, nil)
	first, what := p.nodes[0], "dice"
	if c.name == "C5" {
		what = "nap"
	}
	job := p.submit(1, what)[0]
	p.die(first, c.name)
	last := p.goOn(first, a, func() { p.settled(job, "completed") })
	p.finish(last, 2)
	want := *c
	if other, differs := c.after[a]; differs {
		want = other
	}
	return p.count(job, want.executions, want.charged, want.posts)
}

// finish ends the last node, after another job: who has done that has looked after
// what it kept before.
func (p *pair) finish(last *process, delivered int) {
	p.t.Helper()
	p.settled(p.submit(1, "dice")[0], "completed")
	p.stop(last)
	p.ended(delivered)
}

// count counts what a job took.
func (p *pair) count(job string, executions, charged, posts tally) string {
	p.t.Helper()
	seen, ran, most := p.postsOf(job), p.executions(job), 0
	for _, one := range seen {
		most = max(most, one.charged)
		if one.body != seen[0].body {
			p.t.Errorf("two bodies were posted: %s and %s", seen[0].body, one.body)
		}
	}
	if !executions.has(ran) || !charged.has(most) || !posts.has(len(seen)) {
		p.t.Errorf("%d executions (want %v), %d charged (want %v), %d posts (want %v)", ran, executions, most, charged, len(seen), posts)
	}
	return fmt.Sprintf("%d/%d/%d", ran, most, len(seen))
}

// die starts a node and sees it killed at a point.
func (p *pair) die(m *machine, point string) {
	p.t.Helper()
	if point == "C5" {
		node := p.start(m, "CODA_FAILPOINT_SYNCED=1")
		node.waitFor(p.t, "the backend naps")
		p.kill(node)
		return
	}
	mark := filepath.Join(m.dir, "mark")
	node := p.start(m, "CODA_FAILPOINT="+point, "CODA_FAILPOINT_MARK="+mark, "CODA_FAILPOINT_SYNCED=1")
	<-node.ended
	if _, err := os.Stat(mark); err != nil {
		p.t.Fatalf("it ended without %s: %v", point, node.cmd.ProcessState)
	}
	if status, _ := node.cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGKILL {
		p.t.Fatalf("it ended with %v", node.cmd.ProcessState)
	}
}

// kill is kill -9.
func (p *pair) kill(node *process) {
	p.t.Helper()
	_ = node.cmd.Process.Kill()
	<-node.ended
}

// goOn lets follow what follows when a node was killed, until what it had in hand
// is settled, and returns the node that runs then.
func (p *pair) goOn(first *machine, a aftermath, settled func()) *process {
	p.t.Helper()
	switch a {
	case takeover:
		p.age() // a lease that runs out takes a minute
		peer := p.start(p.nodes[1])
		peer.waitFor(p.t, "the node takes jobs")
		settled()
		p.stop(peer)
	case redisRestart:
		p.server.Restart(p.t)
	case powerCut:
		store := filepath.Join(first.state, "outbox.db")
		if err := os.Rename(store+".synced", store); err != nil {
			p.t.Fatal(err)
		}
	}
	node := p.start(first)
	settled()
	return node
}
