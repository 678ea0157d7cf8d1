package profile_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/conductorquantum/coda/host/vpn/profile"
)

// mutator changes profiles with regard to how they are made: lines, words, quotes,
// tags. Half of what it does is harmless, so that much of what it makes is accepted.
type mutator struct {
	*rand.Rand
	good   []string // profiles that lead to a tunnel
	all    []string // those, and others
	names  []string // of every directive that OpenVPN has
	ours   []string // of those that the policy allows
	bait   []string // programs and files that nobody is to touch
	blocks map[string]string
}

// next returns a profile.
func (m *mutator) next() string {
	text := pick(m, pick(m, [][]string{m.good, m.good, m.all}))
	hostile := m.IntN(100) < 60
	for range 1 + m.IntN(5) {
		if hostile && m.IntN(2) == 0 {
			text = pick(m, harms)(m, text)
		} else {
			text = pick(m, harmless)(m, text)
		}
	}
	return text
}

func pick[T any](m *mutator, from []T) T { return from[m.IntN(len(from))] }

// edit changes a text as lines.
func edit(text string, change func(lines []string) []string) string {
	return strings.Join(change(strings.Split(text, "\n")), "\n")
}

// insert puts lines in, before a line that is in no block.
func (m *mutator) insert(text string, lines ...string) string {
	return edit(text, func(all []string) []string { return slices.Insert(all, m.outside(all), lines...) })
}

// outside is the index of a line that is in no block.
func (m *mutator) outside(lines []string) int {
	var places []int
	open := ""
	for i, line := range lines {
		tag := strings.TrimSpace(line)
		if open == "" {
			places = append(places, i)
			if strings.HasPrefix(tag, "<") && strings.HasSuffix(tag, ">") {
				open = "</" + tag[1:]
			}
		} else if strings.HasPrefix(tag, open) {
			open = ""
		}
	}
	return pick(m, places)
}

// line changes one line that is in no block.
func (m *mutator) line(text string, change func(line string) string) string {
	return edit(text, func(lines []string) []string {
		i := m.outside(lines)
		lines[i] = change(lines[i])
		return lines
	})
}

// word changes one word of a line that is in no block.
func (m *mutator) word(text string, from int, change func(word string) string) string {
	return m.line(text, func(line string) string {
		words := strings.Split(line, " ")
		if strings.HasPrefix(line, "<") || len(words) <= from {
			return line
		}
		i := from + m.IntN(len(words)-from)
		words[i] = change(words[i])
		return strings.Join(words, " ")
	})
}

// allowed is a directive of the grammar with arguments of its form.
func (m *mutator) allowed() string {
	name := pick(m, m.ours)
	form := profile.Grammar[name]
	required, optional, _ := strings.Cut(form, "[")
	words := strings.Fields(required)
	rest := strings.Fields(strings.NewReplacer("[", " ", "]", " ").Replace(optional))
	words = append(words, rest[:m.IntN(len(rest)+1)]...)
	line := name
	for _, choices := range words {
		line += " " + m.argument(name, pick(m, strings.Split(choices, "|")))
	}
	return line
}

// argument is one of a kind, or the word itself.
func (m *mutator) argument(name, kind string) string {
	switch kind {
	case "N":
		return strconv.Itoa(pick(m, []int{0, 1, 2, 10, 60, 120, 1300, 1400, 1500, 9000, 65535, 65536, 999999999}))
	case "PORT":
		return pick(m, []string{"1", "443", "1194", "65535"})
	case "PROTO":
		return pick(m, []string{"udp", "udp", "udp4", "udp6", "tcp", "tcp4", "tcp6", "tcp-client", "tcp4-client", "tcp6-client"})
	case "HOST":
		return pick(m, []string{"vpn.example.com", "203.0.113.10", "2001:db8::10", "_a", "up", "a-", "stdin", "a..b"})
	case "DEVICE":
		return pick(m, []string{"tun", "tun0", "tun7", "tun123456789012"})
	case "TEXT":
		return m.quote(pick(m, []string{"server", "up", "C=US, O=x, CN=server", "a\tb", "a#b", "#", ";x", "it's", `say "x"`, "--up", "<ca>",
			pick(m, m.bait), "up " + pick(m, m.bait), strings.Repeat("x", 200)}))
	case "NAME":
		if name == "auth" {
			return pick(m, []string{"SHA256", "SHA512", "SHA1"})
		}
		return pick(m, []string{"AES-256-GCM", "AES-128-GCM", "CHACHA20-POLY1305", "AES-256-CBC", "aes-256-gcm"})
	case "CIPHERS":
		return pick(m, []string{"AES-256-GCM", "AES-256-GCM:AES-128-GCM", "AES-256-GCM:?CHACHA20-POLY1305:?NOPE", "aes-128-cbc"})
	case "LIST":
		switch name {
		case "tls-ciphersuites":
			return pick(m, []string{"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"})
		case "tls-groups":
			return pick(m, []string{"X25519", "secp384r1:X25519"})
		}
		return pick(m, []string{"DEFAULT", "DEFAULT:!EXP", "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384", "ECDHE+AESGCM"})
	}
	return kind
}

// quote writes a word with quotes if it must have some, or at times.
func (m *mutator) quote(word string) string {
	mark := pick(m, []string{"'", `"`})
	switch {
	case strings.Contains(word, `"`):
		mark = "'"
	case strings.Contains(word, "'"):
		mark = `"`
	case !strings.ContainsAny(word, " \t") && word[0] != '#' && word[0] != ';' && m.IntN(2) == 0:
		return word
	}
	return mark + word + mark
}

// foreign is a directive that OpenVPN has, with what it might be after.
func (m *mutator) foreign() string {
	line := pick(m, m.names)
	for range m.IntN(3) {
		line += " " + m.quote(pick(m, []string{pick(m, m.bait), pick(m, m.bait) + " x", "stdin", "1", "2", "unix", "dir", "opt", "[[INLINE]]", "none"}))
	}
	return line
}

// disguised is a line that OpenVPN may understand otherwise than it looks.
func (m *mutator) disguised(line string) string {
	name, rest, _ := strings.Cut(line, " ")
	half := m.IntN(len(name) + 1)
	return pick(m, []func() string{
		func() string { return `"` + name + `" ` + rest },
		func() string { return "'" + name + "' " + rest },
		func() string { return "--" + line },
		func() string { return `"--` + name + `" ` + rest },
		func() string { return "setenv opt " + line },
		func() string { return `setenv "opt" ` + line },
		func() string { return `\` + line },
		func() string { return name[:half] + `\` + name[half:] + " " + rest },
		func() string { return `\ ` + line },
		func() string { return name[:half] + `"` + name[half:] + `" ` + rest },
		func() string { return `"` + name[:half] + `"` + name[half:] + " " + rest },
		func() string { return strings.ToUpper(name) + " " + rest },
		func() string { return "\f" + line },
		func() string { return "\v" + line },
		func() string { return "\r" + line },
		func() string { return "\u00a0" + line },
		func() string { return "\ufeff" + line },
		func() string { return "ping 1\r" + line },
		func() string { return "ping 1\x00\n" + line },
		func() string { return "ping 1\u0085" + line },
		func() string { return "ping 1\u2028" + line },
		func() string { return "# \r" + line },
		func() string { return "verify-x509-name \"x\n" + line + `"` },
		func() string { return "verify-x509-name 'x\"\n" + line },
		func() string { return `verify-x509-name "x\" ` + line + `"` },
		func() string { return "#" + strings.Repeat("x", 250+m.IntN(12)) + line },
		func() string { return strings.Repeat(" ", 250+m.IntN(12)) + line },
		func() string { return "verify-x509-name x" + strings.Repeat(" ", 232+m.IntN(12)) + line },
	})()
}

// tagged is a line in or around a block that is not what it looks like.
func (m *mutator) tagged(line string) []string {
	name := pick(m, slices.Sorted(maps.Keys(m.blocks)))
	if m.IntN(3) == 0 {
		name = pick(m, m.names)
	}
	data := m.blocks[name]
	long := strings.Repeat("A", 250+m.IntN(12))
	return strings.Split(pick(m, []string{
		`"<` + name + `>"` + "\n" + data + "</" + name + ">\n" + line,
		"--<" + name + ">\n" + data + "</" + name + ">\n" + line,
		"<" + name + ">\n" + data + "</" + name + ">" + line,
		"<" + name + ">\n" + data + "</" + name + "> # x\n" + line,
		"<" + name + "> # x\n" + data + "</" + name + ">\n" + line,
		"<" + name + ">\n" + data + "</ca>\n" + line,
		"<" + name + ">\n" + data + long + "</" + name + ">\n" + line,
		"<" + name + ">\n" + strings.Repeat(" ", len(long)) + "</" + name + ">\n" + line + "\n</" + name + ">",
		"<" + name + ">\n\f</" + name + ">\n" + line + "\n</" + name + ">",
		"<" + name + ">\n</" + name + "\n" + line + "\n</" + name + ">",
		"<" + name + ">\n</" + strings.ToUpper(name) + ">\n" + line + "\n</" + name + ">",
		"<" + name + ">\n" + line,
		"<" + name + ">\n" + line + "\n</" + name + ">",
		"< " + name + " >\n" + line + "\n</ " + name + " >",
		"<connection>\n" + line + "\n</connection>",
		"<" + name + ">\n<" + name + ">\n</" + name + ">\n" + line + "\n</" + name + ">",
		"</" + name + ">\n" + line,
		"<" + name,
	}), "\n")
}

// harmless are changes after which a profile is most often still one.
var harmless = []func(m *mutator, text string) string{
	func(m *mutator, text string) string { return m.insert(text, m.allowed()) },
	func(m *mutator, text string) string { return m.insert(text, m.allowed(), m.allowed()) },
	func(m *mutator, text string) string {
		return m.insert(text, pick(m, []string{"# ", ";", " \t#", "#\ufffd\u00e9\\\""})+m.foreign())
	},
	func(m *mutator, text string) string {
		return m.insert(text, m.allowed()+pick(m, []string{" # ", "\t;"})+m.foreign())
	},
	func(m *mutator, text string) string { return m.insert(text, "", " \t") },
	func(m *mutator, text string) string {
		return m.line(text, func(line string) string {
			return pick(m, []string{" ", "\t", "  \t "}) + line + pick(m, []string{"", " ", "\t"})
		})
	},
	func(m *mutator, text string) string { return m.word(text, 1, m.quoteOnce) },
	func(m *mutator, text string) string {
		return strings.ReplaceAll(strings.ReplaceAll(text, "\r", ""), "\n", "\r\n")
	},
	func(_ *mutator, text string) string { return "\ufeff" + strings.TrimPrefix(text, "\ufeff") },
	func(_ *mutator, text string) string { return strings.TrimRight(text, "\r\n") },
	func(m *mutator, text string) string { // a block that most profiles have not
		name := pick(m, slices.Sorted(maps.Keys(m.blocks)))
		if strings.Contains(text, "<"+name+">") {
			return text
		}
		return m.insert(text, strings.Split("<"+name+">\n"+m.blocks[name]+"</"+name+">", "\n")...)
	},
	func(m *mutator, text string) string { // text in a block, before what is encoded
		before := pick(m, []string{m.foreign(), "#", "", `"`, strings.Repeat("x", 254), "Bag Attributes: <x>"})
		return strings.Replace(text, "-----BEGIN", before+"\n-----BEGIN", 1)
	},
	func(m *mutator, text string) string { // another order
		return edit(text, func(lines []string) []string {
			i := m.outside(lines)
			line := lines[i]
			if strings.HasPrefix(strings.TrimSpace(line), "<") {
				return lines
			}
			lines = slices.Delete(lines, i, i+1)
			if len(lines) == 0 {
				return []string{line}
			}
			return slices.Insert(lines, m.outside(lines), line)
		})
	},
	func(m *mutator, text string) string { // another remote
		return m.insert(text, "remote "+m.argument("", "HOST")+pick(m, []string{"", " 443", " 1194 udp", " 443 tcp"}))
	},
}

// harms are changes after which a profile is most often none, or one that is after
// something.
var harms = []func(m *mutator, text string) string{
	func(m *mutator, text string) string { return m.insert(text, m.foreign()) },
	func(m *mutator, text string) string { return m.insert(text, m.disguised(m.foreign())) },
	func(m *mutator, text string) string { return m.insert(text, m.disguised(m.allowed())) },
	func(m *mutator, text string) string { return m.insert(text, m.tagged(m.foreign())...) },
	func(m *mutator, text string) string {
		return m.insert(text, "script-security 2", m.disguised("up "+pick(m, m.bait)))
	},
	func(m *mutator, text string) string { return m.insert(text, m.disguised("config "+pick(m, m.bait))) },
	func(m *mutator, text string) string { // a directive where there is data
		return edit(text, func(lines []string) []string { return slices.Insert(lines, m.IntN(len(lines)+1), m.foreign()) })
	},
	func(m *mutator, text string) string {
		return edit(text, func(lines []string) []string { i := m.outside(lines); return slices.Delete(lines, i, i+1) })
	},
	func(m *mutator, text string) string {
		return edit(text, func(lines []string) []string { i := m.outside(lines); return slices.Insert(lines, i, lines[i]) })
	},
	func(m *mutator, text string) string {
		return m.word(text, 0, func(word string) string {
			return pick(m, []string{"", word + word, strings.ToUpper(word), pick(m, m.bait), pick(m, m.names), `"` + word, word + "'", "-" + word, "99999999999", "none"})
		})
	},
	func(m *mutator, text string) string { // a byte
		if text == "" {
			return text
		}
		i := m.IntN(len(text))
		with := string(rune(m.IntN(256)))
		if m.IntN(2) == 0 {
			with = pick(m, []string{"\\", `"`, "'", "#", ";", "<", ">", "-", " ", "\t", "\r", "\n", "\f", "\v", "\x00", "\x80", "\ufeff", "/"})
		}
		return text[:i] + with + text[i+m.IntN(2):]
	},
	func(m *mutator, text string) string { // the start of one profile and the end of another
		other := pick(m, m.all)
		return text[:m.IntN(len(text)+1)] + other[m.IntN(len(other)+1):]
	},
	func(m *mutator, text string) string {
		return edit(text, func(lines []string) []string {
			i := m.IntN(len(lines))
			lines[i] += strings.Repeat(pick(m, []string{" ", "x", "\t"}), max(0, 240+m.IntN(40)-len(lines[i])))
			return lines
		})
	},
	func(m *mutator, text string) string { // a directive in another's argument
		return m.insert(text, fmt.Sprintf("verify-x509-name %q subject", m.foreign()))
	},
}

// quoteOnce puts quotes around a word that has none.
func (m *mutator) quoteOnce(word string) string {
	if word == "" || strings.ContainsAny(word, `"'`) {
		return word
	}
	mark := pick(m, []string{"'", `"`})
	return mark + word + mark
}
