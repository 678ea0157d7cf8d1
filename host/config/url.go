package config

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
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
// write it: lower case, the scheme's own port left out. A URL with user
// information has none. The errors never repeat the URL, which may hold a
// secret.
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
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if host == "" {
		return "", errors.New("names no host")
	}
	if strings.Contains(host, ":") && !strings.HasPrefix(u.Host, "[") {
		return "", errors.New("names no valid host")
	}
	if port == "" && strings.HasSuffix(u.Host, ":") {
		return "", errors.New("has a colon without a port")
	}
	if port != "" {
		if n, err := parseInt(port); err != nil || n < 1 || n > 65535 {
			return "", errors.New("has a port outside 1 to 65535")
		}
	}
	if scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		port = ""
	}
	switch {
	case port != "":
		host = net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	return scheme + "://" + host, nil
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
