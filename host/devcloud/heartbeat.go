package devcloud

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// heartbeat takes a node's report, which has four members, always.
func (c *Cloud) heartbeat(w http.ResponseWriter, r *http.Request) {
	node, err := c.authenticate(r)
	if err != nil {
		fail(w, http.StatusUnauthorized, err)
		return
	}
	report, err := readReport(w, r)
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	d, ok := c.registry.device(node.QPU)
	if !ok {
		fail(w, http.StatusConflict, errors.New("the device is not registered here"))
		return
	}
	if err := checkTopology(report.Connectivity, d); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	c.registry.report(node.KeyID, report)
	reply(w, http.StatusOK, map[string]bool{"ok": true})
}

func readReport(w http.ResponseWriter, r *http.Request) (Report, error) {
	var raw struct {
		CurrentJob   json.RawMessage `json:"current_job"`
		LastJobAt    json.RawMessage `json:"last_job_at"`
		RedisHealthy *bool           `json:"redis_healthy"`
		Connectivity json.RawMessage `json:"connectivity"`
	}
	if err := readJSON(w, r, maxSmallBody, &raw); err != nil {
		return Report{}, err
	}
	report := Report{At: time.Now()}
	if raw.RedisHealthy == nil {
		return report, errors.New("redis_healthy is required")
	}
	report.RedisHealthy = *raw.RedisHealthy
	for _, m := range []struct {
		name string
		raw  json.RawMessage
		into any
	}{
		{"current_job", raw.CurrentJob, &report.CurrentJob},
		{"last_job_at", raw.LastJobAt, &report.LastJobAt},
		{"connectivity", raw.Connectivity, &report.Connectivity},
	} {
		if len(m.raw) == 0 {
			return report, errors.New(m.name + " is required; it may be null")
		}
		if err := json.Unmarshal(m.raw, m.into); err != nil {
			return report, errors.New(m.name + " has the wrong type")
		}
	}
	return report, nil
}

func (c *Cloud) health(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]bool{"ok": true})
}
