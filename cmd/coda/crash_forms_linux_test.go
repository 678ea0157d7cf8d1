package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/testkit/require"
)

// crashForm is a row of the matrix that is more than a kill at a point.
type crashForm struct {
	name  string
	when  string
	after []aftermath
	run   func(*pair, aftermath) string
}

var crashForms = []crashForm{
	{"C14a", "cancelled between D2, D3", aftermaths, func(p *pair, a aftermath) string { return p.cancelled("C8", a, "cancelled") }},
	{"C14b", "cancelled between D3, POST", aftermaths, func(p *pair, a aftermath) string { return p.cancelled("C9", a, "completed") }},
	{"C15", "drain ran out", aftermaths, (*pair).drainedOut},
	{"C16a", "disk full before D1", []aftermath{restart, takeover, redisRestart}, func(p *pair, a aftermath) string { return p.diskFull(a, false) }},
	{"C16b", "disk full between D1, D2", []aftermath{restart, takeover, redisRestart}, func(p *pair, a aftermath) string { return p.diskFull(a, true) }},
	{"C17", "stopped longer than the lease", []aftermath{takeover, redisRestart}, (*pair).stopped},
	{"C18", "credentials being persisted", []aftermath{restart}, (*pair).halfProvisioned},
}

// cancelled cancels a job that is decided. Once the decision stands for every node
// it is too late.
func (p *pair) cancelled(point string, a aftermath, want string) string {
	job := p.submit(1, "dice")[0]
	p.die(p.nodes[0], point)
	if ok, err := p.cloud.Cancel(p.t.Context(), job); !ok || err != nil {
		p.t.Fatal(ok, err)
	}
	last := p.goOn(p.nodes[0], a, func() { p.settled(job, want) })
	if want == "cancelled" {
		p.finish(last, 1)
		return p.count(job, exactly(1), exactly(0), exactly(0))
	}
	p.finish(last, 2)
	return p.count(job, exactly(1), exactly(1), exactly(1))
}

// drainedOut stops a node that has no time for its job. What its guest has measured
// all the same, when it is killed, is kept.
func (p *pair) drainedOut(a aftermath) string {
	first, job := p.nodes[0], p.submit(1, "nap")[0]
	node := p.start(first, "CODA_SHUTDOWN_DRAIN_TIMEOUT_SEC=0", "CODA_FAILPOINT_SYNCED=1")
	node.waitFor(p.t, "the backend naps")
	p.stop(node)
	if n := p.pending(); n != 1 {
		p.t.Errorf("%d messages are pending, want the one of the job", n)
	}
	last := p.goOn(first, a, func() { p.settled(job, "completed") })
	p.finish(last, 2)
	return p.count(job, tally{1, 2}, tally{1, 2}, exactly(1))
}

// diskFull fills the disk beneath the outbox, before a job or while one runs. The
// node takes no more, says why, and is killed.
func (p *pair) diskFull(a aftermath, running bool) string {
	first := p.nodes[0]
	ballast := p.smallDisk(first.state)
	node := p.start(first)
	node.waitFor(p.t, "the node takes jobs")
	fill := func() {
		if err := os.WriteFile(ballast, make([]byte, 4<<20), 0o600); err == nil {
			p.t.Fatal("the disk is not full")
		}
	}
	var job string
	if running {
		job = p.submit(1, "nap")[0]
		node.waitFor(p.t, "the backend naps")
		fill()
		node.waitFor(p.t, "the outbox could not be written")
	} else {
		fill()
	}
	node.waitFor(p.t, "no jobs are taken")
	next := p.submit(1, "dice")[0]
	if !running {
		job = next
	}
	if out := p.run(first, "status", "--json"); !strings.Contains(out, "no jobs are taken") {
		p.t.Errorf("status does not say why nothing is taken: %s", out)
	}
	if n := p.executions(next); n != 0 || len(p.postsOf(next)) != 0 {
		p.t.Errorf("a job was executed %d times by a node that takes none", n)
	}
	p.kill(node)
	if err := os.Remove(ballast); err != nil {
		p.t.Fatal(err)
	}
	last := p.goOn(first, a, func() {
		p.settled(job, "completed")
		p.settled(next, "completed")
	})
	delivered := 2
	if running {
		delivered = 3
	}
	p.finish(last, delivered)
	if running { // its decision may stand in Redis, or be known to the dead node alone
		return p.count(job, tally{1, 2}, tally{1, 2}, tally{1, 2})
	}
	return p.count(job, exactly(1), exactly(1), exactly(1))
}

// smallDisk makes a directory a file system of its own, and returns the path of a
// file there that can fill it.
func (p *pair) smallDisk(dir string) string {
	p.t.Helper()
	if os.Geteuid() != 0 {
		require.Missing(p.t, "root", "only root can mount a small file system")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2097152,mode=0700"); err != nil {
		require.Missing(p.t, "root", "a file system cannot be mounted: "+err.Error())
	}
	p.t.Cleanup(func() {
		for _, run := range p.nodes[0].runs {
			p.kill(run)
		}
		if err := syscall.Unmount(dir, 0); err != nil {
			p.t.Errorf("unmount: %v", err)
		}
	})
	return filepath.Join(dir, "ballast")
}

// stopped stops a node in its tracks while its guest works on, until a peer has
// done the job. What it does then must change nothing.
func (p *pair) stopped(a aftermath) string {
	job := p.submit(1, "nap")[0]
	stale := p.start(p.nodes[0])
	stale.waitFor(p.t, "the backend naps")
	stale.signal(p.t, syscall.SIGSTOP)
	p.t.Cleanup(func() { _ = stale.cmd.Process.Signal(syscall.SIGCONT) })
	p.age()
	if a == redisRestart {
		p.server.Restart(p.t)
	}
	peer := p.start(p.nodes[1])
	p.settled(job, "completed")
	status := func() map[string]string {
		all, err := p.redis.HGetAll(p.t.Context(), "qpu:job:"+job+":status").Result()
		if err != nil {
			p.t.Fatal(err)
		}
		return all
	}
	before := status()
	p.stop(peer)
	stale.signal(p.t, syscall.SIGCONT)
	stale.waitFor(p.t, `job completed" job=`+job) // by the peer, as it finds
	if after := status(); !maps.Equal(before, after) {
		p.t.Errorf("the status was %v, and the stale owner made it %v", before, after)
	}
	p.finish(stale, 2)
	return p.count(job, exactly(2), exactly(2), exactly(1))
}

// halfProvisioned kills a node that takes a new identity, whenever a file changes
// its name. It then has the old identity or the new one.
func (p *pair) halfProvisioned(aftermath) string {
	m := p.nodes[0]
	node := p.start(m)
	node.waitFor(p.t, "the node takes jobs")
	p.stop(node)
	mark := filepath.Join(m.dir, "mark")
	hits := 0
	for ; ; hits++ {
		node := launchProgram(p.t, m.program, nil, nil, m.dir, append(m.env,
			fmt.Sprintf("CODA_FAILPOINT=C18:%d", hits+1), "CODA_FAILPOINT_MARK="+mark), "start", "--token", p.cloud.Token())
		select {
		case <-node.ended:
		case <-node.says("the node takes jobs"):
		}
		if os.Remove(mark) != nil { // it lived
			p.stop(node)
			break
		}
		<-node.ended
		next := p.start(m) // without a token
		p.settled(p.submit(1, "dice")[0], "completed")
		p.stop(next)
	}
	p.ended(hits)
	if hits != 6 { // of the waiting key, the config, and the key: before and after
		p.t.Errorf("it was killed %d times", hits)
	}
	return fmt.Sprintf("%d times", hits)
}

// says is closed when a line on standard error contains text.
func (p *process) says(text string) <-chan struct{} {
	said := make(chan struct{})
	go func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for seen := 0; !p.closed; p.more.Wait() {
			for ; seen < len(p.stderr); seen++ {
				if strings.Contains(p.stderr[seen], text) {
					close(said)
					return
				}
			}
		}
	}()
	return said
}

// run runs a command beside a node to its end.
func (p *pair) run(m *machine, args ...string) string {
	p.t.Helper()
	command := launchProgram(p.t, m.program, nil, nil, m.dir, m.env, args...)
	<-command.ended
	return command.stdout.String()
}

// Jobs are cancelled at about the moment in which they are decided. Each has one
// outcome, which the cloud and the status agree on.
func TestCancelRacesTheDecision(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := newPair(t, self, nil)
	node := p.start(p.nodes[0])
	node.waitFor(t, "the node takes jobs")
	outcomes := map[string]int{}
	for i := range 60 {
		job := p.submit(1, "dice")[0]
		time.Sleep(time.Duration(i) * time.Millisecond / 2) // where the decision falls is another each time
		if ok, err := p.cloud.Cancel(t.Context(), job); !ok || err != nil {
			t.Fatal(ok, err)
		}
		var state string
		for began := time.Now(); state != "completed" && state != "cancelled"; time.Sleep(time.Millisecond) {
			state, _ = p.redis.HGet(t.Context(), "qpu:job:"+job+":status", "state").Result()
			if time.Since(began) > time.Minute {
				t.Fatalf("job %s is %q", job, state)
			}
		}
		outcomes[state]++
		if posts := len(p.postsOf(job)); (posts == 1) != (state == "completed") || posts > 1 {
			t.Errorf("job %s is %s after %d posts", job, state, posts)
		}
	}
	p.finish(node, outcomes["completed"]+1)
	t.Logf("%v", outcomes)
}
