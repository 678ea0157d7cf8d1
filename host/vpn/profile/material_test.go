package profile_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

// material makes what OpenVPN can load for each kind of block but pkcs12. It is the
// same every time, so that a seed makes the same profiles again.
func material(tb testing.TB) map[string]string {
	tb.Helper()
	authority := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	client := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, ed25519.SeedSize))
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, SubjectKeyId: []byte{1},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "client"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	made := func(der []byte, err error) []byte {
		if err != nil {
			tb.Fatal(err)
		}
		return der
	}
	rootDER := made(x509.CreateCertificate(nil, root, root, authority.Public(), authority))
	leafDER := made(x509.CreateCertificate(nil, leaf, root, client.Public(), authority))
	keyDER := made(x509.MarshalPKCS8PrivateKey(client))
	crlDER := made(x509.CreateRevocationList(nil, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Unix(0, 0), NextUpdate: time.Unix(1<<32, 0),
	}, root, authority))

	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	static := "-----BEGIN OpenVPN Static key V1-----\n" +
		strings.Repeat("6acef03f62675b4b1bbd03e53b187727\n", 16) + "-----END OpenVPN Static key V1-----\n"
	sum := sha256.Sum256(rootDER)
	fingerprint := strings.ToUpper(hex.EncodeToString(sum[:]))
	for i := len(fingerprint) - 2; i > 0; i -= 2 {
		fingerprint = fingerprint[:i] + ":" + fingerprint[i:]
	}
	return map[string]string{
		"ca":               text("CERTIFICATE", rootDER),
		"cert":             text("CERTIFICATE", leafDER),
		"key":              text("PRIVATE KEY", keyDER),
		"extra-certs":      text("CERTIFICATE", rootDER),
		"tls-auth":         static,
		"tls-crypt":        static,
		"tls-crypt-v2":     text("OpenVPN tls-crypt-v2 client key", bytes.Repeat([]byte{7}, 600)),
		"pkcs12":           "AAAA\n",
		"crl-verify":       text("X509 CRL", crlDER),
		"peer-fingerprint": fingerprint + "\n",
	}
}
