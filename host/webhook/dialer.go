package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

const (
	maxAddresses = 8               // of one name that are tried
	patience     = 5 * time.Second // with an address while others are left; SYN goes out at 0, 1 and 3 s
)

// Resolver turns names into addresses. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

type dial = func(ctx context.Context, network, address string) (net.Conn, error)

// dialer connects to the addresses that it has checked. A name is resolved once
// for each connection, and what is dialled is an address: no second answer of the
// name server can come between the check and the connection.
type dialer struct {
	resolver Resolver
	dial     dial
}

func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addresses, err := d.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	var errs []error
	for i, a := range addresses {
		conn, err := d.try(ctx, network, net.JoinHostPort(a.String(), port), i == len(addresses)-1)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// try dials one address, with all the time there is if it is the last.
func (d *dialer) try(ctx context.Context, network, address string, last bool) (net.Conn, error) {
	if !last {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	return d.dial(ctx, network, address)
}

// resolve returns a host's addresses without those that nothing may be sent to.
// The error is a *strayedError if that leaves none.
func (d *dialer) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	var addresses []netip.Addr
	if written, err := netip.ParseAddr(host); err == nil {
		addresses = []netip.Addr{written}
	} else if addresses, err = d.resolver.LookupNetIP(ctx, "ip", host); err != nil {
		return nil, err
	}
	good := make([]netip.Addr, 0, len(addresses))
	var strayed error
	for _, a := range addresses {
		a = a.Unmap()
		if err := checkAddress(host, a); err != nil {
			strayed = &strayedError{host, a, err}
			continue
		}
		good = append(good, a)
	}
	if len(good) == 0 {
		if strayed == nil {
			strayed = &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
		}
		return nil, strayed
	}
	return good[:min(len(good), maxAddresses)], nil
}

// strayedError is a name that leads where nothing may be sent.
type strayedError struct {
	host    string
	address netip.Addr
	why     error
}

func (e *strayedError) Error() string {
	return fmt.Sprintf("%s leads to %s, where no result is sent: %s", e.host, e.address, e.why)
}

func (e *strayedError) Unwrap() error { return e.why }
