package instrument

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/conductorquantum/coda/host/config"
)

// keepAlive finds a peer that is gone without a word within a minute.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 15 * time.Second, Count: 3}

// connect opens the stream that a grant names.
func (g *grant) connect(ctx context.Context) (wire, error) {
	switch g.Scheme {
	case "serial":
		return openSerial(ctx, g.Path, g.Serial, g.leave)
	case "file":
		return openDevice(ctx, g.Path, g.leave)
	}
	dialer := net.Dialer{KeepAliveConfig: keepAlive} // without delay, as always in Go
	switch g.Scheme {
	case "tls":
		plain, err := dialer.DialContext(ctx, "tcp", g.Address)
		if err != nil {
			return nil, err
		}
		conn := tls.Client(plain, g.tls)
		if err := conn.HandshakeContext(ctx); err != nil {
			plain.Close()
			return nil, err
		}
		return &secured{deadlined{conn}, conn}, nil
	case "unix":
		conn, err := dialer.DialContext(ctx, "unix", g.Path)
		if err != nil {
			return nil, err
		}
		return &deadlined{c: conn}, nil
	default:
		conn, err := dialer.DialContext(ctx, "tcp", g.Address)
		if err != nil {
			return nil, err
		}
		return &deadlined{c: conn}, nil
	}
}

const maxCertificates = 1 << 20

// tlsConfig reads the files that an endpoint names. What the peer shows is verified
// always.
func tlsConfig(e config.Endpoint) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: e.TLS.ServerName}
	if c.ServerName == "" && e.Address != "" {
		host, _, err := net.SplitHostPort(e.Address)
		if err != nil {
			return nil, err
		}
		c.ServerName = host
	}
	if e.TLS.CA != "" {
		pem, err := readRegular(e.TLS.CA, maxCertificates)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s holds no certificate in PEM", e.TLS.CA)
		}
	}
	if e.TLS.Certificate != "" {
		own, err := tls.LoadX509KeyPair(e.TLS.Certificate, e.TLS.Key)
		if err != nil {
			return nil, fmt.Errorf("certificate and key: %w", err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}

// readRegular reads a regular file of at most limit bytes. A link is followed: the
// operator wrote the path.
func readRegular(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path) // opening a pipe would wait for its other end
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", path)
	case info.Size() > limit:
		return nil, fmt.Errorf("%s has %d bytes; at most %d are read", path, info.Size(), limit)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, path, limit)
}
