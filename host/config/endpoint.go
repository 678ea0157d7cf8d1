package config

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Endpoint is one piece of hardware that a guest may reach.
type Endpoint struct {
	URL     string        // tcp, tls, unix, serial, file, http, https or mmio
	Timeout time.Duration // of one call; zero: not set
}

// schemes are the beginnings of an endpoint's URL.
var schemes = []string{"tcp", "tls", "unix", "serial", "file", "http", "https", "mmio"}

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
	if !grantName(name) {
		return Endpoint{}, d.fail(at, "the name may hold letters, digits and . _ - only")
	}
	table, err := d.table(parent, at...)
	if err != nil {
		return Endpoint{}, err
	}
	if err := d.only(table, at, "url", "timeout"); err != nil {
		return Endpoint{}, err
	}
	var e Endpoint
	if e.URL, err = d.text(table, append(at, "url")...); err != nil {
		return Endpoint{}, err
	}
	if e.URL == "" {
		return Endpoint{}, d.fail(at, `has no url, such as "tcp://192.0.2.10:5025"`)
	}
	scheme, _, ok := strings.Cut(e.URL, "://")
	if !ok || !slices.Contains(schemes, strings.ToLower(scheme)) {
		return Endpoint{}, d.fail(append(at, "url"), "must start with one of %s, followed by ://", strings.Join(schemes, ", "))
	}
	if value, ok := table["timeout"]; ok {
		if e.Timeout, err = duration(value); err != nil {
			return Endpoint{}, d.fail(append(at, "timeout"), "%v", err)
		}
	}
	return e, nil
}
