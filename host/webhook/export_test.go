package webhook

import (
	"crypto/tls"
	"crypto/x509"
)

// Trust has the sender accept certificates of these roots alone.
func (s *Sender) Trust(roots *x509.CertPool) {
	for _, t := range s.transports {
		t.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
}

// RetryAfter reads the header of that name.
var RetryAfter = retryAfter
