package webhook

import (
	"net/url"
	"strings"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

// Allowed returns nil if results, and with them the node's token, may go to a
// URL: http or https, without user information, and of the cloud's own origin
// or one that the operator added. Else it returns a *fault.WebhookError that
// says which rule the URL breaks.
func (s *Sender) Allowed(raw string) error {
	_, err := s.origin(raw)
	return err
}

// origin is the URL's origin if it is allowed.
func (s *Sender) origin(raw string) (string, error) {
	origin, err := config.Origin(raw)
	if err != nil {
		return "", refused(raw, "the callback URL "+err.Error())
	}
	if s.transports[origin] == nil {
		return "", refused(raw, "results may not go to "+origin+"; the operator can allow it in CODA_CALLBACK_ORIGINS")
	}
	return origin, nil
}

func refused(raw, reason string) error {
	return &fault.WebhookError{URL: safeURL(raw), Next: fault.Park, Reason: reason}
}

// within is a URL of an origin, with its host as the origin spells it: what was
// allowed is what is dialled, and spellings do not have connections of their own.
func within(origin, raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, err
	}
	_, u.Host, _ = strings.Cut(origin, "://")
	return u, nil
}

// safeURL is what may be shown of a URL: no user information, no query.
func safeURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a URL)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
