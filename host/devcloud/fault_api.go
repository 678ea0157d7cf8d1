package devcloud

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"
)

// FaultHelp tells people what they can ask for. The cloud serves it at
// /api/dev/faults/help.
const FaultHelp = `Faults on request. One of them, or an array, is a JSON object:

  endpoint     connect, heartbeat, webhook or health (required)
  times        how many requests it hits; without it all, until it is deleted
  skip         how many requests pass before it begins
  share, seed  the chance of a request to be hit, 0 to 1; the same seed hits the same requests

What the node gets in place of the cloud's answer:

  status       200 to 599
  retry_after  a header: seconds, or a date
  location     a header; a redirect with status 307, unless status says otherwise
  body         empty, text (no JSON), array (no object), truncated (the connection
               ends halfway) or huge (16 MiB)
  text         a body, literally
  reset        true: the connection is reset
  taken        true: the cloud takes the request all the same; its answer is lost

How slowly, with or without the above:

  delay        before the answer, as in "1.5s"
  drip         between any two bytes of the answer's body

Examples:

  the next three results are refused for now
    {"endpoint": "webhook", "times": 3, "status": 503, "retry_after": "2"}
  every fifth result or so is recorded, but the node never learns of it
    {"endpoint": "webhook", "share": 0.2, "seed": 1, "taken": true, "reset": true}
  the token is redeemed, and the answer with the key is lost
    {"endpoint": "connect", "times": 1, "taken": true, "reset": true}
  heartbeats take half a minute
    {"endpoint": "heartbeat", "delay": "30s"}

  POST   /api/dev/faults        adds faults; a request meets the first that hits it
  GET    /api/dev/faults        lists them, with how often each has hit
  DELETE /api/dev/faults/{id}   takes one away
  DELETE /api/dev/faults        takes all away

  curl -d '{"endpoint": "webhook", "times": 1, "status": 500}' CLOUD/api/dev/faults
`

// postFaults takes one fault or an array of them, all or none.
func (c *Cloud) postFaults(w http.ResponseWriter, r *http.Request) {
	faults, err := readSome[Fault](w, r, maxSmallBody, "fault")
	if err == nil {
		var ids []int
		if ids, err = c.faults.add(faults...); err == nil {
			reply(w, http.StatusCreated, map[string][]int{"ids": ids})
			return
		}
	}
	fail(w, http.StatusBadRequest, fmt.Errorf("%w; GET /api/dev/faults/help explains", err))
}

func (c *Cloud) getFaults(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string][]SetFault{"faults": c.Faults()})
}

func (c *Cloud) deleteFaults(w http.ResponseWriter, _ *http.Request) {
	c.Mend()
	w.WriteHeader(http.StatusNoContent)
}

func (c *Cloud) deleteFault(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(chi.URLParam(r, "id"))
	if err != nil || !c.Mend(id) {
		fail(w, http.StatusNotFound, fmt.Errorf("fault %q is not in the plan", chi.URLParam(r, "id")))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (c *Cloud) helpFaults(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, FaultHelp)
}
