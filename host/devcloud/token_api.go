package devcloud

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"
)

const maxSpec = 1 << 20 // a profile, and more than a node takes

// postToken makes a token, for a QPU that need not exist yet.
func (c *Cloud) postToken(w http.ResponseWriter, r *http.Request) {
	var spec TokenSpec
	if err := readJSON(w, r, maxSpec, &spec); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	token, err := c.Issue(spec)
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	reply(w, http.StatusCreated, token)
}

func (c *Cloud) getTokens(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string][]Token{"tokens": c.Tokens()})
}

// putToken ends an active token's life.
func (c *Cloud) putToken(w http.ResponseWriter, r *http.Request) {
	var request struct {
		State tokenState `json:"state"`
	}
	if err := readJSON(w, r, maxSmallBody, &request); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	if request.State != revoked && request.State != expired {
		fail(w, http.StatusBadRequest, fmt.Errorf("state must be %s or %s", revoked, expired))
		return
	}
	switch state := c.registry.setState(chi.URLParam(r, "token"), request.State); state {
	case request.State:
		reply(w, http.StatusOK, map[string]string{"state": string(state)})
	case "":
		fail(w, http.StatusNotFound, errors.New("the token is not known"))
	default:
		fail(w, http.StatusConflict, fmt.Errorf("the token is %s", state))
	}
}
