package profile

import (
	"strings"
	"testing"
)

// Every directive with arguments that it may have, and with some that it may not.
func TestGrammar(t *testing.T) {
	t.Parallel()
	flag := [2]string{"-", "1|x|tun"} // "-" for no arguments, | between the cases
	number := [2]string{"0|1|999999999|007", "-|x|-1|+1|1.5|1e3|1000000000|0x10|1 1 1"}
	port := [2]string{"1|443|65535", "-|0|65536|00443|99999|http|443 1"}
	ciphers := [2]string{"AES-256-GCM|AES-256-GCM:?CHACHA20-POLY1305", "-|none|None|AES-256-GCM:none|?none|[null-cipher]|:|a:|:a|a b|a,b|/tmp/x"}
	list := [2]string{"DEFAULT:!EXP:-RC4:+AES|TLS_AES_256_GCM_SHA384|secp384r1:X25519", "-|none|DEFAULT:@SECLEVEL=0|:|a b|/tmp/x"}
	name := [2]string{"AES-256-GCM|SHA256|sha512|AES-128-CBC", "-|none|NONE|a:b|a/b|../x|a b|?a|-a"}
	protocol := [2]string{"udp|udp4|udp6|tcp|tcp4|tcp6|tcp-client|tcp4-client|tcp6-client", "-|tcp-server|tcp4-server|UDP|udp5|udp-client|proto-uninitialized|udp tcp"}

	cases := map[string][2]string{
		"remote": {"a|vpn.example.com|_x|1.2.3.4|2001:db8::10|a 1|a 443 udp|2001:db8::10 443 udp6|a-b_c.d:e",
			"-|-a|.a|:a|a/b|a;b|a@b|[::1]|a 0|a x|a 443 tcp-server|a udp|a 443 udp x|a%eth0"},
		"proto": protocol, "port": port, "rport": port, "lport": port,
		"dev":      {"tun|tun0|tun42|tun123456789012", "-|tap|tunx|tun-1|tun1234567890123|null|tun/x|../tun|tun 0|utun|Tun"},
		"dev-type": {"tun", "-|tap|null|tun tun"},
		"topology": {"subnet|net30|p2p", "-|x|subnet p2p"},

		"resolv-retry":         {"infinite|0|60", "-|never|-1|1 1"},
		"connect-retry":        {"1|1 2", "-|x|1 x|1 2 3"},
		"keepalive":            {"10 60", "-|10|10 x|10 60 1"},
		"inactive":             {"1|1 2", "-|x|1 2 3"},
		"explicit-exit-notify": {"-|1", "x|1 2"},
		"reneg-sec":            {"0|3600 60", "-|x|1 2 3"},

		"remote-cert-tls":  {"server", "-|client|server server"},
		"verify-x509-name": {"up|up name|up name-prefix|up subject|'C=US, O=x' subject|\"a\tb\"", "-|'' name|up x|up name x"},
		"key-direction":    {"0|1", "-|2|01|0 1"},
		"tls-version-min":  {"1.2|1.3|1.2 or-highest", "-|1.0|1.1|1.4|1.2 x"},
		"tls-version-max":  {"1.2|1.3", "-|1.1|1.3 or-highest"},
		"tls-cert-profile": {"preferred|suiteb", "-|legacy|insecure"},
		"cipher":           name, "auth": name, "data-ciphers-fallback": name,
		"data-ciphers": ciphers, "ncp-ciphers": ciphers,
		"tls-cipher": list, "tls-ciphersuites": list, "tls-groups": list,

		"mssfix":      {"-|1400|1400 mtu|1400 fixed", "x|1400 x|mtu|1400 mtu fixed"},
		"verb":        {"0|1|4", "-|5|11|04|x"},
		"auth-retry":  {"none|nointeract|interact", "-|x"},
		"pull-filter": {"accept x|ignore 'route '|reject --up", "-|accept|x y|accept x y|accept ''"},
	}
	for _, name := range strings.Fields("client tls-client pull remote-random remote-random-hostname nobind persist-key persist-tun float " +
		"mute-replay-warnings auth-nocache route-nopull ping-timer-rem tls-exit suppress-timestamps") {
		cases[name] = flag
	}
	for _, name := range strings.Fields("connect-retry-max connect-timeout server-poll-timeout ping ping-restart ping-exit reneg-bytes reneg-pkts " +
		"hand-window tran-window tls-timeout tun-mtu fragment sndbuf rcvbuf mute") {
		cases[name] = number
	}

	for name := range grammar {
		if _, found := cases[name]; !found {
			t.Errorf("%s has no case", name)
		}
		if refused[name] != "" || blocks[name] {
			t.Errorf("%s is allowed, and is not", name)
		}
	}
	for name, both := range cases {
		for i, verdict := range []string{"accepted", "refused"} {
			for args := range strings.SplitSeq(both[i], "|") {
				line := strings.TrimSuffix(name+" "+args, " -")
				e, refusal := readDirective(line)
				switch {
				case (refusal == nil) != (verdict == "accepted"):
					t.Errorf("%q: want it %s, got %v", line, verdict, refusal)
				case refusal == nil && e.name != name:
					t.Errorf("%q was read as %s", line, e.name)
				case refusal != nil && !strings.HasPrefix(refusal.Reason, name+" "):
					t.Errorf("%q: %s", line, refusal.Reason)
				}
			}
		}
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"up /tmp/x":         "up is not allowed: it runs a program",
		"log /tmp/x":        "log is not allowed: it writes a file of this machine",
		"ca /tmp/x":         "ca must be given as a block, <ca> … </ca>: a profile names no file of this machine",
		"frobnicate x":      "this directive is not among those that are allowed",
		"nobind x":          "nobind has no arguments",
		"dev-type x":        `dev-type is written "dev-type tun"`,
		"keepalive x":       `keepalive is written "keepalive N N", where N is a whole number of at most nine digits`,
		"remote a b":        `remote is written "remote HOST [PORT [PROTO]]", where HOST is a host's name or address, and PORT is a number from 1 to 65535, and PROTO is udp, udp4, udp6, tcp, tcp4, tcp6, tcp-client, tcp4-client or tcp6-client`,
		"resolv-retry ever": `resolv-retry is written "resolv-retry infinite|N", where N is a whole number of at most nine digits`,
	} {
		if _, refusal := readDirective(line); refusal == nil || refusal.Reason != want {
			t.Errorf("%q: got %v, want %s", line, refusal, want)
		}
	}
}
