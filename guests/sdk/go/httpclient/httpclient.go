// Package httpclient makes an http.Client of an endpoint: a base URL that the
// operator grants by name, with the secrets that belong to it. The node owns TLS,
// the connections and those secrets; a request says the path.
//
//	client := httpclient.New("fridge")
//	response, err := client.Get("/v1/temperature")
//
// It is a package of its own because net/http makes a module of 10 MB. Package httpsend
// does without.
package httpclient

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/conductorquantum/coda/guests/sdk/go/httpsend"
)

// New returns a client of an endpoint. The URLs of its requests are paths, "/status",
// or name the endpoint as their host, "http://fridge/status". A redirect is the answer and
// is not followed: where it leads is said in the server's paths, which are not those below
// the base URL.
func New(endpoint string) *http.Client {
	return &http.Client{
		Transport:     &Transport{Endpoint: endpoint},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
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
	request := httpsend.Request{Method: cmp.Or(r.Method, http.MethodGet), Path: r.URL.RequestURI(), Body: body}
	if deadline, ok := ctx.Deadline(); ok {
		request.Timeout = max(time.Until(deadline), time.Millisecond)
	}
	for name, values := range r.Header {
		for _, value := range values {
			request.Header = append(request.Header, [2]string{name, value})
		}
	}
	slices.SortStableFunc(request.Header, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	answer, err := httpsend.Send(endpoint, request)
	if err != nil {
		return nil, err
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

func response(r *http.Request, a *httpsend.Response) *http.Response {
	header := make(http.Header, len(a.Header))
	for _, h := range a.Header {
		header.Add(h[0], h[1])
	}
	return &http.Response{
		Status:     fmt.Sprintf("%03d %s", a.Status, http.StatusText(a.Status)),
		StatusCode: a.Status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        header,
		Body:          io.NopCloser(bytes.NewReader(a.Body)),
		ContentLength: int64(len(a.Body)),
		Request:       r,
	}
}
