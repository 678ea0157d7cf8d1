// Package httpsend sends HTTP requests to an endpoint: a base URL that the operator
// grants by name, with the secrets that belong to it. The node owns TLS, the
// connections and those secrets.
//
//	answer, err := httpsend.Send("fridge", httpsend.Request{Path: "/v1/temperature"})
//
// It is what package httpclient stands on, for those who do not need its http.Client:
// without net/http a module has 7 MB less.
package httpsend

import (
	"math"
	"time"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/internal/guest"
)

func init() { guest.LearnKinds() }

// Request is what is sent.
type Request struct {
	Method  string        // empty: GET, or POST with a body
	Path    string        // from /, joined to the base URL, with a query if there is one
	Header  [][2]string   // names and values
	Body    []byte        // may be nil
	Timeout time.Duration // 0: the grant's own, which holds in any case
}

// Response is what came back, whole. A status that is no success is no error.
type Response struct {
	Status int
	Header [][2]string // names, in any case of letters, and values
	Body   []byte
}

// Send sends a request and waits for the answer. Errors are *coda.IOError.
func Send(endpoint string, r Request) (Response, error) {
	request := &guest.HTTPRequest{Method: r.Method, Path: r.Path, Headers: r.Header, Body: r.Body}
	if request.Method == "" {
		request.Method = "GET"
		if len(r.Body) > 0 {
			request.Method = "POST"
		}
	}
	if r.Timeout > 0 {
		request.TimeoutMS = uint32(min((r.Timeout+time.Millisecond-1)/time.Millisecond, math.MaxUint32))
	}
	answer, failure := guest.HTTPSend(endpoint, request)
	if failure != nil {
		return Response{}, &coda.IOError{Op: "send to", Endpoint: endpoint, Kind: coda.IOKind(failure.Kind), Message: failure.Message}
	}
	return Response{int(answer.Status), answer.Headers, answer.Body}, nil
}
