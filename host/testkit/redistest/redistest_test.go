package redistest_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/testkit/redistest"
)

func TestDataOutlivesARestart(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
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
