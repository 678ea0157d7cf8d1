package devcloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"
)

const maxSubmission = 64 << 20

func (c *Cloud) routes() http.Handler {
	r := chi.NewRouter()
	r.Post(connectPath, c.faulty("connect", c.connect))
	r.Post(heartbeatPath, c.faulty("heartbeat", c.heartbeat))
	r.Post(webhookPath, c.faulty("webhook", c.webhook))
	r.Get(healthPath, c.faulty("health", c.health))
	r.Route("/api/dev", func(r chi.Router) {
		r.Use(http.NewCrossOriginProtection().Handler) // web pages may not submit jobs
		r.Post("/jobs", c.postJobs)
		r.Get("/jobs/{id}", c.getJob)
		r.Delete("/jobs/{id}", c.deleteJob)
		r.Get("/stats", c.getStats)
		r.Get("/nodes", c.getNodes)
		r.Post("/tokens", c.postToken)
		r.Get("/tokens", c.getTokens)
		r.Put("/tokens/{token}", c.putToken)
		r.Post("/faults", c.postFaults)
		r.Get("/faults", c.getFaults)
		r.Delete("/faults", c.deleteFaults)
		r.Delete("/faults/{id}", c.deleteFault)
		r.Get("/faults/help", c.helpFaults)
	})
	r.NotFound(func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound, errors.New("not found")) })
	r.MethodNotAllowed(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusMethodNotAllowed, errors.New("method not allowed"))
	})
	if c.cfg.Intercept != nil {
		return c.cfg.Intercept(r)
	}
	return r
}

// postJobs takes one job or an array of them, all or none.
func (c *Cloud) postJobs(w http.ResponseWriter, r *http.Request) {
	jobs, err := readSome[Job](w, r, maxSubmission, "job")
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	ids, err := c.submit(r.Context(), c.baseURL(r), jobs)
	if err != nil {
		status := http.StatusBadRequest
		if canRetry(err) {
			status = http.StatusBadGateway
		}
		fail(w, status, err)
		return
	}
	reply(w, http.StatusAccepted, map[string][]string{"job_ids": ids})
}

// getJob answers with a job's state; with ?wait=30s once it is final, or after
// that time.
func (c *Cloud) getJob(w http.ResponseWriter, r *http.Request) {
	id := jobID(r)
	if _, ok := c.jobs.get(id); !ok {
		fail(w, http.StatusNotFound, fmt.Errorf("job %q is not known", id))
		return
	}
	var wait time.Duration
	if text := r.URL.Query().Get("wait"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			fail(w, http.StatusBadRequest, fmt.Errorf("wait=%q is no time; write 30s", text))
			return
		}
		wait = min(d, maxWait)
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	state, err := c.await(ctx, id)
	if err != nil {
		fail(w, http.StatusBadGateway, err)
		return
	}
	reply(w, http.StatusOK, state)
}

func (c *Cloud) deleteJob(w http.ResponseWriter, r *http.Request) {
	id := jobID(r)
	ok, err := c.Cancel(r.Context(), id)
	switch {
	case err != nil:
		fail(w, http.StatusBadGateway, err)
	case !ok:
		fail(w, http.StatusNotFound, fmt.Errorf("job %q is not known", id))
	default:
		reply(w, http.StatusAccepted, map[string]string{"job_id": id})
	}
}

func (c *Cloud) getStats(w http.ResponseWriter, r *http.Request) {
	stats, err := c.Stats(r.Context())
	if err != nil {
		fail(w, http.StatusBadGateway, err)
		return
	}
	reply(w, http.StatusOK, stats)
}

func (c *Cloud) getNodes(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string][]Node{"nodes": c.Nodes()})
}

// jobID is the id in the path, which the router leaves escaped where escapes
// matter.
func jobID(r *http.Request) string {
	id := chi.URLParam(r, "id")
	if r.URL.RawPath == "" {
		return id
	}
	if plain, err := url.PathUnescape(id); err == nil {
		return plain
	}
	return id
}

// readJSON reads a body that is one JSON value and nothing else.
func readJSON(w http.ResponseWriter, r *http.Request, limit int64, into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return fmt.Errorf("the body is larger than %d bytes", limit)
		}
		return errors.New("the body cannot be read")
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the body cannot be used: %w", err)
	}
	return nil
}

// readSome reads a body that is one thing or an array of them.
func readSome[T any](w http.ResponseWriter, r *http.Request, limit int64, what string) ([]T, error) {
	var raw json.RawMessage
	if err := readJSON(w, r, limit, &raw); err != nil {
		return nil, err
	}
	var many []T
	if bytes.HasPrefix(raw, []byte("[")) {
		if err := json.Unmarshal(raw, &many); err != nil {
			return nil, fmt.Errorf("these are no %ss: %w", what, err)
		}
		return many, nil
	}
	many = make([]T, 1)
	if err := json.Unmarshal(raw, &many[0]); err != nil {
		return nil, fmt.Errorf("this is no %s: %w", what, err)
	}
	return many, nil
}

func reply(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, `{"error":"cannot write the answer"}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func fail(w http.ResponseWriter, status int, err error) {
	reply(w, status, map[string]string{"error": err.Error()})
}

func canRetry(err error) bool {
	e, ok := errors.AsType[interface {
		error
		CanRetry() bool
	}](err)
	return ok && e.CanRetry()
}
