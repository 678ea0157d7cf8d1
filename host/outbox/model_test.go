package outbox_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/host/outbox"
)

// A store is driven by random calls beside a model of it, a map and a few lines
// for each verb, through days and restarts. They must agree on every answer.
func TestModel(t *testing.T) {
	t.Parallel()
	for run := range 6 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			t.Parallel()
			t.Logf("seed %d", seed)
			path := storePath(t)
			synctest.Test(t, func(t *testing.T) {
				m := &model{t: t, r: rand.New(rand.NewPCG(seed, 0)), path: path, held: map[string]*modelled{}, seen: map[string]int{}}
				m.open()
				for range 1200 {
					m.act()
				}
				m.compare()
				m.close()
				for _, what := range []string{"begin", "decide", "adopt", "published", "attempted", "delivered", "park", "retry", "drop", "sweep", "restart", "illegal", "unknown"} {
					if m.seen[what] == 0 {
						t.Errorf("%s never happened", what)
					}
				}
			})
		})
	}
}

type model struct {
	t    *testing.T
	r    *rand.Rand
	path string
	s    *outbox.Store
	held map[string]*modelled
	seen map[string]int
}

type modelled struct {
	outbox.Record
	body []byte
}

func (m *model) open() {
	s, err := outbox.OpenSmall(m.path, outbox.Config{}, 64<<10)
	if err != nil {
		m.t.Fatal(err)
	}
	m.s = s
}

func (m *model) close() {
	if err := m.s.Close(); err != nil {
		m.t.Fatal(err)
	}
}

// act calls one verb, or lets time pass.
func (m *model) act() {
	id := fmt.Sprintf("job-%d", m.r.IntN(25))
	j := m.held[id]
	if j == nil {
		j = &modelled{Record: outbox.Record{JobID: id}}
	}
	now := time.Unix(0, time.Now().UnixNano()).UTC()
	ctx := m.t.Context()
	var err error
	var legal bool
	var what string
	in := func(states ...outbox.State) bool { return slices.Contains(states, j.State) }
	switch n := m.r.IntN(100); {
	case n < 15:
		what, legal = "begin", in(outbox.Absent, outbox.Begun)
		_, err = m.s.Begin(ctx, outbox.Attempt{JobID: id, MessageID: fmt.Sprint(n)})
		if legal {
			j.State, j.MessageID, j.Started = outbox.Begun, fmt.Sprint(n), now
			j.Attempts++
		}
	case n < 32:
		what, legal = "decide", true
		d := m.decision(id)
		var got outbox.Record
		got, err = m.s.Decide(ctx, d)
		if in(outbox.Absent, outbox.Begun) {
			j.decide(d, now)
			j.State = outbox.Decided
		}
		m.isFirst(j, got, now)
	case n < 40:
		what = "adopt"
		d := m.decision(id)
		if m.r.IntN(3) == 0 && in(outbox.Decided, outbox.Published) { // the same
			d.Kind, d.Body = j.Kind, j.body
		}
		differs := !in(outbox.Decided, outbox.Published) || d.Kind != j.Kind || !bytes.Equal(d.Body, j.body)
		legal = in(outbox.Absent, outbox.Begun, outbox.Decided, outbox.Published) &&
			(!differs || in(outbox.Absent, outbox.Begun) || in(outbox.Decided) && j.Tries == 0)
		_, err = m.s.Adopt(ctx, d)
		if legal {
			if differs {
				j.decide(d, now)
			}
			if j.State = outbox.Published; j.Published.IsZero() {
				j.Published = now
			}
		}
	case n < 50:
		what, legal = "published", !in(outbox.Absent, outbox.Begun)
		err = m.s.Published(ctx, id)
		if in(outbox.Decided) {
			j.State = outbox.Published
		}
		if in(outbox.Published, outbox.Parked) && j.Published.IsZero() {
			j.Published = now
		}
	case n < 60:
		what = "attempted"
		try := outbox.Try{Number: j.Tries + 1 - m.r.IntN(8)/7, Rejected: n%3 == 0, Next: now.Add(time.Duration(m.r.IntN(1e12))), Error: fmt.Sprint("HTTP ", n)}
		again := try.Number == j.Tries && j.Tries > 0
		legal = in(outbox.Decided, outbox.Published) && (again || try.Number == j.Tries+1)
		err = m.s.Attempted(ctx, id, try)
		if legal && !again {
			j.Tries++
			j.Due, j.LastError = try.Next, try.Error
			if try.Rejected {
				j.Rejections++
			}
		}
	case n < 68:
		what, legal = "delivered", in(outbox.Decided, outbox.Published, outbox.Delivered)
		err = m.s.Delivered(ctx, id)
		if in(outbox.Decided, outbox.Published) {
			j.end(outbox.Delivered, now)
		}
	case n < 78:
		what, legal = "park", in(outbox.Decided, outbox.Published, outbox.Parked)
		err = m.s.Park(ctx, id, "reason")
		if in(outbox.Decided, outbox.Published) {
			j.State, j.Ended, j.LastError = outbox.Parked, now, "reason"
		}
	case n < 83:
		what, legal = "retry", in(outbox.Decided, outbox.Published, outbox.Parked)
		err = m.s.Retry(ctx, id)
		if legal {
			j.Due = now
		}
		if in(outbox.Parked) {
			j.Tries, j.Rejections, j.Scheduled, j.Ended, j.State = 0, 0, now, time.Time{}, outbox.Decided
			if !j.Published.IsZero() {
				j.State = outbox.Published
			}
		}
	case n < 90:
		what, legal = "drop", in(outbox.Parked, outbox.Dropped)
		err = m.s.Drop(ctx, id)
		if in(outbox.Parked) {
			j.end(outbox.Dropped, now)
		}
	case n < 96:
		time.Sleep(time.Duration(m.r.Int64N(int64(30 * time.Hour))))
		return
	case n < 98:
		m.sweep(now)
		return
	default:
		m.seen["restart"]++
		m.close()
		m.open()
		m.compare()
		return
	}
	switch {
	case legal:
		m.seen[what]++
		if err != nil {
			m.t.Fatalf("%s of %s, which is %s: %v", what, id, j.State, err)
		}
		if j.Created.IsZero() {
			j.Created = now
		}
		m.held[id] = j
	case j.State == outbox.Absent:
		m.seen["unknown"]++
		if !errors.Is(err, outbox.ErrUnknown) {
			m.t.Fatalf("%s of an unknown job: %v", what, err)
		}
	default:
		m.seen["illegal"]++
		if !errors.Is(err, outbox.ErrIllegal) {
			m.t.Fatalf("%s of %s, which is %s: %v", what, id, j.State, err)
		}
	}
	m.compareOne(id)
	if m.r.IntN(40) == 0 {
		m.compare()
	}
}

func (m *model) decision(id string) outbox.Decision {
	kind := outbox.Kind(1 + m.r.IntN(3))
	d := outbox.Decision{JobID: id, MessageID: "7-0", WebhookID: "hook " + id, URL: "https://example.com/" + id, Kind: kind}
	if kind != outbox.Cancelled {
		d.Body = bytes.Repeat([]byte{byte(m.r.IntN(256))}, 1+m.r.IntN(9000))
		d.Provenance = map[string]string{"executor": "digest", "": "\xff"}
	}
	if kind == outbox.Failed {
		d.Failure = "why"
	}
	return d
}

func (j *modelled) decide(d outbox.Decision, now time.Time) {
	j.MessageID, j.WebhookID, j.URL, j.Kind, j.Failure = d.MessageID, d.WebhookID, d.URL, d.Kind, d.Failure
	j.Provenance, j.Size, j.body = d.Provenance, len(d.Body), d.Body
	j.Digest = sum(d.Body)
	j.Decided, j.Scheduled, j.Due = now, now, now
}

func (j *modelled) end(state outbox.State, now time.Time) {
	j.State, j.Ended, j.URL, j.LastError, j.Provenance, j.body = state, now, "", "", nil, nil
}

func (m *model) isFirst(j *modelled, got outbox.Record, now time.Time) {
	want := j.Record
	if want.Created.IsZero() {
		want.Created = now
	}
	if !same(got, want) {
		m.t.Fatalf("the decision that stands is %+v, want %+v", got, want)
	}
}

func (m *model) sweep(now time.Time) {
	m.seen["sweep"]++
	before := now.Add(-7 * 24 * time.Hour)
	got, err := m.s.Sweep(m.t.Context(), now)
	var want outbox.Swept
	for id, j := range m.held {
		switch {
		case (j.State == outbox.Delivered || j.State == outbox.Dropped) && j.Ended.Truncate(24*time.Hour).Before(before.Truncate(24*time.Hour)):
			want.Tombstones++
			delete(m.held, id)
		case j.State == outbox.Begun && j.Started.Before(before):
			want.Begun++
			delete(m.held, id)
		}
	}
	if err != nil || got != want {
		m.t.Fatalf("swept %+v (%v), want %+v", got, err, want)
	}
	m.compare()
}

func (m *model) compareOne(id string) {
	got, err := m.s.Get(id)
	j := m.held[id]
	if j == nil {
		if !errors.Is(err, outbox.ErrUnknown) {
			m.t.Fatalf("%s is %+v (%v), and nothing is known of it", id, got, err)
		}
		return
	}
	if err != nil || !same(got, j.Record) {
		m.t.Fatalf("%s is\n%+v (%v), want\n%+v", id, got, err, j.Record)
	}
	body, err := m.s.Body(id)
	if (err == nil) != (j.body != nil) || err != nil && !errors.Is(err, outbox.ErrUnknown) || !bytes.Equal(body, j.body) {
		m.t.Fatalf("%s: body of %d bytes (%v), want %d", id, len(body), err, len(j.body))
	}
}

// compare looks at everything that can be asked for.
func (m *model) compare() {
	var stats outbox.Stats
	var listed, due []*modelled
	for _, id := range slices.Sorted(maps.Keys(m.held)) {
		m.compareOne(id)
		j := m.held[id]
		switch j.State {
		case outbox.Begun:
			stats.Begun++
		case outbox.Parked:
			stats.Parked++
		case outbox.Decided, outbox.Published:
			stats.Waiting++
			due = append(due, j)
			if stats.Oldest.IsZero() || j.Decided.Before(stats.Oldest) {
				stats.Oldest = j.Decided
			}
		default:
			continue
		}
		stats.Bytes += int64(len(j.body))
		listed = append(listed, j)
	}
	if got := m.s.Stats(); got != stats {
		m.t.Fatalf("stats %+v, want %+v", got, stats)
	}
	slices.SortStableFunc(listed, func(a, b *modelled) int { return a.Created.Compare(b.Created) })
	var got []outbox.Record
	for f := (outbox.Filter{Limit: 1 + m.r.IntN(7)}); ; {
		page, next := m.s.List(f)
		got = append(got, page...)
		if f.After = next; next == (outbox.Cursor{}) {
			break
		}
	}
	m.sameJobs("list", got, listed)
	now := time.Now()
	slices.SortStableFunc(due, func(a, b *modelled) int { return a.Due.Compare(b.Due) })
	var next time.Time
	if i := slices.IndexFunc(due, func(j *modelled) bool { return j.Due.After(now) }); i >= 0 {
		next = due[i].Due
		due = due[:i]
	}
	got, gotNext := m.s.Due(now, 1000, nil)
	m.sameJobs("due", got, due)
	if !gotNext.Equal(next) {
		m.t.Fatalf("the next is due at %s, want %s", gotNext, next)
	}
}

func (m *model) sameJobs(what string, got []outbox.Record, want []*modelled) {
	var a, b []string
	for _, r := range got {
		a = append(a, r.JobID)
	}
	for _, j := range want {
		b = append(b, j.JobID)
	}
	if strings.Join(a, " ") != strings.Join(b, " ") {
		m.t.Fatalf("%s: %v, want %v", what, a, b)
	}
}

func sum(body []byte) (sum [sha256.Size]byte) {
	if len(body) > 0 {
		sum = sha256.Sum256(body)
	}
	return sum
}
