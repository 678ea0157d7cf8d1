package devcloud_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/heartbeat"
	"github.com/conductorquantum/coda/host/testkit/redistest"
	"github.com/conductorquantum/coda/host/testkit/require"
)

func stringReader(s string) io.Reader { return strings.NewReader(s) }

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// The URL of the Redis inside is for its owner to look with, and the usual tool is
// redis-cli.
func TestTheEmbeddedRedisIsOpenToRedisCLI(t *testing.T) {
	t.Parallel()
	cli, err := exec.LookPath("redis-cli")
	if err != nil {
		require.Missing(t, "redis", "redis-cli is not installed")
	}
	cloud := start(t, devcloud.Config{})
	out, err := exec.CommandContext(t.Context(), cli, "-u", cloud.RedisURL(), "PING").CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "PONG\n") {
		t.Errorf("redis-cli says %q, %v", out, err)
	}
}

// A node connects with a token, runs jobs, and reconnects without the token.
func TestTheLifeOfANode(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(*testing.T) string{
		"embedded Redis": func(*testing.T) string { return "" },
		"real Redis":     func(t *testing.T) string { return redistest.Start(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := start(t, devcloud.Config{RedisURL: url(t)})
			dir := filepath.Join(t.TempDir(), "state")
			token := cloud.Token()
			n, err := connect(t, cloud, dir, token)
			if err != nil {
				t.Fatal(err)
			}
			n.run(t, 2)
			jobs := []devcloud.Job{
				{ID: "a", IR: json.RawMessage(`{"x":1}`), Shots: 100},
				{ID: "b", IRText: "bad", Shots: 100},
				{IRText: "{}", Shots: 7},
			}
			ids, err := cloud.Submit(t.Context(), jobs...)
			if err != nil || len(ids) != 3 || ids[0] != "a" || len(ids[2]) != 36 {
				t.Fatalf("%v, %v", ids, err)
			}
			for i, want := range []string{
				`{"job_id":"a","status":"completed","counts":{"00":100},"execution_time_ms":1,"shots_completed":100}`,
				`{"job_id":"b","status":"failed","error":"cannot run this"}`,
				`{"job_id":"` + ids[2] + `","status":"completed","counts":{"00":7},"execution_time_ms":1,"shots_completed":7}`,
			} {
				body, err := cloud.Wait(t.Context(), ids[i])
				if err != nil || string(body) != want {
					t.Errorf("got %s, %v\nwant %s", body, err, want)
				}
			}
			at := time.Now()
			if err := n.beat(t.Context(), heartbeat.Facts{CurrentJob: "c", LastJobAt: &at, RedisHealthy: true, Connectivity: [][2]uint16{{0, 1}}}); err != nil {
				t.Error(err)
			}

			// The same token again means the same node: it reconnects.
			for _, token := range []string{"", token} {
				if _, err := connect(t, cloud, dir, token); err != nil {
					t.Errorf("reconnecting with token %q: %v", token, err)
				}
			}
			nodes := cloud.Nodes()
			if len(nodes) != 1 || nodes[0].Connects != 3 || !nodes[0].Online || nodes[0].LastReport == nil || *nodes[0].LastReport.CurrentJob != "c" {
				t.Errorf("nodes %+v", nodes)
			}
			stats, err := cloud.Stats(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if stats.LastHeartbeat == nil || time.Since(*stats.LastHeartbeat) > time.Minute {
				t.Errorf("last heartbeat %v", stats.LastHeartbeat)
			}
			stats.LastHeartbeat, stats.Pending = nil, 0
			if want := (devcloud.Stats{Submitted: 3, Delivered: 3, Completed: 2, Failed: 1}); stats != want {
				t.Errorf("stats %+v, want %+v", stats, want)
			}
		})
	}
}

func TestTokenStates(t *testing.T) {
	t.Parallel()
	cloud := start(t, devcloud.Config{})
	used, revoked, expired := cloud.Token(), cloud.Token(), cloud.Token()
	if _, err := connect(t, cloud, t.TempDir(), used); err != nil {
		t.Fatal(err)
	}
	cloud.Revoke(revoked)
	cloud.Expire(expired)
	for token, want := range map[string]string{
		used: "HTTP 401: {\"error\":\"QPU node token has already been used\"}", revoked: "has been revoked", expired: "has expired", "invented": "not known",
	} {
		_, err := connect(t, cloud, t.TempDir(), token)
		if _, ok := errors.AsType[*fault.NodeError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if response := request(t, "POST", cloud.URL()+"/api/internal/qpu/connect", "{}"); response.StatusCode != 401 {
		t.Errorf("without a credential: %d", response.StatusCode)
	}
	fresh := cloud.Token()
	for _, body := range []string{"", "[]", "{}", `{"machine_fingerprint": ""}`, `{"machine_fingerprint": 7}`,
		`{"machine_fingerprint": "f", "connectivity": [[0, 50]]}`, `{"machine_fingerprint": "f", "connectivity": [[3, 3]]}`, `{"machine_fingerprint": "f"} x`} {
		response := request(t, "POST", cloud.URL()+"/api/internal/qpu/connect", body, "Authorization", "Bearer "+fresh)
		if response.StatusCode != 400 {
			t.Errorf("%q: %d", body, response.StatusCode)
		}
	}
	if _, err := connect(t, cloud, t.TempDir(), fresh); err != nil {
		t.Errorf("a refused request used the token up: %v", err)
	}
}

func TestReconnectIsRefused(t *testing.T) {
	t.Parallel()
	cloud := start(t, devcloud.Config{})
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	n, err := connect(t, cloud, dir, cloud.Token())
	if err != nil {
		t.Fatal(err)
	}
	moved := n.settings
	moved.Fingerprint = "another machine"
	if err := n.store.Save(moved); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, cloud, dir, ""); err == nil || !strings.Contains(err.Error(), "HTTP 401") || !strings.Contains(err.Error(), "fingerprint") {
		t.Errorf("another machine: %v", err)
	}
	if err := n.store.Save(n.settings); err != nil {
		t.Fatal(err)
	}
	unused := cloud.Token()
	cloud.Unregister("dev")
	if _, err := connect(t, cloud, dir, ""); err == nil || !strings.Contains(err.Error(), "HTTP 409") {
		t.Errorf("an unregistered device: %v", err)
	}
	if _, err := connect(t, cloud, t.TempDir(), unused); err == nil || !strings.Contains(err.Error(), "HTTP 401") || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("a token for an unregistered device: %v", err)
	}
}

func TestVPNModeIsAnnounced(t *testing.T) {
	t.Parallel()
	cloud := start(t, devcloud.Config{Profile: "client\n"})
	n, err := connect(t, cloud, t.TempDir(), cloud.Token())
	if err != nil || !n.settings.VPN.Required {
		t.Errorf("%+v, %v", n, err)
	}
}

// Every way a token can be wrong.
func TestVerification(t *testing.T) {
	t.Parallel()
	cloud := start(t, devcloud.Config{})
	n, err := connect(t, cloud, t.TempDir(), cloud.Token())
	if err != nil {
		t.Fatal(err)
	}
	other, err := connect(t, cloud, t.TempDir(), cloud.TokenFor("other"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	good := forge{key: n, claims: map[string]any{"sub": "dev", "iss": "coda", "iat": now.Unix(), "exp": now.Unix() + 60}}
	if got := good.post(t, cloud); got != 200 {
		t.Fatalf("the good one: %d", got)
	}
	bad := map[string]forge{
		"expired":              good.with("exp", now.Unix()-1),
		"from the future":      good.with("iat", now.Unix()+30),
		"another issuer":       good.with("iss", "else"),
		"another subject":      good.with("sub", "other"),
		"without sub":          good.with("sub", nil),
		"without iss":          good.with("iss", nil),
		"without iat":          good.with("iat", nil),
		"without exp":          good.with("exp", nil),
		"another node's key":   {key: other, kid: n.settings.JWTKeyID, claims: good.claims},
		"unknown key id":       {key: n, kid: "unknown", claims: good.claims},
		"without a key id":     {key: n, kid: "-", claims: good.claims},
		"unsigned":             {key: n, alg: "none", claims: good.claims},
		"another algorithm":    {key: n, alg: "RS512", claims: good.claims},
		"symmetric, confusing": {key: n, alg: "HS256", claims: good.claims},
	}
	for name, f := range bad {
		if got := f.post(t, cloud); got != 401 {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got := (forge{raw: "a.b"}).post(t, cloud); got != 401 {
		t.Errorf("rubbish: %d", got)
	}
	stats, err := cloud.Stats(t.Context())
	if err != nil || stats.SignatureFailures != len(bad)+1 {
		t.Errorf("%d signature failures counted, want %d; %v", stats.SignatureFailures, len(bad)+1, err)
	}
}

func TestWebhookBodies(t *testing.T) {
	t.Parallel()
	cloud := start(t, devcloud.Config{})
	n, err := connect(t, cloud, t.TempDir(), cloud.Token())
	if err != nil {
		t.Fatal(err)
	}
	post := func(body string) error {
		return n.sender.Post(t.Context(), cloud.URL()+"/api/internal/qpu/webhook", "id", []byte(body))
	}
	for _, body := range []string{
		"", "null", "[]", "{}", `{"job_id":"j"}`, `{"job_id":"","status":"failed","error":"x"}`,
		`{"job_id":"j","status":"done","error":"x"}`, `{"job_id":"j","status":"failed"}`, `{"job_id":"j","status":"failed","error":null}`,
		`{"job_id":"j","status":"failed","error":"x","counts":{}}`, `{"job_id":"j","status":"failed","error":"x","extra":1}`,
		`{"job_id":"j","status":"failed","error":"x"}{}`, `{"job_id":"j","status":"failed","error":"x"}}`,
		`{"job_id":"j","status":"failed","error":"` + strings.Repeat("é", 501) + `"}`,
		`{"job_id":"j","status":"completed","counts":{"0":1},"execution_time_ms":1}`,
		`{"job_id":"j","status":"completed","counts":{"0":1},"execution_time_ms":1,"shots_completed":1,"error":"x"}`,
		`{"job_id":"j","status":"completed","counts":{"0":1},"execution_time_ms":1,"shots_completed":2}`,
		`{"job_id":"j","status":"completed","counts":{"2":1},"execution_time_ms":1,"shots_completed":1}`,
		`{"job_id":"j","status":"completed","counts":{"0":1,"11":1},"execution_time_ms":1,"shots_completed":2}`,
		`{"job_id":"j","status":"completed","counts":{"0":-1},"execution_time_ms":1,"shots_completed":1}`,
		`{"job_id":"j","status":"completed","counts":{"0":null},"execution_time_ms":1,"shots_completed":0}`,
		`{"job_id":"j","status":"completed","counts":null,"execution_time_ms":1,"shots_completed":0}`,
	} {
		e, ok := errors.AsType[*fault.WebhookError](post(body))
		if !ok || e.Status != 400 {
			t.Errorf("%s: %v", body, e)
		}
	}
	for _, body := range []string{
		`{"job_id":"j","status":"completed","counts":{"":3},"execution_time_ms":0.5,"shots_completed":3}`, // first
		`{"job_id":"j","status":"completed","counts":{"":3},"execution_time_ms":0.5,"shots_completed":3}`, // again
		`{"job_id":"j","status":"failed","error":"` + strings.Repeat("é", 500) + `"}`,                     // contradicts
	} {
		if err := post(body); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
	if body, err := cloud.Wait(t.Context(), "j"); err != nil || !strings.Contains(string(body), `"completed"`) {
		t.Errorf("the first body did not stay: %s, %v", body, err)
	}
	stats, err := cloud.Stats(t.Context())
	if want := (devcloud.Stats{Delivered: 1, Completed: 1, Duplicates: 1, Contradictions: 1, Malformed: 22}); err != nil || stats != want {
		t.Errorf("stats %+v, %v; want %+v", stats, err, want)
	}

	other, err := connect(t, cloud, t.TempDir(), cloud.TokenFor("other"))
	if err != nil {
		t.Fatal(err)
	}
	err = other.sender.Post(t.Context(), cloud.URL()+"/api/internal/qpu/webhook", "id", []byte(`{"job_id":"j","status":"failed","error":"x"}`))
	if e, ok := errors.AsType[*fault.WebhookError](err); !ok || e.Status != 403 {
		t.Errorf("a job of another QPU: %v", err)
	}
}

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	cloud := start(t, devcloud.Config{NumQubits: 3})
	n, err := connect(t, cloud, t.TempDir(), cloud.Token())
	if err != nil {
		t.Fatal(err)
	}
	rejected := n.beat(t.Context(), heartbeat.Facts{Connectivity: [][2]uint16{{0, 3}}})
	if e, ok := errors.AsType[*fault.HeartbeatRejectedError](rejected); !ok || e.Status != 400 || !strings.Contains(e.Detail, "qubit 3 does not fit") {
		t.Errorf("got %v", rejected)
	}
	token, err := n.signer.Token(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{
		`{}`, `{"current_job":null,"last_job_at":null,"connectivity":null}`, `{"current_job":null,"last_job_at":null,"redis_healthy":true}`,
		`{"current_job":1,"last_job_at":null,"redis_healthy":true,"connectivity":null}`, `{"current_job":null,"last_job_at":null,"redis_healthy":null,"connectivity":null}`,
	} {
		if r := request(t, "POST", n.settings.HeartbeatURL(), body, "Authorization", "Bearer "+token); r.StatusCode != 400 {
			t.Errorf("%s: %d", body, r.StatusCode)
		}
	}
	if r := request(t, "GET", cloud.URL()+"/api/internal/qpu/health", ""); r.StatusCode != 200 || text(t, r) != `{"ok":true}` {
		t.Errorf("health: %d", r.StatusCode)
	}
}

func TestTheEmbeddedRedisAsksForItsPassword(t *testing.T) {
	t.Parallel()
	cloud := start(t, devcloud.Config{})
	options, err := redis.ParseURL(cloud.RedisURL())
	if err != nil {
		t.Fatal(err)
	}
	if len(options.Password) < 20 || !strings.HasPrefix(options.Addr, "127.0.0.1:") {
		t.Errorf("password of %d characters, at %s", len(options.Password), options.Addr)
	}
	options.Password = ""
	client := redis.NewClient(options)
	defer client.Close()
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Error("answers without the password")
	}
}

func TestIntercept(t *testing.T) {
	t.Parallel()
	cloud := start(t, devcloud.Config{Intercept: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/connect") {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	if _, err := connect(t, cloud, t.TempDir(), cloud.Token()); err == nil || !strings.Contains(err.Error(), "HTTP 503") {
		t.Errorf("got %v", err)
	}
	if r := request(t, "GET", cloud.URL()+"/api/internal/qpu/health", ""); r.StatusCode != 200 {
		t.Errorf("health: %d", r.StatusCode)
	}
}

func TestBadRedisURLIsNotShown(t *testing.T) {
	t.Parallel()
	_, err := devcloud.New(devcloud.Config{RedisURL: "redis://:hunter2@:x", Log: quiet})
	if _, ok := errors.AsType[*fault.ConfigError](err); !ok || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
