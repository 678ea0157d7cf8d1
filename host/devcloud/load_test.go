package devcloud_test

import (
	"fmt"
	"testing"

	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/testkit/redistest"
)

// Many jobs at once, all delivered once, nothing left pending.
func TestManyJobs(t *testing.T) {
	t.Parallel()
	const n = 1000
	cloud := start(t, devcloud.Config{})
	worker, err := connect(t, cloud, t.TempDir(), cloud.Token())
	if err != nil {
		t.Fatal(err)
	}
	deliver(t, cloud, worker, n)
	stats, err := cloud.Stats(t.Context())
	stats.Pending = 0 // acknowledged after the delivery that ended the wait
	if want := (devcloud.Stats{Submitted: n, Delivered: n, Completed: n}); err != nil || stats != want {
		t.Errorf("stats %+v, %v; want %+v", stats, err, want)
	}
}

func deliver(tb testing.TB, cloud *devcloud.Cloud, worker *node, n int) {
	tb.Helper()
	jobs := make([]devcloud.Job, n)
	for i := range jobs {
		jobs[i] = devcloud.Job{ID: fmt.Sprintf("%s-%d", tb.Name(), i), IRText: `{"x":1}`, Shots: 100}
	}
	worker.run(tb, 16)
	ids, err := cloud.Submit(tb.Context(), jobs...)
	if err != nil {
		tb.Fatal(err)
	}
	for _, id := range ids {
		if _, err := cloud.Wait(tb.Context(), id); err != nil {
			tb.Fatal(err)
		}
	}
}

// What the cloud and a node's wire code cost per job, without any execution.
func BenchmarkJob(b *testing.B) {
	for name, url := range map[string]func() string{
		"embedded": func() string { return "" },
		"redis":    func() string { return redistest.Start(b) },
	} {
		b.Run(name, func(b *testing.B) {
			cloud := start(b, devcloud.Config{RedisURL: url()})
			worker, err := connect(b, cloud, b.TempDir(), cloud.Token())
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			deliver(b, cloud, worker, b.N)
		})
	}
}
