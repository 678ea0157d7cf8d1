package redistest_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/testkit/redistest"
)

func dial(t *testing.T, server *redistest.Server) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries, options.ContextTimeoutEnabled = -1, true
	client := redis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	return client
}

func TestASuspendedServerIsSilent(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	client := dial(t, server)
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	server.Suspend(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := client.Ping(ctx).Err(); err == nil {
		t.Error("a suspended server answered")
	}
	server.Resume(t)
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}

func TestDataOutlivesARestart(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	client := dial(t, server)
	if err := client.Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Fatal("a stopped server answered")
	}
	server.Restart(t)
	if got, err := client.Get(t.Context(), "key").Result(); err != nil || got != "value" {
		t.Errorf("after a restart: %q, %v", got, err)
	}
}
