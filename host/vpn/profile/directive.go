package profile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// grammar is every directive that a profile may hold, each with the form of its
// arguments: kinds of them in capitals, and words to choose from. What stands in
// brackets may be left out.
//
// No directive belongs here that names a file, a program, a library or a socket.
var grammar = map[string]string{
	"client":                 "",
	"tls-client":             "",
	"pull":                   "",
	"remote-random":          "",
	"remote-random-hostname": "",
	"nobind":                 "",
	"persist-key":            "",
	"persist-tun":            "",
	"float":                  "",
	"mute-replay-warnings":   "",
	"auth-nocache":           "",
	"route-nopull":           "",
	"ping-timer-rem":         "",
	"tls-exit":               "",
	"suppress-timestamps":    "",

	"remote": "HOST [PORT [PROTO]]",
	"proto":  "PROTO",
	"port":   "PORT",
	"rport":  "PORT",
	"lport":  "PORT",

	"dev":      "DEVICE",
	"dev-type": "tun",
	"topology": "subnet|net30|p2p",

	"resolv-retry":         "infinite|N",
	"connect-retry":        "N [N]",
	"connect-retry-max":    "N",
	"connect-timeout":      "N",
	"server-poll-timeout":  "N",
	"keepalive":            "N N",
	"ping":                 "N",
	"ping-restart":         "N",
	"ping-exit":            "N",
	"inactive":             "N [N]",
	"explicit-exit-notify": "[N]",

	"remote-cert-tls":  "server",
	"verify-x509-name": "TEXT [name|name-prefix|subject]",
	"key-direction":    "0|1",

	"cipher":                "NAME",
	"auth":                  "NAME",
	"data-ciphers-fallback": "NAME",
	"data-ciphers":          "CIPHERS",
	"ncp-ciphers":           "CIPHERS",
	"tls-cipher":            "LIST",
	"tls-ciphersuites":      "LIST",
	"tls-groups":            "LIST",
	"tls-version-min":       "1.2|1.3 [or-highest]",
	"tls-version-max":       "1.2|1.3",
	"tls-cert-profile":      "preferred|suiteb",

	"reneg-sec":   "N [N]",
	"reneg-bytes": "N",
	"reneg-pkts":  "N",
	"hand-window": "N",
	"tran-window": "N",
	"tls-timeout": "N",

	"mssfix":   "[N [mtu|fixed]]",
	"tun-mtu":  "N",
	"fragment": "N",
	"sndbuf":   "N",
	"rcvbuf":   "N",
	"verb":     "0|1|2|3|4",
	"mute":     "N",

	"auth-retry":  "none|nointeract|interact",
	"pull-filter": "accept|ignore|reject TEXT",
}

// kinds are the kinds of arguments: what one matches as a whole, and in words.
var kinds = map[string]struct {
	pattern *regexp.Regexp
	words   string
}{
	"N":       {whole(`[0-9]{1,9}`), "a whole number of at most nine digits"},
	"PORT":    {whole(`[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]`), "a number from 1 to 65535"},
	"PROTO":   {whole(`udp[46]?|tcp[46]?(-client)?`), "udp, udp4, udp6, tcp, tcp4, tcp6, tcp-client, tcp4-client or tcp6-client"},
	"HOST":    {whole(`[A-Za-z0-9_][A-Za-z0-9._:-]*`), "a host's name or address"},
	"DEVICE":  {whole(`tun[0-9]{0,12}`), "tun, or tun and a number"}, // a name of Linux has at most 15 bytes
	"TEXT":    {whole(`[\t -~]+`), "a text"},
	"NAME":    {whole(algorithm), "the name of an algorithm, which none is not"},
	"LIST":    {whole(`[!+-]?` + algorithm + `(:[!+-]?` + algorithm + `)*`), "names of algorithms with colons between them, none not among them"},
	"CIPHERS": {whole(`\??` + algorithm + `(:\??` + algorithm + `)*`), "names of ciphers with colons between them, none not among them"},
}

const algorithm = `[A-Za-z0-9][A-Za-z0-9_+-]*`

func whole(pattern string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + pattern + `)$`) }

// none is a name by which OpenVPN does without an algorithm.
var none = regexp.MustCompile(`(?i)(^|:)[?!+-]?none(:|$)`)

// directiveName is how OpenVPN names directives; nothing else may begin a line.
var directiveName = whole(`[a-z][a-z0-9-]*`)

// readDirective reads a line that is no comment and no tag.
func readDirective(line string) (*entry, *Refusal) {
	list, reason := words(line)
	if reason != "" {
		return nil, &Refusal{Reason: reason}
	}
	name, args := list[0], list[1:]
	if !directiveName.MatchString(name) || !strings.HasPrefix(strings.TrimLeft(line, blanks), name) {
		return nil, &Refusal{Reason: "the line does not begin with the name of a directive, in small letters and without quotes or dashes in front"}
	}
	form, found := grammar[name]
	switch {
	case !found:
		return nil, &Refusal{Reason: whyNot(name)}
	case !fits(form, args):
		return nil, &Refusal{Reason: wanted(name, form)}
	}
	return &entry{name: name, args: args}, nil
}

// fits says whether the arguments have the form.
func fits(form string, args []string) bool {
	required, _, _ := strings.Cut(form, "[")
	all := strings.FieldsFunc(form, func(r rune) bool { return strings.ContainsRune(" []", r) })
	if len(args) < len(strings.Fields(required)) || len(args) > len(all) {
		return false
	}
	for i, arg := range args {
		if !oneOf(all[i], arg) {
			return false
		}
	}
	return true
}

// oneOf says whether an argument is one of the choices, which are words and kinds.
func oneOf(choices, arg string) bool {
	for choice := range strings.SplitSeq(choices, "|") {
		kind, isKind := kinds[choice]
		switch {
		case !isKind && arg == choice:
			return true
		case isKind && kind.pattern.MatchString(arg):
			return !named(choice) || !none.MatchString(arg)
		}
	}
	return false
}

// named says whether a kind consists of names of algorithms.
func named(kind string) bool { return kind == "NAME" || kind == "LIST" || kind == "CIPHERS" }

// wanted says how a directive is written, and what its kinds of arguments are.
func wanted(name, form string) string {
	if form == "" {
		return name + " has no arguments"
	}
	text := fmt.Sprintf("%s is written %q", name, name+" "+form)
	var explained []string
	for _, word := range strings.FieldsFunc(form, func(r rune) bool { return strings.ContainsRune(" []|", r) }) {
		if kind, isKind := kinds[word]; isKind {
			if clause := word + " is " + kind.words; !slices.Contains(explained, clause) {
				explained = append(explained, clause)
			}
		}
	}
	if len(explained) > 0 {
		text += ", where " + strings.Join(explained, ", and ")
	}
	return text
}

func appendDirective(b []byte, name string, args []string) []byte {
	b = append(b, name...)
	for _, arg := range args {
		b = appendWord(append(b, ' '), arg)
	}
	return append(b, '\n')
}
