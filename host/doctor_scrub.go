package host

import (
	"net/url"
	"strings"

	"github.com/conductorquantum/coda/host/config"
)

// shortSecret is the length under which a secret is not looked for in texts: it
// would be found everywhere.
const shortSecret = 3

// newScrubber takes secrets out of texts that others made of what they were
// given: the last line of defence, behind types that do not print.
func newScrubber(s config.Settings) *strings.Replacer {
	secrets := []string{string(s.NodeToken), string(s.JWTPrivateKey)}
	for _, value := range s.Headers {
		secrets = append(secrets, string(value))
	}
	if u, err := url.Parse(string(s.RedisURL)); err == nil {
		password, _ := u.User.Password()
		secrets = append(secrets, password, url.QueryEscape(password), url.PathEscape(password), u.User.String())
	} else {
		secrets = append(secrets, string(s.RedisURL))
	}
	var pairs []string
	for _, secret := range secrets {
		if len(secret) >= shortSecret {
			pairs = append(pairs, secret, "[redacted]")
		}
	}
	return strings.NewReplacer(pairs...)
}

// MaskRedisURL is a Redis URL without what it says of users and passwords.
func MaskRedisURL(raw config.Secret) string {
	if raw == "" {
		return "not set"
	}
	u, err := url.Parse(string(raw))
	if err != nil || u.Opaque != "" {
		return "[redacted]"
	}
	shown := u.Scheme + "://"
	if u.User != nil {
		shown += "[redacted]@"
	}
	return shown + u.Host + u.Path
}
