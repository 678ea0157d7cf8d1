package config

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const healthPath = "/api/internal/qpu/health"

// ConnectURL is where the node logs on.
func (s *Settings) ConnectURL() string { return s.url(s.ConnectPath) }

// HeartbeatURL is where the node reports.
func (s *Settings) HeartbeatURL() string { return s.url(s.HeartbeatPath) }

// WebhookURL is the cloud's own callback, for jobs that name none that may be
// used.
func (s *Settings) WebhookURL() string { return s.url(s.WebhookPath) }

// HealthURL answers who has no credential.
func (s *Settings) HealthURL() string { return s.url(healthPath) }

// ProbeURLs are what must answer through the tunnel: the configured targets,
// else the cloud's health endpoint where a tunnel is required, else none.
func (s *Settings) ProbeURLs() []string {
	switch {
	case len(s.VPN.ProbeTargets) > 0:
		return s.VPN.ProbeTargets
	case s.VPN.Required:
		return []string{s.HealthURL()}
	}
	return nil
}

// url joins a path to the cloud's base URL with exactly one slash between them.
func (s *Settings) url(path string) string {
	return strings.TrimRight(s.WebappURL, "/") + "/" + strings.TrimLeft(path, "/")
}

// ownHeaders are the node's: its credential, what a request is made of, and what
// tells one outcome from another.
var ownHeaders = []string{
	"Authorization", "Connection", "Content-Length", "Content-Type", "Host", "Idempotency-Key",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Webhook-Id",
}

// SetHeaders adds the operator's extra headers to a request to the cloud, except
// those that are the node's own. They replace what is there.
func (s *Settings) SetHeaders(h http.Header) {
	for name, value := range s.Headers {
		if name = http.CanonicalHeaderKey(name); !slices.Contains(ownHeaders, name) {
			h.Set(name, string(value))
		}
	}
}

func (s *Settings) warnOfOwnHeaders() {
	for _, name := range sortedKeys(s.Headers) {
		if slices.Contains(ownHeaders, http.CanonicalHeaderKey(name)) {
			s.warn("the extra header %s is not sent: the node sets it itself", name)
		}
	}
}

// Origin is the scheme, host and port of an http(s) URL, written as browsers
// write it: lower case, addresses in their usual spelling, the scheme's own port
// left out. Where two programs could read a host differently, it has none: no user
// information, no letters beyond ASCII, no IPv4 address in odd figures, no IPv6
// zone. The errors never repeat the URL, which may hold a secret.
func Origin(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", errors.New("is not a URL")
	}
	scheme := strings.ToLower(u.Scheme)
	if scheme != "http" && scheme != "https" {
		return "", errors.New("is not an http or https URL")
	}
	if u.User != nil {
		return "", errors.New("holds user information, which a URL here must not")
	}
	host, err := canonicalHost(u)
	if err != nil {
		return "", err
	}
	port := u.Port()
	if port == "" {
		if strings.HasSuffix(u.Host, ":") {
			return "", errors.New("has a colon without a port")
		}
		return scheme + "://" + host, nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", errors.New("has a port outside 1 to 65535")
	}
	if scheme == "http" && n == 80 || scheme == "https" && n == 443 {
		return scheme + "://" + host, nil
	}
	return scheme + "://" + host + ":" + strconv.FormatUint(n, 10), nil
}

// canonicalHost is a URL's host without its port; an IPv6 address has its brackets.
func canonicalHost(u *url.URL) (string, error) {
	host := u.Hostname()
	if host == "" {
		return "", errors.New("names no host")
	}
	if strings.HasPrefix(u.Host, "[") {
		address, err := netip.ParseAddr(host)
		if err != nil || !address.Is6() {
			return "", errors.New("names no valid IPv6 address")
		}
		if address.Zone() != "" {
			return "", errors.New("names an IPv6 zone, which a URL here must not")
		}
		return "[" + address.String() + "]", nil
	}
	for i := range len(host) {
		c := host[i]
		if c >= utf8.RuneSelf {
			return "", errors.New("names a host in letters beyond ASCII; write it in Punycode (xn--…)")
		}
		if !isAlphanumeric(c) && c != '-' && c != '.' && c != '_' {
			return "", errors.New("names no valid host")
		}
	}
	host = strings.ToLower(host)
	if _, err := netip.ParseAddr(host); err != nil && endsInNumber(host) {
		return "", errors.New("names an IPv4 address that is not written as four decimal numbers")
	}
	return host, nil
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// endsInNumber tells a host that some take for an IPv4 address, such as 0x7f.1 or
// 2130706433: its last label is a number.
func endsInNumber(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	digits, hex := strings.CutPrefix(last, "0x")
	if hex {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// CheckHTTPURL says what is wrong with a base URL, http or https, without repeating
// it. Paths are put behind it, so nothing else may stand there.
func CheckHTTPURL(raw string) error {
	if _, err := Origin(raw); err != nil {
		return err
	}
	if strings.ContainsAny(raw, "?#") {
		return errors.New("has a query or a fragment; give the part before it")
	}
	return nil
}

// CheckRedisURL says what is wrong with a Redis URL without repeating it.
func CheckRedisURL(raw Secret) error {
	u, err := url.Parse(string(raw))
	if err != nil {
		return errors.New("is not a URL")
	}
	switch u.Scheme {
	case "redis", "rediss":
		if u.Hostname() == "" {
			return errors.New("names no host")
		}
	case "unix":
		if u.Path == "" {
			return errors.New("names no socket")
		}
	default:
		return errors.New("must start with redis://, rediss:// or unix://")
	}
	return nil
}

// checkOrigin accepts an origin and nothing more: a path would suggest that it
// counts.
func checkOrigin(raw string) error {
	origin, err := Origin(raw)
	if err != nil {
		return err
	}
	if u, err := url.Parse(raw); err != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("must be an origin alone, such as " + origin)
	}
	return nil
}
