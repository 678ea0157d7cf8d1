package host_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/devcloud"
)

// recorder writes down what a cloud and a Redis see of a node, chapter by
// chapter. Within a chapter requests are sorted: which of two that have nothing
// to do with each other came first says nothing.
type recorder struct {
	cloud *devcloud.Cloud
	redis *redis.Client
	token string // the one-time token

	text     strings.Builder
	messages map[string]string // names of stream entries, by id
	boots    map[string]string // names of consumers, by what follows the node's
	known    map[string]string // keys as the transcript has them

	mu       sync.Mutex
	requests []string
	open     int            // requests that are being answered
	posts    map[string]int // webhooks so far, by job
	gates    map[string]gate
}

// gate keeps the webhooks of a job waiting, from the nth on.
type gate struct {
	from int
	open chan struct{}
}

func newRecorder() *recorder {
	return &recorder{
		messages: map[string]string{}, boots: map[string]string{}, known: map[string]string{},
		posts: map[string]int{}, gates: map[string]gate{},
	}
}

func (r *recorder) String() string { return r.text.String() }

func (r *recorder) chapter(title string) { fmt.Fprintf(&r.text, "== %s\n\n", title) }

// close ends a chapter with the requests of it, and with what has changed in
// Redis.
func (r *recorder) close(t *testing.T) {
	t.Helper()
	eventually(t, "a request is not answered", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.open == 0
	})
	r.mu.Lock()
	slices.Sort(r.requests)
	for _, request := range r.requests {
		r.text.WriteString(request + "\n")
	}
	r.requests = nil
	r.mu.Unlock()
	r.keys(t)
	r.text.WriteString("\n")
}

// intercept records requests of nodes and the status they are answered with.
func (r *recorder) intercept(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		q.Body = io.NopCloser(bytes.NewReader(body))
		var members struct {
			Job string `json:"job_id"`
		}
		if json.Unmarshal(body, &members) == nil && members.Job != "" {
			r.mu.Lock()
			r.posts[members.Job]++
			n, g := r.posts[members.Job], r.gates[members.Job]
			r.mu.Unlock()
			if g.open != nil && n >= g.from {
				<-g.open
			}
		}
		credential := r.credential(q.Header.Get("Authorization"))
		r.mu.Lock()
		r.open++
		r.mu.Unlock()
		answer := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(answer, q)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.open--
		r.requests = append(r.requests, r.request(q, credential, body, answer.status))
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

var (
	elapsed = regexp.MustCompile(`"execution_time_ms":[0-9.e+-]+`)
	stamp   = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?\+00:00`)
)

// request is one request in words.
func (r *recorder) request(q *http.Request, credential string, body []byte, status int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s -> %d\n", q.Method, q.URL.RequestURI(), status)
	for _, name := range slices.Sorted(maps.Keys(q.Header)) {
		switch name {
		case "Content-Length", "Accept-Encoding": // of the transport
			continue
		}
		for _, value := range q.Header[name] {
			if name == "Authorization" {
				value = credential
			}
			fmt.Fprintf(&b, "    %s: %s\n", name, value)
		}
	}
	text := elapsed.ReplaceAllString(string(body), `"execution_time_ms":<ms>`)
	fmt.Fprintf(&b, "    %s\n", r.plain(text))
	return b.String()
}

// credential says what a node showed. The cloud itself checks signatures.
func (r *recorder) credential(value string) string {
	credential, _ := strings.CutPrefix(value, "Bearer ")
	if credential == r.token {
		return "Bearer <the token>"
	}
	parts := strings.Split(credential, ".")
	if len(parts) != 3 {
		return value
	}
	var header, claims map[string]any
	for i, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			return value
		}
	}
	iat, _ := claims["iat"].(float64)
	exp, _ := claims["exp"].(float64)
	if ago := time.Since(time.Unix(int64(iat), 0)); ago < 30*time.Second || ago > 2*time.Minute {
		claims["iat"] = ago.String() + " ago"
	} else {
		claims["iat"] = "30 s ago, or up to a minute more"
	}
	claims["exp"] = fmt.Sprintf("%g s after iat", exp-iat)
	said, err := json.Marshal([]any{header, claims})
	if err != nil {
		return value
	}
	return "Bearer JWT " + string(said)
}

// keys writes down every key of Redis that is new, has changed or is gone.
func (r *recorder) keys(t *testing.T) {
	t.Helper()
	var keys []string
	for scan := r.redis.Scan(t.Context(), 0, "*", 100).Iterator(); scan.Next(t.Context()); {
		keys = append(keys, scan.Val())
	}
	slices.Sort(keys) // the stream before the hashes that name its entries
	now := map[string]string{}
	for _, key := range keys {
		now[key] = r.key(t, key)
	}
	for _, key := range slices.Sorted(maps.Keys(r.known)) {
		if now[key] == "" {
			fmt.Fprintf(&r.text, "%s is gone\n", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if now[key] != r.known[key] {
			r.text.WriteString(now[key])
		}
	}
	r.known = now
}

// key is one key in words.
func (r *recorder) key(t *testing.T, key string) string {
	t.Helper()
	kind, err := r.redis.Type(t.Context(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	life := ""
	if r.redis.TTL(t.Context(), key).Val() > 0 {
		life = ", expires"
	}
	fmt.Fprintf(&b, "%s (%s%s)\n", key, kind, life)
	switch kind {
	case "stream":
		r.stream(t, &b, key)
	case "hash":
		fields := r.redis.HGetAll(t.Context(), key).Val()
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			value := elapsed.ReplaceAllString(r.plain(fields[name]), `"execution_time_ms":<ms>`)
			if name == "attempt" { // at random
				value = "<attempt>"
			}
			if name == "sha256" && value == fmt.Sprintf("%x", sha256.Sum256([]byte(fields["body"]))) {
				value = "<of the body>"
			}
			fmt.Fprintf(&b, "    %s: %s\n", name, value)
		}
	case "string":
		fmt.Fprintf(&b, "    %q\n", r.redis.Get(t.Context(), key).Val())
	default:
		t.Errorf("%s is a %s", key, kind)
	}
	return b.String()
}

// stream writes down entries, groups, consumers and what is pending.
func (r *recorder) stream(t *testing.T, b *strings.Builder, key string) {
	t.Helper()
	for _, m := range r.redis.XRange(t.Context(), key, "-", "+").Val() {
		if r.messages[m.ID] == "" {
			r.messages[m.ID] = fmt.Sprintf("<message %d>", len(r.messages)+1)
		}
		fmt.Fprintf(b, "    %s", r.messages[m.ID])
		for _, name := range slices.Sorted(maps.Keys(m.Values)) {
			value := r.plain(fmt.Sprint(m.Values[name]))
			if len(value) > 100 {
				value = fmt.Sprintf("<%d bytes>", len(value))
			}
			fmt.Fprintf(b, " %s=%s", name, value)
		}
		b.WriteString("\n")
	}
	for _, g := range r.redis.XInfoGroups(t.Context(), key).Val() {
		fmt.Fprintf(b, "    group %s, read to %s\n", g.Name, r.plain(g.LastDeliveredID))
		var consumers []string
		for _, c := range r.redis.XInfoConsumers(t.Context(), key, g.Name).Val() {
			consumers = append(consumers, fmt.Sprintf("      consumer %s, %d pending\n", r.consumer(c.Name), c.Pending))
		}
		slices.Sort(consumers)
		b.WriteString(strings.Join(consumers, ""))
		for _, p := range r.redis.XPendingExt(t.Context(), &redis.XPendingExtArgs{
			Stream: key, Group: g.Name, Start: "-", End: "+", Count: 100,
		}).Val() {
			fmt.Fprintf(b, "      %s with %s, delivered %d times\n", r.messages[p.ID], r.consumer(p.Consumer), p.RetryCount)
		}
	}
}

// consumer is the name of one, with the boots of the node counted.
func (r *recorder) consumer(name string) string {
	before, boot, ours := strings.Cut(name, r.cloud.Nodes()[0].Fingerprint+"-")
	if !ours {
		return name
	}
	if r.boots[boot] == "" {
		r.boots[boot] = fmt.Sprintf("<boot %d>", len(r.boots)+1)
	}
	return before + "<fingerprint>-" + r.boots[boot]
}

// plain writes ids, times and addresses as what they are.
func (r *recorder) plain(value string) string {
	if name := r.messages[value]; name != "" {
		return name
	}
	value = strings.ReplaceAll(value, r.cloud.URL(), "<cloud>")
	if nodes := r.cloud.Nodes(); len(nodes) > 0 {
		value = strings.ReplaceAll(value, nodes[0].Fingerprint, "<fingerprint>")
	}
	return stamp.ReplaceAllString(value, "<time>")
}

func (r *recorder) submit(t *testing.T, id, ir string, shots int64) {
	t.Helper()
	if _, err := r.cloud.Submit(t.Context(), devcloud.Job{ID: id, IRText: ir, Shots: shots}); err != nil {
		t.Fatal(err)
	}
}

func (r *recorder) cancel(t *testing.T, id string) {
	t.Helper()
	if _, err := r.cloud.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

// hold keeps the nth webhook of a job, and any later one, waiting for release.
func (r *recorder) hold(job string, nth int) (release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := gate{nth, make(chan struct{})}
	r.gates[job] = g
	return func() { close(g.open) }
}

// eventually waits for something that the node does on its own.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after a minute: %s", what)
		}
	}
}

// arrived waits for the nth webhook of a job.
func (r *recorder) arrived(t *testing.T, job string, nth int) {
	t.Helper()
	eventually(t, fmt.Sprintf("webhook %d of %s has not arrived", nth, job), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.posts[job] >= nth
	})
}

// beats waits for heartbeats.
func (r *recorder) beats(t *testing.T, n int) {
	t.Helper()
	eventually(t, "no heartbeat", func() bool { return r.cloud.Nodes()[0].Heartbeats == n })
}

// delivered waits for outcomes, and until the queue has them too.
func (r *recorder) delivered(t *testing.T, jobs ...string) {
	t.Helper()
	for _, job := range jobs {
		if _, err := r.cloud.Wait(t.Context(), job); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "messages are pending", func() bool {
		stats, err := r.cloud.Stats(t.Context())
		return err == nil && stats.Pending == 0
	})
}

func (r *recorder) cancelled(t *testing.T, job string) {
	t.Helper()
	if _, err := r.cloud.Wait(t.Context(), job); !errors.Is(err, devcloud.ErrCancelled) {
		t.Fatalf("%s: %v", job, err)
	}
}
