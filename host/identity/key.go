package identity

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

// minKeyBits is what RS256 asks for (RFC 7518, section 3.3).
const minKeyBits = 2048

// ParseKey reads an unencrypted RSA private key, PEM, PKCS#1 or PKCS#8. The
// error is a *fault.AuthError and never shows the key's text.
func ParseKey(text config.Secret) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(bytes.TrimSpace([]byte(text)))
	if block == nil {
		return nil, unusable("is not PEM text; it must begin with -----BEGIN PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----")
	}
	var key *rsa.PrivateKey
	switch block.Type {
	case "RSA PRIVATE KEY":
		if block.Headers["DEK-Info"] != "" {
			return nil, unusable("is encrypted; store it without a passphrase")
		}
		parsed, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, unusable("is damaged: its PKCS#1 content cannot be read")
		}
		key = parsed
	case "PRIVATE KEY":
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, unusable("is damaged: its PKCS#8 content cannot be read")
		}
		private, isRSA := parsed.(*rsa.PrivateKey)
		if !isRSA {
			return nil, unusable("is no RSA key; RS256 needs one")
		}
		key = private
	case "ENCRYPTED PRIVATE KEY":
		return nil, unusable("is encrypted; store it without a passphrase")
	default:
		return nil, unusable("is PEM of another kind than a private key")
	}
	if key.N.BitLen() < minKeyBits {
		return nil, unusable("is too short; RS256 needs at least 2048 bits")
	}
	return key, nil
}

func unusable(why string) error {
	return &fault.AuthError{Reason: "the private key " + why}
}
