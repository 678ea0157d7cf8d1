package config

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Endpoint is one piece of hardware that a guest may reach, and how far.
type Endpoint struct {
	Target        // what its URL says
	URL    string // as it was written

	Timeout        time.Duration // of one call; zero: not set
	ConnectTimeout time.Duration // of a connection's start; zero: not set
	BytesPerSecond uint64        // both ways, of all guests together; zero: no limit
	CallsPerSecond uint64        // the same
	MaxBytes       uint64        // of one call, each way; zero: not set
	Shared         bool          // several guests at once may have it open

	Headers map[string]SecretSource // of each request, by name: http and https
	TLS     TLSFiles                // tls and https
	Ranges  []RegisterRange         // mmio: sorted, apart from each other
}

// TLSFiles are what a connection is checked with beside the system's authorities.
type TLSFiles struct {
	CA          string // authorities to trust instead of the system's, PEM
	Certificate string // the node's own, PEM, where the endpoint asks for one
	Key         string // of Certificate, PEM
	ServerName  string // that the endpoint's certificate must have; else the URL's host
}

// The limits of an endpoint that sets none, and the most that one may set.
const (
	DefaultEndpointTimeout = 10 * time.Second
	DefaultConnectTimeout  = 5 * time.Second
	MaxStreamBytes         = 16 << 20 // of one call to a byte stream or to registers
	MaxHTTPBytes           = 64 << 20 // of one body
)

// OrDefaults fills in what was not set.
func (e Endpoint) OrDefaults() Endpoint {
	if e.Timeout == 0 {
		e.Timeout = DefaultEndpointTimeout
	}
	if e.ConnectTimeout == 0 {
		e.ConnectTimeout = DefaultConnectTimeout
	}
	if e.MaxBytes == 0 {
		e.MaxBytes = e.mostBytes()
	}
	return e
}

func (e *Endpoint) mostBytes() uint64 {
	if e.Interface() == "http" {
		return MaxHTTPBytes
	}
	return MaxStreamBytes
}

// endpointKey is one key of an endpoint.
type endpointKey struct {
	name string
	of   []string // the schemes that have it
	read func(d *document, e *Endpoint, value any, at []string) error
}

var (
	streams = []string{"tcp", "tls", "unix", "serial", "file"}
	overTLS = []string{"tls", "https"}
	overNet = []string{"tcp", "tls", "unix", "http", "https"}
	held    = append([]string{"mmio"}, streams...)
)

// endpointKeys are the keys of an endpoint beside its url.
var endpointKeys = []endpointKey{
	{"timeout", schemes, timeKey(func(e *Endpoint) *time.Duration { return &e.Timeout })},
	{"connect_timeout", overNet, timeKey(func(e *Endpoint) *time.Duration { return &e.ConnectTimeout })},
	{"bytes_per_second", schemes, func(d *document, e *Endpoint, value any, at []string) (err error) {
		e.BytesPerSecond, err = size(value)
		return d.at(at, err)
	}},
	{"calls_per_second", schemes, func(d *document, e *Endpoint, value any, at []string) (err error) {
		e.CallsPerSecond, err = many(value)
		return d.at(at, err)
	}},
	{"max_bytes", schemes, func(d *document, e *Endpoint, value any, at []string) (err error) {
		e.MaxBytes, err = size(value)
		if most := e.mostBytes(); err == nil && e.MaxBytes > most {
			return d.fail(at, "%s is out of range: at most %s", sizeText(e.MaxBytes), sizeText(most))
		}
		return d.at(at, err)
	}},
	{"exclusive", held, func(d *document, e *Endpoint, value any, at []string) error {
		exclusive, ok := value.(bool)
		if !ok {
			return d.fail(at, "must be true or false, not %s", kind(value))
		}
		e.Shared = !exclusive
		return nil
	}},
	{"headers", []string{"http", "https"}, (*document).endpointHeaders},
	{"ca", overTLS, fileKey(func(e *Endpoint) *string { return &e.TLS.CA })},
	{"certificate", overTLS, fileKey(func(e *Endpoint) *string { return &e.TLS.Certificate })},
	{"key", overTLS, fileKey(func(e *Endpoint) *string { return &e.TLS.Key })},
	{"server_name", overTLS, func(d *document, e *Endpoint, value any, at []string) error {
		name, ok := value.(string)
		if !ok || checkHost(name) != nil {
			return d.fail(at, "must be a host's name or address")
		}
		e.TLS.ServerName = name
		return nil
	}},
	{"ranges", []string{"mmio"}, (*document).registerRanges},
}

func timeKey(field func(*Endpoint) *time.Duration) func(*document, *Endpoint, any, []string) error {
	return func(d *document, e *Endpoint, value any, at []string) (err error) {
		*field(e), err = duration(value)
		return d.at(at, err)
	}
}

func fileKey(field func(*Endpoint) *string) func(*document, *Endpoint, any, []string) error {
	return func(d *document, e *Endpoint, value any, at []string) error {
		path, ok := value.(string)
		if !ok || path == "" {
			return d.fail(at, "must be the path of a file")
		}
		*field(e) = d.resolve(path)
		return nil
	}
}

// at says where an error is, if there is one.
func (d *document) at(key []string, err error) error {
	if err == nil {
		return nil
	}
	return d.fail(key, "%v", err)
}

func (d *document) endpoints(device *Device) error {
	table, err := d.table(d.root, "endpoints")
	if err != nil {
		return err
	}
	device.Endpoints = make(map[string]Endpoint, len(table))
	var problems []error
	for _, name := range sortedKeys(table) {
		endpoint, err := d.endpoint(table, name)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		device.Endpoints[name] = endpoint
	}
	return errors.Join(problems...)
}

func (d *document) endpoint(parent map[string]any, name string) (Endpoint, error) {
	at := []string{"endpoints", name}
	under := func(key string) []string { return append(slices.Clone(at), key) }
	if !grantName(name) {
		return Endpoint{}, d.fail(at, "the name may hold letters, digits and . _ - only")
	}
	table, err := d.table(parent, at...)
	if err != nil {
		return Endpoint{}, err
	}
	names := []string{"url"}
	for _, k := range endpointKeys {
		names = append(names, k.name)
	}
	if err := d.only(table, at, names...); err != nil {
		return Endpoint{}, err
	}
	var e Endpoint
	if e.URL, err = d.text(table, under("url")...); err != nil {
		return Endpoint{}, err
	}
	if e.URL == "" {
		return Endpoint{}, d.fail(at, `has no url, such as "tcp://192.0.2.10:5025"`)
	}
	if e.Target, err = parseTarget(e.URL); err != nil {
		return Endpoint{}, d.fail(under("url"), "%v", err)
	}
	var problems []error
	for _, k := range endpointKeys {
		value, ok := table[k.name]
		switch {
		case !ok:
		case !slices.Contains(k.of, e.Scheme):
			problems = append(problems, d.fail(under(k.name), "is nothing for %s://; it is for %s", e.Scheme, strings.Join(k.of, ", ")))
		default:
			problems = append(problems, k.read(d, &e, value, under(k.name)))
		}
	}
	problems = append(problems, d.together(&e, at, table))
	return e, errors.Join(problems...)
}

// together checks what keys mean for each other.
func (d *document) together(e *Endpoint, at []string, table map[string]any) error {
	switch _, given := table["ranges"]; {
	case (e.TLS.Certificate == "") != (e.TLS.Key == ""):
		return d.fail(at, "certificate and key belong together; one is missing")
	case e.Scheme == "mmio" && !given:
		return d.fail(at, `has no ranges that a guest may use, such as ["0x0000-0x0fff rw"]`)
	}
	return nil
}
