package redistest_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/testkit/redistest"
)

func dial(t *testing.T, server interface{ URL() string }) *redis.Client {
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
	server.Lose(t)
	server.Restart(t)
	if n, err := client.DBSize(t.Context()).Result(); n != 0 || err != nil {
		t.Errorf("after a loss there are %d keys, %v", n, err)
	}
}

func TestABrokenRelayIsSilent(t *testing.T) {
	t.Parallel()
	relay := redistest.NewRelay(t, redistest.New(t))
	old := dial(t, relay)
	if err := old.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	unheard := func(client *redis.Client) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := client.Ping(ctx).Err(); !errors.Is(err, context.DeadlineExceeded) && !os.IsTimeout(err) {
			t.Errorf("through a broken relay: %v", err)
		}
	}
	relay.Break()
	unheard(dial(t, relay))
	relay.Mend()
	if err := dial(t, relay).Ping(t.Context()).Err(); err != nil {
		t.Errorf("after it was mended: %v", err)
	}
	unheard(old)
}
