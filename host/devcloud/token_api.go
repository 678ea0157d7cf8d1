package devcloud

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
)

// Token is a one-time token as people see it.
type Token struct {
	Token string `json:"token"`
	QPU   string `json:"qpu_id"`
	State string `json:"state"` // active, redeemed, revoked or expired
}

// Tokens are all that were made, sorted.
func (c *Cloud) Tokens() []Token {
	c.registry.mu.Lock()
	defer c.registry.mu.Unlock()
	list := make([]Token, 0, len(c.registry.tokens))
	for name, t := range c.registry.tokens {
		list = append(list, Token{name, t.qpu, string(t.state)})
	}
	slices.SortFunc(list, func(a, b Token) int { return strings.Compare(a.Token, b.Token) })
	return list
}

// postToken makes a token, for a QPU that need not exist yet.
func (c *Cloud) postToken(w http.ResponseWriter, r *http.Request) {
	var request struct {
		QPU string `json:"qpu_id"`
	}
	if err := readJSON(w, r, maxSmallBody, &request); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	setDefault(&request.QPU, c.cfg.QPU)
	reply(w, http.StatusCreated, Token{c.TokenFor(request.QPU), request.QPU, string(active)})
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
