package heartbeat

import (
	"encoding/json"
	"time"
)

// encode is the body of a report: these four members, always.
func encode(f Facts) []byte {
	body := struct {
		CurrentJob   *string     `json:"current_job"`
		LastJobAt    *string     `json:"last_job_at"`
		RedisHealthy bool        `json:"redis_healthy"`
		Connectivity [][2]uint16 `json:"connectivity"`
	}{RedisHealthy: f.RedisHealthy, Connectivity: f.Connectivity}
	if f.CurrentJob != "" {
		body.CurrentJob = &f.CurrentJob
	}
	if f.LastJobAt != nil {
		body.LastJobAt = new(timestamp(*f.LastJobAt))
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic("heartbeat: " + err.Error()) // strings, a boolean and numbers always encode
	}
	return text
}

// timestamp is UTC in ISO 8601 with six digits of a second, which are left out
// when all are zero.
func timestamp(t time.Time) string {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05-07:00")
	}
	return t.Format("2006-01-02T15:04:05.000000-07:00")
}
