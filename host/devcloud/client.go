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
	"strings"

	"github.com/conductorquantum/coda/host/fault"
)

// Client submits jobs to a cloud in a box over HTTP. Its errors are
// *fault.NodeError.
type Client struct {
	base string
	http *http.Client
}

// NewClient talks to the cloud at a base URL, such as http://127.0.0.1:8090.
func NewClient(base string) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	return &Client{base: strings.TrimRight(base, "/"), http: &http.Client{Transport: transport}}
}

// Submit sends jobs, all or none, and returns their ids in the same order.
func (c *Client) Submit(ctx context.Context, jobs ...Job) ([]string, error) {
	body, err := json.Marshal(jobs)
	if err != nil {
		return nil, &fault.NodeError{Op: "submit", Reason: "a circuit is not JSON", Err: err}
	}
	var answer struct {
		IDs []string `json:"job_ids"`
	}
	if err := c.call(ctx, "submit", http.MethodPost, "/api/dev/jobs", body, &answer); err != nil {
		return nil, err
	}
	if len(answer.IDs) != len(jobs) {
		return nil, &fault.NodeError{Op: "submit", Reason: fmt.Sprintf("the cloud took %d of %d jobs", len(answer.IDs), len(jobs))}
	}
	return answer.IDs, nil
}

// Wait blocks until a job is final: its outcome was delivered, or it was
// cancelled.
func (c *Client) Wait(ctx context.Context, id string) (State, error) {
	for {
		var state State
		if err := c.call(ctx, "wait", http.MethodGet, jobPath(id)+"?wait="+maxWait.String(), nil, &state); err != nil {
			return State{}, err
		}
		if string(state.Result) == "null" {
			state.Result = nil
		}
		if state.Final() {
			return state, nil
		}
	}
}

// Stats counts what the cloud has seen.
func (c *Client) Stats(ctx context.Context) (Stats, error) {
	var stats Stats
	err := c.call(ctx, "stats", http.MethodGet, "/api/dev/stats", nil, &stats)
	return stats, err
}

func jobPath(id string) string { return "/api/dev/jobs/" + url.PathEscape(id) }

func (c *Client) call(ctx context.Context, op, method, path string, body []byte, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return &fault.NodeError{Op: op, Reason: "the cloud's URL cannot be used", Err: err}
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		reason := "no answer; is `coda dev` running?"
		if ctx.Err() != nil {
			reason, err = "interrupted", ctx.Err()
		}
		return &fault.NodeError{Op: op, Reason: reason, Retry: true, Err: err}
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxResult+maxSmallBody))
	if err != nil {
		return &fault.NodeError{Op: op, Reason: "the answer broke off", Retry: true, Err: err}
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return &fault.NodeError{Op: op, Reason: fmt.Sprintf("HTTP %d", response.StatusCode), Retry: response.StatusCode >= 500, Err: words(answer)}
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return &fault.NodeError{Op: op, Reason: "the answer is not the cloud's", Err: err}
	}
	return nil
}

// words are the cloud's own, or the beginning of whatever else answered.
func words(answer []byte) error {
	var members struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(answer, &members) == nil && members.Error != "" {
		return errors.New(members.Error)
	}
	return errors.New(strings.TrimSpace(string(answer[:min(len(answer), 400)])))
}
