//go:build unix

package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/testkit/redistest"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// TestMainJob is what coda is for, in parts that are real: a node's process, a
// redis-server, and a cloud over HTTP. Every circuit of up to 20 qubits runs on
// the simulator, then 5,000 jobs on noop; each is delivered once.
func TestMainJob(t *testing.T) {
	t.Parallel()
	t.Run("statevector", func(t *testing.T) {
		t.Parallel()
		var jobs []devcloud.Job
		ours, _ := filepath.Glob("circuits/*.json")
		for _, file := range require.Circuits(t, ours...) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if c, err := abi.ParseCircuit(string(text)); err == nil && c.NumQubits <= 20 {
				jobs = append(jobs, devcloud.Job{ID: filepath.Base(file), IR: text, Shots: 1000})
			}
		}
		mainJob(t, "statevector", jobs)
	})
	t.Run("noop", func(t *testing.T) {
		t.Parallel()
		circuit, err := os.ReadFile("circuits/ghz.json")
		if err != nil {
			t.Fatal(err)
		}
		mainJob(t, "noop", slices.Repeat([]devcloud.Job{{IR: circuit, Shots: 1000}}, 5000))
	})
}

// mainJob queues the jobs, starts a node, and checks everything that came of it.
func mainJob(t *testing.T, executor string, jobs []devcloud.Job) {
	t.Helper()
	if len(jobs) == 0 {
		t.Fatal("no jobs")
	}
	cloud, err := devcloud.New(devcloud.Config{RedisURL: redistest.Start(t), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	url, err := cloud.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := cloud.Submit(t.Context(), jobs...)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	begin := time.Now()
	node := launch(t, dir, []string{
		"CODA_WEBAPP_URL=" + url, "CODA_VPN_REQUIRED=false", "CODA_NODE_TOKEN=" + cloud.Token(),
		"CODA_STATE_DIR=" + filepath.Join(dir, "state"),
	}, "start", "--executor", executor, "--host", "127.0.0.1", "--port", freePort(t))
	for _, id := range ids {
		body, err := cloud.Wait(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		var result struct {
			Status string
			Shots  int `json:"shots_completed"`
		}
		if err := json.Unmarshal(body, &result); err != nil || result.Status != "completed" || result.Shots != 1000 {
			t.Errorf("job %s: %s, %v", id, body, err)
		}
	}
	took := time.Since(begin)
	node.signal(t, syscall.SIGTERM) // the drain ends when all is acknowledged
	node.exits(t, exitOK)
	stats, err := cloud.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if stats.Completed != len(jobs) || stats.Duplicates+stats.Contradictions+stats.SignatureFailures+stats.Malformed != 0 || stats.Pending != 0 {
		t.Errorf("of %d jobs: %+v", len(jobs), stats)
	}
	if said := strings.Count(strings.Join(node.stderr, "\n"), `msg="job completed"`); said != len(jobs) {
		t.Errorf("the node logs %d jobs of %d", said, len(jobs))
	}
	t.Logf("%d jobs on %s in %s, from the node's start: %.0f a second", len(jobs), executor, took.Round(time.Millisecond), float64(len(jobs))/took.Seconds())
}
