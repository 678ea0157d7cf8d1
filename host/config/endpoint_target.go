package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// schemes are the beginnings of an endpoint's URL.
var schemes = []string{"tcp", "tls", "unix", "serial", "file", "http", "https", "mmio"}

// Target is what an endpoint's URL names.
type Target struct {
	Scheme  string // tcp, tls, unix, serial, file, http, https or mmio
	Address string // tcp and tls: host:port
	Path    string // unix, serial, file and mmio: absolute
	Base    string // http and https: the URL that requests are joined to, without a slash at its end
	Serial  SerialLine
	Size    uint64 // mmio: bytes of the window, whole words
	Offset  uint64 // mmio: of the window in the file, whole pages
}

// SerialLine is how a serial line is set.
type SerialLine struct {
	Baud     int    // 9600 where not said
	DataBits int    // 5 to 8; 8 where not said
	Parity   string // none, odd, even, mark or space
	StopBits string // 1 or 2
}

const (
	maxBaud       = 12_000_000
	maxWindow     = 1 << 30
	windowPage    = 4096 // the least page that a file is mapped by
	longestSocket = 103  // bytes of a Unix socket's path: the least of all systems
)

// Interface is the interface of the WIT that an endpoint of this kind is used by.
func (t *Target) Interface() string {
	switch t.Scheme {
	case "http", "https":
		return "http"
	case "mmio":
		return "registers"
	default:
		return "byte-stream"
	}
}

// parseTarget reads an endpoint's URL. Errors never repeat it: somebody may have
// written a password into it.
func parseTarget(raw string) (Target, error) {
	scheme, _, ok := strings.Cut(raw, "://")
	t := Target{Scheme: strings.ToLower(scheme)}
	if !ok || !slices.Contains(schemes, t.Scheme) {
		return t, fmt.Errorf("must start with one of %s, followed by ://", strings.Join(schemes, ", "))
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return t, errors.New("is not a URL")
	case u.User != nil:
		return t, errors.New("holds user information; a secret belongs into headers, as env:VARIABLE or file:PATH")
	case strings.Contains(raw, "#"):
		return t, errors.New("has a fragment, which means nothing here")
	}
	query, err := single(u)
	if err != nil {
		return t, err
	}
	switch t.Scheme {
	case "tcp", "tls":
		t.Address, err = netAddress(u)
	case "http", "https":
		t.Base, err = baseURL(raw, u)
	case "serial":
		if t.Path, err = devicePath(u); err == nil {
			t.Serial, err = serialLine(query)
		}
	case "mmio":
		if t.Path, err = devicePath(u); err == nil {
			err = t.window(query)
		}
	case "unix":
		if t.Path, err = devicePath(u); len(t.Path) > longestSocket {
			err = fmt.Errorf("names a socket by %d bytes; a system takes %d at most", len(t.Path), longestSocket)
		}
	default:
		t.Path, err = devicePath(u)
	}
	if err != nil {
		return t, err
	}
	for _, name := range sortedKeys(query) {
		return t, fmt.Errorf("has a query %s, which %s:// has no use for", quote(name), t.Scheme)
	}
	return t, nil
}

// single is a query with each name once.
func single(u *url.URL) (map[string]string, error) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil || u.ForceQuery {
		return nil, errors.New("has a query that cannot be read")
	}
	query := make(map[string]string, len(values))
	for name, all := range values {
		if len(all) > 1 {
			return nil, fmt.Errorf("says %s twice", quote(name))
		}
		query[name] = all[0]
	}
	return query, nil
}

// take removes a parameter from a query.
func take(query map[string]string, name, otherwise string) string {
	value, ok := query[name]
	if !ok {
		return otherwise
	}
	delete(query, name)
	return value
}

func netAddress(u *url.URL) (string, error) {
	if u.Path != "" {
		return "", errors.New("has a path; write the host and the port alone")
	}
	host := u.Hostname()
	if err := checkHost(host); err != nil {
		return "", err
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return "", errors.New("has no port from 1 to 65535 after its host")
	}
	return net.JoinHostPort(host, strconv.FormatUint(port, 10)), nil
}

// checkHost accepts a name in ASCII, or an address; an IPv6 address may have a zone.
func checkHost(host string) error {
	if host == "" {
		return errors.New("names no host")
	}
	if strings.Contains(host, ":") {
		if _, err := netip.ParseAddr(host); err != nil {
			return errors.New("names no valid IPv6 address")
		}
		return nil
	}
	_, err := canonicalHost(&url.URL{Host: host})
	return err
}

func baseURL(raw string, u *url.URL) (string, error) {
	if err := CheckHTTPURL(raw); err != nil {
		return "", err
	}
	escaped := u.EscapedPath()
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." || strings.ContainsFunc(segment, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
			return "", errors.New("has a path with dot segments, backslashes or control characters")
		}
	}
	if lower := strings.ToLower(escaped); strings.Contains(lower, "%2f") {
		return "", errors.New("has a path with an encoded slash")
	}
	origin, err := Origin(raw)
	return origin + strings.TrimRight(escaped, "/"), err
}

func devicePath(u *url.URL) (string, error) {
	switch {
	case u.Host != "":
		return "", fmt.Errorf("names a host; a path has three slashes before it: %s:///…", strings.ToLower(u.Scheme))
	case !path.IsAbs(u.Path) || u.Path == "/":
		return "", fmt.Errorf("names no absolute path, such as %s:///…", strings.ToLower(u.Scheme))
	case strings.ContainsRune(u.Path, 0):
		return "", errors.New("names a path with a zero byte")
	}
	return path.Clean(u.Path), nil
}

func serialLine(query map[string]string) (SerialLine, error) {
	line := SerialLine{Parity: take(query, "parity", "none"), StopBits: take(query, "stop", "1")}
	var err error
	if line.Baud, err = strconv.Atoi(take(query, "baud", "9600")); err != nil || line.Baud < 50 || line.Baud > maxBaud {
		return line, fmt.Errorf("has a baud outside 50 to %d", maxBaud)
	}
	if line.DataBits, err = strconv.Atoi(take(query, "data", "8")); err != nil || line.DataBits < 5 || line.DataBits > 8 {
		return line, errors.New("has a data outside 5 to 8 bits")
	}
	if !slices.Contains([]string{"none", "odd", "even", "mark", "space"}, line.Parity) {
		return line, errors.New("has a parity that is none of none, odd, even, mark and space")
	}
	if !slices.Contains([]string{"1", "2"}, line.StopBits) { // 1.5 is not to be had on a Unix system
		return line, errors.New("has a stop that is neither 1 nor 2")
	}
	return line, nil
}

func (t *Target) window(query map[string]string) error {
	text := take(query, "size", "")
	if text == "" {
		return errors.New("has no size, such as ?size=65536")
	}
	var err error
	if t.Size, err = strconv.ParseUint(text, 0, 64); err != nil || t.Size == 0 || t.Size > maxWindow || t.Size%4 != 0 {
		return fmt.Errorf("has a size that is no multiple of 4 from 4 to %d", maxWindow)
	}
	if t.Offset, err = strconv.ParseUint(take(query, "offset", "0"), 0, 63); err != nil || t.Offset%windowPage != 0 {
		return fmt.Errorf("has an offset that is no multiple of %d", windowPage)
	}
	return nil
}
