// Package httpclient makes an http.Client of an endpoint: a base URL that the
// operator grants by name, with the secrets that belong to it. The node owns TLS,
// the connections and those secrets; a request says the path.
//
//	client := httpclient.New("fridge")
//	response, err := client.Get("/v1/temperature")
//
// It is a package of its own because net/http makes a module of 10 MB.
package httpclient

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/internal/guest"
)

func init() { guest.LearnKinds() }

// New returns a client of an endpoint. The URLs of its requests are paths, "/status",
// or name the endpoint as their host, "http://fridge/status".
func New(endpoint string) *http.Client {
	return &http.Client{Transport: &Transport{Endpoint: endpoint}}
}

// Transport is an http.RoundTripper to an endpoint, or, where Endpoint is empty, to
// the one that the host of each URL names. Whatever the scheme, the node speaks that
// of the base URL.
//
// The deadline of a request's context is passed on to the node, and so is a
// cancelled job: see coda.ErrCancelled. Its other errors are *coda.IOError too, and a
// client wraps them into *url.Error. Bodies, both ways, cross whole.
type Transport struct{ Endpoint string }

// RoundTrip sends a request.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := readAll(r)
	if err != nil {
		return nil, err
	}
	endpoint := t.Endpoint
	switch host := r.URL.Host; {
	case endpoint == "" && host == "":
		return nil, fmt.Errorf("the URL %q names no endpoint as its host", r.URL)
	case endpoint == "":
		endpoint = host
	case host != "" && host != endpoint:
		return nil, fmt.Errorf("the URL %q is for the host %q; this client reaches the endpoint %q alone", r.URL, host, endpoint)
	}
	ctx := r.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	request := &guest.HTTPRequest{Method: r.Method, Path: r.URL.RequestURI(), Body: body}
	if request.Method == "" {
		request.Method = http.MethodGet
	}
	if deadline, ok := ctx.Deadline(); ok {
		left := max(time.Until(deadline), time.Millisecond)
		request.TimeoutMS = uint32(min((left+time.Millisecond-1)/time.Millisecond, math.MaxUint32))
	}
	for name, values := range r.Header {
		for _, value := range values {
			request.Headers = append(request.Headers, [2]string{name, value})
		}
	}
	slices.SortStableFunc(request.Headers, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	answer, failure := guest.HTTPSend(endpoint, request)
	if failure != nil {
		return nil, &coda.IOError{Op: "send to", Endpoint: endpoint, Kind: coda.IOKind(failure.Kind), Message: failure.Message}
	}
	return response(r, &answer), nil
}

// readAll reads and closes the body, as a RoundTripper has to.
func readAll(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	return body, errors.Join(err, r.Body.Close())
}

func response(r *http.Request, a *guest.HTTPResponse) *http.Response {
	header := make(http.Header, len(a.Headers))
	for _, h := range a.Headers {
		header.Add(h[0], h[1])
	}
	status := int(a.Status)
	return &http.Response{
		Status:     fmt.Sprintf("%03d %s", status, http.StatusText(status)),
		StatusCode: status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        header,
		Body:          io.NopCloser(bytes.NewReader(a.Body)),
		ContentLength: int64(len(a.Body)),
		Request:       r,
	}
}
