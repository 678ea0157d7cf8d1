package devcloud_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/heartbeat"
	"github.com/conductorquantum/coda/host/identity"
	"github.com/conductorquantum/coda/host/provision"
	"github.com/conductorquantum/coda/host/webhook"
	"github.com/redis/go-redis/v9"
)

var quiet = slog.New(slog.DiscardHandler)

// start runs a cloud for the length of the test.
func start(tb testing.TB, cfg devcloud.Config) *devcloud.Cloud {
	tb.Helper()
	cfg.Log = quiet
	cloud, err := devcloud.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := cloud.Close(); err != nil {
			tb.Error(err)
		}
	})
	if _, err := cloud.Start("127.0.0.1:0"); err != nil {
		tb.Fatal(err)
	}
	return cloud
}

// node is the cloud's other side, made of the packages that a real one is made
// of, with a loop that answers each job from its shots alone.
type node struct {
	store    *identity.Store
	settings config.Settings
	signer   *identity.Signer
	sender   *webhook.Sender
	redis    *redis.Client
}

// connect logs on with a token, or with what dir holds if token is "".
func connect(tb testing.TB, cloud *devcloud.Cloud, dir, token string) (*node, error) {
	tb.Helper()
	environ := []string{"CODA_STATE_DIR=" + dir, "CODA_WEBAPP_URL=" + cloud.URL(), "CODA_NODE_CONNECT_RETRIES=1"}
	if token != "" {
		environ = append(environ, "CODA_NODE_TOKEN="+token)
	}
	settings, err := config.Load(environ, identity.Held)
	if err != nil {
		return nil, err
	}
	n := &node{store: identity.NewStore(dir)}
	if settings.Fingerprint == "" {
		if settings.Fingerprint, err = n.store.Fingerprint(); err != nil {
			return nil, err
		}
	}
	cfg := provision.Config{Keeper: n.store, Log: quiet, CheckKey: func(key config.Secret) error {
		_, err := identity.ParseKey(key)
		return err
	}}
	if settings.NodeToken == "" {
		if cfg.Signer, err = identity.NewSigner(settings.JWTPrivateKey, settings.JWTKeyID, settings.QPUID); err != nil {
			return nil, err
		}
	}
	bundle, err := provision.New(cfg).Connect(tb.Context(), settings)
	if err != nil {
		return nil, err
	}
	n.settings = bundle.Settings
	if n.signer, err = identity.NewSigner(n.settings.JWTPrivateKey, n.settings.JWTKeyID, n.settings.QPUID); err != nil {
		return nil, err
	}
	if n.sender, err = webhook.New(webhook.Config{Cloud: n.settings.WebappURL, Signer: n.signer}); err != nil {
		return nil, err
	}
	options, err := redis.ParseURL(string(n.settings.RedisURL))
	if err != nil {
		return nil, err
	}
	n.redis = redis.NewClient(options)
	tb.Cleanup(func() { n.redis.Close() })
	return n, nil
}

// serve answers jobs until ctx ends, several at once.
func (n *node) serve(ctx context.Context, workers int) error {
	stream, group := "qpu:"+n.settings.QPUID+":jobs", "qpu:"+n.settings.QPUID+":workers"
	if err := n.redis.XGroupCreateMkStream(ctx, stream, group, "0").Err(); err != nil && !redis.HasErrorPrefix(err, "BUSYGROUP") {
		return err
	}
	work := make(chan redis.XMessage)
	var wg sync.WaitGroup
	problems := make(chan error, workers)
	for range workers {
		wg.Go(func() {
			for m := range work {
				if err := n.answer(ctx, m); err != nil {
					problems <- err
					return
				}
				n.redis.XAck(ctx, stream, group, m.ID)
			}
		})
	}
	for ctx.Err() == nil {
		read, err := n.redis.XReadGroup(ctx, &redis.XReadGroupArgs{
			Group: group, Consumer: "c", Streams: []string{stream, ">"}, Count: 64, Block: 20 * time.Millisecond,
		}).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			break
		}
		for _, s := range read {
			for _, m := range s.Messages {
				select {
				case work <- m:
				case err := <-problems:
					return err
				}
			}
		}
	}
	close(work)
	wg.Wait()
	return nil
}

func (n *node) answer(ctx context.Context, m redis.XMessage) error {
	id := m.Values["job_id"].(string)
	if n.redis.Exists(ctx, "qpu:job:cancelled:"+id).Val() == 1 {
		return n.redis.HSet(ctx, "qpu:job:"+id+":status", "state", "cancelled").Err()
	}
	return n.sender.Post(ctx, m.Values["callback_url"].(string), webhook.ID(id), outcome(m))
}

func outcome(m redis.XMessage) []byte {
	id, ir, shotsText := m.Values["job_id"].(string), m.Values["ir_json"].(string), m.Values["shots"].(string)
	shots, err := strconv.ParseUint(shotsText, 10, 64)
	if err != nil || ir == "bad" {
		return webhook.Failed(id, "cannot run this")
	}
	e := abi.Execution{Outcomes: []abi.Outcome{{Bits: 0, Count: shots}}, ShotsCompleted: shots}
	return webhook.Completed(id, 2, &e, time.Millisecond)
}

func (n *node) beat(ctx context.Context, facts heartbeat.Facts) error {
	return heartbeat.New(heartbeat.Config{
		URL: n.settings.HeartbeatURL(), Interval: time.Second, Signer: n.signer, Log: quiet,
		Facts: func() heartbeat.Facts { return facts },
	}).Report(ctx)
}

// run serves in the background until the test ends.
func (n *node) run(tb testing.TB, workers int) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.serve(ctx, workers) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			tb.Error(err)
		}
	})
}

// request calls the cloud as anybody would.
func request(tb testing.TB, method, url, body string, header ...string) *http.Response {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), method, url, stringReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { response.Body.Close() })
	return response
}
