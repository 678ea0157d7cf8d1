package instrument

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/conductorquantum/coda/abi/effect"
)

const (
	maxMethod  = 32
	maxPath    = 8 << 10
	maxHeaders = 64
	maxHeader  = 32 << 10 // names and values together
)

// request makes a guest's request, or says what it may not have. It goes below the
// base URL whatever the guest wrote.
func (c *client) request(ctx context.Context, call *effect.Call, maxBody uint64) (*http.Request, error) {
	if err := checkMethod(call.Method); err != nil {
		return nil, err
	}
	target, err := c.target(call.Path)
	if err != nil {
		return nil, err
	}
	if uint64(len(call.Data)) > maxBody {
		return nil, fmt.Errorf("its body has %d bytes; at most %d are sent", len(call.Data), maxBody)
	}
	headers, err := c.allHeaders(call.Pairs)
	if err != nil {
		return nil, err
	}
	// The call's data is valid until the call returns, but the transport may read the
	// body for a moment longer.
	request, err := http.NewRequestWithContext(ctx, call.Method, target.String(), bytes.NewReader(bytes.Clone(call.Data)))
	if err != nil {
		return nil, errors.New("it cannot be written as HTTP")
	}
	request.URL, request.Header = target, headers
	sendOnce(request)
	return request, nil
}

// sendOnce keeps the transport from sending a request again, after a connection that was
// kept turned out to be dead: a server may have acted on it, and instruments measure on a
// GET. What the transport takes for repeatable are these methods, with a body that it can
// have anew or none, and an Idempotency-Key, by which a guest allows it.
func sendOnce(r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
	default:
		return
	}
	r.GetBody = nil
	if r.ContentLength == 0 {
		r.Body = nothing{}
		r.TransferEncoding = []string{"identity"} // nor has it chunks
	}
}

// nothing is a body that the transport does not know to be empty.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }
func (nothing) Close() error             { return nil }

func checkMethod(method string) error {
	if !isToken(method) || len(method) > maxMethod {
		return errors.New("its method is no word")
	}
	switch strings.ToUpper(method) {
	case "CONNECT": // a tunnel to anywhere
		return errors.New("its method may not be CONNECT")
	case "TRACE", "TRACK": // the answer shows the headers that the grant sets
		return errors.New("its method may not be TRACE or TRACK")
	}
	return nil
}

// target joins a guest's path to the base URL. What some server might read as a way
// out is refused: dot segments, slashes and backslashes that are encoded however
// often, parameters behind dots.
func (c *client) target(raw string) (*url.URL, error) {
	switch {
	case len(raw) > maxPath:
		return nil, fmt.Errorf("its path is longer than %d bytes", maxPath)
	case !strings.HasPrefix(raw, "/"):
		return nil, errors.New("its path does not start with /")
	case strings.HasPrefix(raw, "//"):
		return nil, errors.New("its path starts with //, which names a host")
	}
	for i := range len(raw) {
		if c := raw[i]; c <= ' ' || c > '~' || strings.IndexByte("\"#<>\\^`{|}", c) >= 0 {
			return nil, fmt.Errorf("its path holds the byte 0x%02x, which must be percent-encoded", c)
		}
	}
	path, query, asked := strings.Cut(raw, "?")
	if err := checkPath(path); err != nil {
		return nil, err
	}
	if _, err := url.PathUnescape(query); err != nil {
		return nil, errors.New("its query has a % that starts no two hexadecimal digits")
	}
	target := *c.base
	target.RawPath = c.base.EscapedPath() + path
	var err error
	if target.Path, err = url.PathUnescape(target.RawPath); err != nil {
		return nil, err // the base was checked, and the path
	}
	target.RawQuery, target.ForceQuery = query, asked && query == ""
	return &target, nil
}

func checkPath(path string) error {
	for i, segment := range strings.Split(path, "/") {
		for first := true; ; first = false {
			if isDots(segment) {
				return errors.New("its path has a dot segment")
			}
			decoded, err := url.PathUnescape(segment)
			if err != nil {
				if first {
					return errors.New("its path has a % that starts no two hexadecimal digits")
				}
				break // after decoding it is only a percent sign
			}
			if decoded == segment {
				break
			}
			if strings.ContainsFunc(decoded, func(r rune) bool { return r < ' ' || r == 0x7f || r == '/' || r == '\\' }) {
				return fmt.Errorf("segment %d of its path encodes a slash, a backslash or a control character", i)
			}
			segment = decoded
		}
	}
	return nil
}

// isDots tells the segments that lead elsewhere, also to servers that cut parameters
// or blanks off.
func isDots(segment string) bool {
	segment, _, _ = strings.Cut(segment, ";")
	segment = strings.TrimRight(segment, " ")
	return segment == "." || segment == ".."
}

// owned are the headers that the host makes from a request, and those by which
// servers are told that it was another one.
var owned = map[string]bool{
	"host": true, "content-length": true, "transfer-encoding": true, "content-transfer-encoding": true, "connection": true,
	"te": true, "trailer": true, "upgrade": true, "http2-settings": true, "keep-alive": true, "expect": true, "accept-encoding": true,
	"forwarded": true, "via": true, "x-original-url": true, "x-original-host": true, "x-rewrite-url": true, "x-host": true,
}

var ownedPrefixes = []string{"proxy-", "x-forwarded-", "x-http-", "x-method-", "sec-websocket-"}

// allHeaders are the guest's and the grant's.
func (c *client) allHeaders(pairs [][2]string) (http.Header, error) {
	if len(pairs) > maxHeaders {
		return nil, fmt.Errorf("it has %d headers; at most %d are sent", len(pairs), maxHeaders)
	}
	headers := c.headers.Clone()
	total := 0
	for _, pair := range pairs {
		name, value := pair[0], pair[1]
		if total += len(name) + len(value); total > maxHeader {
			return nil, fmt.Errorf("its headers have more than %d bytes together", maxHeader)
		}
		if !isToken(name) {
			return nil, errors.New("a header's name is no word")
		}
		if c.owns(name) {
			return nil, fmt.Errorf("the header %s is the host's", shown(name))
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return nil, fmt.Errorf("the header %s has a line break or another control character", shown(name))
		}
		headers.Add(name, value)
	}
	if headers.Get("User-Agent") == "" {
		headers.Set("User-Agent", "coda")
	}
	return headers, nil
}

// owns reports whether a header is not the guest's to set, however a server spells
// it: many take _ for -.
func (c *client) owns(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	if owned[name] {
		return true
	}
	for _, prefix := range ownedPrefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	for set := range c.headers {
		if strings.ReplaceAll(strings.ToLower(set), "_", "-") == name {
			return true
		}
	}
	return false
}

// isToken reports whether text is a token of RFC 9110.
func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}
