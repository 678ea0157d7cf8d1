package profile

import (
	"strconv"
	"strings"
)

// rules are what a profile must hold as a whole. The first three are the policy's; the
// others are OpenVPN's own, so that what the policy accepts is not refused when the
// tunnel is started, long after the profile came.
var rules = []func(*Profile) *Refusal{
	(*Profile).checkClient,
	(*Profile).checkRemote,
	(*Profile).checkDevice,
	(*Profile).checkIdentity,
	(*Profile).checkFingerprints,
	(*Profile).checkControlKey,
	(*Profile).checkPorts,
	(*Profile).checkSizes,
	(*Profile).checkProtocols,
	(*Profile).checkKeepalive,
	(*Profile).checkVersions,
}

func (p *Profile) check() *Refusal {
	for _, rule := range rules {
		if refusal := rule(p); refusal != nil {
			return refusal
		}
	}
	return nil
}

func (p *Profile) checkClient() *Refusal {
	if !p.Has("client") && !(p.Has("tls-client") && p.Has("pull")) {
		return &Refusal{Reason: "there is no client directive, nor both tls-client and pull"}
	}
	return nil
}

func (p *Profile) checkRemote() *Refusal {
	if !p.Has("remote") {
		return &Refusal{Reason: "there is no remote to connect to"}
	}
	return nil
}

func (p *Profile) checkDevice() *Refusal {
	if !p.Has("dev") {
		return &Refusal{Reason: "there is no dev directive"}
	}
	return nil
}

// checkIdentity asks for what the server is recognised by, and for what this client
// shows.
func (p *Profile) checkIdentity() *Refusal {
	if container := p.last("pkcs12"); container != nil {
		for _, name := range []string{"cert", "key"} {
			if other := p.last(name); other != nil {
				return &Refusal{other.line, "<" + name + "> cannot stand beside <pkcs12>, which holds one"}
			}
		}
		return nil
	}
	switch {
	case !p.Has("ca") && !p.Has("peer-fingerprint"):
		return &Refusal{Reason: "there is no <ca>, <peer-fingerprint> or <pkcs12> to recognise the server by"}
	case !p.Has("cert") || !p.Has("key"):
		return &Refusal{Reason: "there are not both <cert> and <key>, nor is there <pkcs12>, to show to the server"}
	}
	return nil
}

// fingerprint is a SHA-256 in hex.
var fingerprint = whole(`([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}`)

func (p *Profile) checkFingerprints() *Refusal {
	block := p.last("peer-fingerprint")
	if block == nil {
		return nil
	}
	found := false
	at := block.line
	for line := range strings.Lines(string(block.data)) {
		at++
		line = strings.TrimLeft(strings.TrimSuffix(line, "\n"), blanks)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if !fingerprint.MatchString(line) {
			return &Refusal{at, "a line of <peer-fingerprint> is no SHA-256, which is 32 bytes in hex with colons between them"}
		}
		found = true
	}
	if !found {
		return &Refusal{block.line, "<peer-fingerprint> is empty"}
	}
	return nil
}

func (p *Profile) checkControlKey() *Refusal {
	first := ""
	for _, e := range p.entries {
		if !e.block || !strings.HasPrefix(e.name, "tls-") {
			continue
		}
		if first != "" {
			return &Refusal{e.line, "<" + e.name + "> cannot stand beside <" + first + ">"}
		}
		first = e.name
	}
	return nil
}

func (p *Profile) checkPorts() *Refusal {
	if local := p.last("lport"); local != nil && p.Has("nobind") {
		return &Refusal{local.line, "lport cannot stand beside nobind"}
	}
	return nil
}

// checkSizes asks for sizes of packets that OpenVPN can work with.
func (p *Profile) checkSizes() *Refusal {
	for _, e := range p.entries { // not only the last counts
		if e.name == "fragment" && e.number(0) < 68 {
			return &Refusal{e.line, "fragment must be at least 68"}
		}
	}
	if e := p.last("tun-mtu"); e != nil && (e.number(0) < 100 || e.number(0) > 65535) {
		return &Refusal{e.line, "tun-mtu must be from 100 to 65535"}
	}
	return nil
}

// checkProtocols looks at the protocol of each remote: its own, or that of the last
// proto directive.
func (p *Profile) checkProtocols() *Refusal {
	proto := "udp"
	if last := p.last("proto"); last != nil {
		proto = last.args[0]
	}
	fragment := p.last("fragment")
	for _, e := range p.entries {
		if e.name != "remote" {
			continue
		}
		proto := proto
		if len(e.args) > 2 {
			proto = e.args[2]
		}
		switch isTCP := strings.HasPrefix(proto, "tcp"); {
		case isTCP && fragment != nil:
			return &Refusal{e.line, "fragment is for UDP, and the protocol of this remote is TCP"}
		case isTCP && !strings.HasSuffix(proto, "-client") && !p.Has("client"):
			return &Refusal{e.line, "without the directive client the protocol of a remote must be written " + proto + "-client"}
		}
	}
	return nil
}

// checkKeepalive holds the last of each of the timers against each other, which is
// what counts.
func (p *Profile) checkKeepalive() *Refusal {
	keepalive := p.last("keepalive")
	if keepalive == nil {
		return nil
	}
	interval, timeout := keepalive.number(0), keepalive.number(1)
	if interval == 0 && timeout == 0 {
		return nil
	}
	if interval == 0 || timeout < 2*interval {
		return &Refusal{keepalive.line, "the second number of keepalive must be at least twice the first, and the first at least 1"}
	}
	for _, others := range [][]string{{"ping"}, {"ping-exit", "ping-restart"}} {
		if other := p.last(others...); other != nil && other.number(0) != 0 {
			return &Refusal{other.line, other.name + " cannot stand beside keepalive"}
		}
	}
	return nil
}

func (p *Profile) checkVersions() *Refusal {
	least, most := p.last("tls-version-min"), p.last("tls-version-max")
	if least != nil && most != nil && least.args[0] > most.args[0] {
		return &Refusal{most.line, "tls-version-max is less than tls-version-min"}
	}
	return nil
}

// last is the last entry of one of the names, or nil.
func (p *Profile) last(names ...string) *entry {
	for i := len(p.entries) - 1; i >= 0; i-- {
		for _, name := range names {
			if p.entries[i].name == name {
				return &p.entries[i]
			}
		}
	}
	return nil
}

// number is an argument of the kind N.
func (e *entry) number(i int) int {
	n, _ := strconv.Atoi(e.args[i]) // nine digits are a number
	return n
}
