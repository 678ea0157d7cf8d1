package webhook_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/webhook"
)

// world is an internet in which every address answers, and which remembers what
// came where. Names of which nothing is known lead to 198.51.100.66.
type world struct {
	names   map[string][]string     // the answers of the name server, one after the other; the last one stays
	answers map[string]http.Handler // by address and port; else 200
	down    map[string]bool         // addresses that refuse connections
	ca      *authority
	certs   map[string]string // the name that an address has a certificate for; else the one it is asked for

	mu       sync.Mutex
	lookups  []string
	dialled  []string
	received []received
}

// received is a request, or what came instead of one.
type received struct {
	at     string // address and port
	proto  string
	header http.Header
	target string // of the request line
	host   string
}

func (w *world) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, earlier := range w.lookups {
		if earlier == host {
			n++
		}
	}
	w.lookups = append(w.lookups, host)
	answer := "198.51.100.66"
	if known := w.names[host]; len(known) > 0 {
		answer = known[min(n, len(known)-1)]
	}
	var addresses []netip.Addr
	for text := range strings.FieldsSeq(answer) {
		addresses = append(addresses, netip.MustParseAddr(text))
	}
	return addresses, nil
}

func (w *world) dial(_ context.Context, _, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dialled = append(w.dialled, address)
	w.mu.Unlock()
	if w.down[address] {
		return nil, fmt.Errorf("dial tcp %s: connection refused", address)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	ours, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return nil, err
	}
	theirs, err := listener.Accept()
	if err != nil {
		ours.Close()
		return nil, err
	}
	go w.serve(theirs, address)
	return ours, nil
}

// peeked is a connection whose beginning was looked at.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

func (w *world) serve(conn net.Conn, at string) {
	defer conn.Close()
	p := peeked{conn, bufio.NewReader(conn)}
	first, err := p.r.Peek(1)
	if err != nil {
		return
	}
	if first[0] == 0x16 { // a TLS handshake
		secure := tls.Server(p, &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			name := hello.ServerName
			if other, ok := w.certs[at]; ok {
				name = other
			}
			return w.ca.issue(name), nil
		}})
		defer secure.Close()
		p = peeked{secure, bufio.NewReader(secure)}
	}
	for {
		request, err := http.ReadRequest(p.r)
		if err != nil {
			return
		}
		w.mu.Lock()
		w.received = append(w.received, received{at, request.Proto, request.Header, request.RequestURI, request.Host})
		w.mu.Unlock()
		if request.Method == http.MethodConnect {
			say(p, "HTTP/1.1 200 OK\r\n\r\n")
			w.serve(p, request.RequestURI)
			return
		}
		_, _ = io.Copy(io.Discard, request.Body)
		answer := answer{header: http.Header{}, status: 200}
		if h := w.answers[at]; h != nil {
			h.ServeHTTP(&answer, request)
		}
		say(p, fmt.Sprintf("HTTP/1.1 %d x\r\nContent-Length: 0\r\n", answer.status))
		_ = answer.header.Write(p)
		say(p, "\r\n")
	}
}

// answer has no body.
type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return len(b), nil }

// sender posts in this world.
func (w *world) sender(t *testing.T, cfg webhook.Config) *webhook.Sender {
	t.Helper()
	w.ca = testAuthority()
	cfg.Resolver, cfg.Dial = w, w.dial
	if cfg.Proxy == nil {
		cfg.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	}
	s := sender(t, cfg)
	s.Trust(w.ca.roots)
	return s
}

// tokens is where tokens came, in order.
func (w *world) tokens() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var at []string
	for _, r := range w.received {
		if slices.ContainsFunc(r.header.Values("Authorization"), func(v string) bool { return strings.Contains(v, "the-token") }) {
			at = append(at, r.at)
		}
	}
	return at
}

// authority signs certificates for any name.
type authority struct {
	roots *x509.CertPool
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
}

var testAuthority = sync.OnceValue(func() *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	a := &authority{key: key, roots: x509.NewCertPool()}
	a.cert = a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil)
	a.roots.AddCert(a.cert)
	return a
})

func (a *authority) sign(template, parent *x509.Certificate) *x509.Certificate {
	template.SerialNumber = big.NewInt(1)
	template.NotBefore = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC) // clocks of synctest start in 2000
	template.NotAfter = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &a.key.PublicKey, a.key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return cert
}

func (a *authority) issue(name string) *tls.Certificate {
	template := &x509.Certificate{Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}}
	if ip := net.ParseIP(name); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	leaf := a.sign(template, a.cert)
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: a.key}
}
