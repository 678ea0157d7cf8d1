package profile_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/vpn/profile"
)

// row is one line of the case file.
type row struct {
	ID         string
	Profile    string
	MustAccept bool `json:"must_accept"`
	Why        string
}

func rows(tb testing.TB) []row {
	tb.Helper()
	text, err := os.ReadFile("testdata/ovpn_cases.jsonl")
	if err != nil {
		tb.Fatal(err)
	}
	var list []row
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			tb.Fatal(err)
		}
		list = append(list, r)
	}
	if len(list) != 109 {
		tb.Fatalf("%d rows, want 109", len(list))
	}
	return list
}

func TestCases(t *testing.T) {
	t.Parallel()
	for _, r := range rows(t) {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			p, err := profile.Parse([]byte(r.Profile))
			if (err == nil) != r.MustAccept {
				t.Fatalf("got %v, want accepted %v (%s)", err, r.MustAccept, r.Why)
			}
			if err != nil {
				checkRefusal(t, r.Profile, err)
				return
			}
			checkWritten(t, r.Profile, p)
		})
	}
}

// secret is what no message may show.
const secret = "U0VDUkVU"

// file is a profile that is accepted, with changes: pairs of old and new.
func file(changes ...string) string {
	text := "client\ndev tun\nproto udp\nremote vpn.example.com 443\n" +
		"<ca>\n" + secret + "\n</ca>\n<cert>\n" + secret + "\n</cert>\n<key>\n" + secret + "\n</key>\nreneg-sec 0\n"
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(text, changes[i]) {
			panic("there is no " + changes[i])
		}
		text = strings.Replace(text, changes[i], changes[i+1], 1)
	}
	return text
}

// with is the profile with more lines, which begin at line 5.
func with(lines string) string { return file("443\n", "443\n"+lines+"\n") }

const key = "<key>\n" + secret + "\n</key>\n"

func TestWritten(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"as it was":             {file(), file()},
		"no reneg-sec":          {file("reneg-sec 0\n", ""), file()},
		"Q29 only in a comment": {file("reneg-sec 0", "# reneg-sec 0"), file()},
		"Q29 only in a text":    {file("reneg-sec 0", "verify-x509-name reneg-sec"), file("reneg-sec 0", "verify-x509-name reneg-sec\nreneg-sec 0")},
		"another reneg-sec":     {file("reneg-sec 0", "reneg-sec 3600 60"), file("reneg-sec 0", "reneg-sec 3600 60")},
		"no line end":           {strings.TrimSuffix(file(), "\n"), file()},
		"many line ends":        {file() + "\n\n\n", file()},
		"byte order mark":       {"\uFEFF" + file(), file()},
		"CRLF":                  {strings.ReplaceAll(file(), "\n", "\r\n"), file()},
		"blanks":                {file("remote ", "\t remote\t "), file()},
		"comments":              {with("# \xc3\xa9 \\ \" up /tmp/x\n ; up\npersist-tun # \xc3\xa9 ' \\"), with("persist-tun")},
		"comment after quotes":  {with(`verify-x509-name "a" #b`), with("verify-x509-name a")},
		"hash within a word":    {with("verify-x509-name a#b;c"), with("verify-x509-name a#b;c")},
		"hash in quotes":        {with(`verify-x509-name '#b'`), with(`verify-x509-name "#b"`)},
		"needless quotes":       {with(`verify-x509-name "a" 'name'`), with("verify-x509-name a name")},
		"blank in quotes":       {with(`verify-x509-name 'C=X,  CN=y' subject`), with(`verify-x509-name "C=X,  CN=y" subject`)},
		"single quote":          {with(`verify-x509-name "it's"`), with(`verify-x509-name "it's"`)},
		"double quotes":         {with(`verify-x509-name '"a"'`), with(`verify-x509-name '"a"'`)},
		"tags":                  {file("<key>", " \t<key> ", "</key>", "  </key>\t"), file()},
		"data as it is":         {file(key, "<key>\n # up \\ \" \n\n\tup\n</key>\n"), file(key, "<key>\n # up \\ \" \n\n\tup\n</key>\n")},
		"empty block":           {file(key, "<key>\n</key>\n"), file(key, "<key>\n</key>\n")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := profile.Parse([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(p.Text()); got != tt.want {
				t.Errorf("written %q, want %q", got, tt.want)
			}
			checkWritten(t, tt.text, p)
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 254-len("verify-x509-name "))
	full := profile.MaxSize - len(file("reneg-sec 0\n", "")) - len("mute 1\n") // that many bytes more fit
	print := strings.TrimSuffix(strings.Repeat("0A:", 32), ":")
	pin := func(data string) string {
		return file("<ca>", "<peer-fingerprint>\n"+data+"\n</peer-fingerprint>\n<ca>")
	}
	for name, tt := range map[string]struct {
		text string
		want string // the line and a part of the reason; empty where it is accepted
	}{
		// The text.
		"too large":                     {file() + strings.Repeat("#\n", profile.MaxSize/2), "the profile has"},
		"too large as written":          {file("reneg-sec 0\n", "") + strings.Repeat("ping 1\n", full/7) + "mute " + strings.Repeat("1", 1+full%7) + "\n", "as it would be written"},
		"no UTF-8":                      {with("# \xff"), "line 5: it is no UTF-8"},
		"a bare CR":                     {with("ping 1\rup x"), "line 5: control character U+000D in column 7"},
		"CR at the end":                 {file() + "ping 1\r", "control character U+000D"},
		"CR and LF":                     {with("ping 1\r"), ""},
		"form feed":                     {with("\fup x"), "line 5: control character U+000C in column 1"},
		"vertical tab":                  {with("ping\v1"), "U+000B"},
		"NUL":                           {with("# \x00"), "U+0000"},
		"escape in a comment":           {with("# \x1b[2J"), "U+001B"},
		"DEL":                           {with("# \x7f"), "U+007F"},
		"C1":                            {with("# \u0085"), "U+0085"},
		"control in a block":            {file(secret, "\x00"), "line 6: control character U+0000"},
		"a second mark":                 {"\uFEFF\uFEFF" + file(), "line 1: a byte order mark"},
		"a mark within":                 {with("\uFEFFup x"), "line 5: a byte order mark"},
		"254 bytes":                     {with("verify-x509-name " + long), ""},
		"255 bytes":                     {with("verify-x509-name a" + long), "line 5: the line has 255 bytes"},
		"255 bytes with CR":             {with("verify-x509-name " + long + "\r"), "line 5: the line has 255 bytes"},
		"254 bytes after a mark":        {"\uFEFF#" + strings.Repeat("x", 253) + "\n" + file(), "line 1: the line has 257 bytes"},
		"254 bytes with a mark":         {"\uFEFF#" + strings.Repeat("x", 250) + "\n" + file(), ""},
		"a long comment":                {with("#" + strings.Repeat("x", 254)), "line 5: the line has 255"},
		"a long line in a block":        {file(secret, strings.Repeat("A", 255)), "line 6: the line has 255"},
		"no ASCII":                      {with("verify-x509-name \xc3\xa9"), "line 5: outside of comments"},
		"a blank of Unicode":            {with("ping\u00a01"), "line 5: outside of comments"},
		"a backslash":                   {with(`verify-x509-name a\b`), "line 5: a backslash"},
		"a backslash in quotes":         {with(`verify-x509-name "a\b"`), "line 5: a backslash"},
		"a backslash in single quotes":  {with(`verify-x509-name 'a\b'`), "line 5: a backslash"},
		"a backslash before the name":   {with(`\up x`), "line 5: a backslash"},
		"a quote that opens":            {with(`verify-x509-name "a`), "line 5: a quote is not closed"},
		"a quote within":                {with(`verify-x509-name a"b"`), "line 5: a quote may stand only around a whole word"},
		"an apostrophe":                 {with(`verify-x509-name it's`), "line 5: a quote may stand only"},
		"a word after a quote":          {with(`verify-x509-name "a"b`), "line 5: after a closing quote"},
		"an empty text":                 {with(`verify-x509-name ""`), "line 5: verify-x509-name is written"},
		"names in quotes":               {with(`"ping" 1`), "line 5: the line does not begin with the name"},
		"names in single quotes":        {with(`'ping' 1`), "line 5: the line does not begin with the name"},
		"dashes":                        {with("--ping 1"), "line 5: the line does not begin with the name"},
		"capitals":                      {with("Ping 1"), "line 5: the line does not begin with the name"},
		"a key outside of its block":    {with(strings.ToLower(secret)), "line 5: this directive is not among"},
		"hex outside of its block":      {with("deadbeef"), "line 5: this directive is not among"},
		"a block's file":                {with("ca /tmp/x"), "line 5: ca must be given as a block"},
		"a quoted tag":                  {with(`"<ca>"`), "line 5: the line does not begin"},
		"a tag with dashes":             {with(`--<ca>`), "line 5: the line does not begin"},
		"a tag with more":               {with(`<tls-auth> # x`), "line 5: a line that begins with <"},
		"a tag of its own":              {with("<connection>\n</connection>"), "line 5: a line that begins with <"},
		"a tag in capitals":             {with("<CA>\n</CA>"), "line 5: a line that begins with <"},
		"a tag with blanks":             {with("< ca >\n</ca>"), "line 5: a line that begins with <"},
		"a closing tag":                 {with("</ca>"), "line 5: a line that begins with <"},
		"a second block":                {file() + key, "line 15: a second block <key>"},
		"an open block":                 {file("</key>\n", ""), "line 11: the block <key> is not closed"},
		"another closing tag":           {file("</key>", "</cert>\n</key>"), "line 13: inside the block <key>"},
		"a prefix of the closing tag":   {file("</key>", "</key>up\n</key>"), "line 13: inside the block <key>"},
		"a tag in a block":              {file("</key>", "  <up>\n</key>"), "line 13: inside the block <key>"},
		"no ASCII in a block":           {file(key, "<key>\n\xc3\xa9\n</key>\n"), "line 12: the block <key> must be ASCII"},
		"an argument too many":          {with("nobind 1"), "line 5: nobind has no arguments"},
		"Q28 the name after setenv opt": {with("setenv opt ping 1"), "line 5: setenv is not allowed: it changes the environment"},

		// The whole.
		"no client":                    {file("client\n", ""), "there is no client directive"},
		"tls-client alone":             {file("client\n", "tls-client\n"), "there is no client directive"},
		"tls-client and pull":          {file("client\n", "tls-client\npull\n"), ""},
		"no remote":                    {file("remote vpn.example.com 443\n", ""), "there is no remote"},
		"no dev":                       {file("dev tun\n", ""), "there is no dev"},
		"no ca":                        {file("<ca>\n"+secret+"\n</ca>\n", ""), "to recognise the server by"},
		"no key":                       {file(key, ""), "to show to the server"},
		"a container":                  {file(key, "<pkcs12>\nAA==\n</pkcs12>\n"), "line 8: <cert> cannot stand beside <pkcs12>"},
		"a container and a key":        {file("<cert>\n"+secret+"\n</cert>\n", "<pkcs12>\nAA==\n</pkcs12>\n"), "line 11: <key> cannot stand beside <pkcs12>"},
		"a container alone":            {"client\ndev tun\nremote vpn.example.com\n<pkcs12>\nAA==\n</pkcs12>\n", ""},
		"a fingerprint":                {pin("# server\n\n " + print), ""},
		"a short fingerprint":          {pin(print[3:]), "line 6: a line of <peer-fingerprint>"},
		"a fingerprint with blanks":    {pin(print + " "), "line 6: a line of <peer-fingerprint>"},
		"no fingerprint":               {pin("# none"), "line 5: <peer-fingerprint> is empty"},
		"two keys for the handshake":   {file() + "<tls-auth>\n</tls-auth>\n<tls-crypt>\n</tls-crypt>\n", "line 17: <tls-crypt> cannot stand beside <tls-auth>"},
		"a local port that is not":     {with("nobind\nlport 1194"), "line 6: lport cannot stand beside nobind"},
		"fragment too small":           {with("fragment 67"), "line 5: fragment must be at least 68"},
		"MTU too small":                {with("tun-mtu 99"), "line 5: tun-mtu must be from 100 to 65535"},
		"MTU too large":                {with("tun-mtu 65536"), "line 5: tun-mtu must be from 100 to 65535"},
		"MTU":                          {with("tun-mtu 9000"), ""},
		"fragment":                     {with("fragment 1300"), ""},
		"the first fragment too small": {with("fragment 67\nfragment 1300"), "line 5: fragment must be at least 68"},
		"fragment over TCP":            {file("proto udp", "proto tcp\nfragment 1300"), "line 5: fragment is for UDP"},
		"fragment over one TCP":        {with("fragment 1300\nremote b.example.com 443 tcp"), "line 6: fragment is for UDP"},
		"TCP":                          {file("udp", "tcp"), ""},
		"TCP without client":           {file("client\n", "tls-client\npull\n", "udp", "tcp4"), "must be written tcp4-client"},
		"TCP client":                   {file("client\n", "tls-client\npull\n", "udp", "tcp4-client"), ""},
		"keepalive off":                {with("keepalive 0 0\nping 1"), ""},
		"keepalive too close":          {with("keepalive 10 19"), "line 5: the second number of keepalive"},
		"keepalive never":              {with("keepalive 0 10"), "line 5: the second number of keepalive"},
		"keepalive and ping":           {with("keepalive 10 20\nping 10"), "line 6: ping cannot stand beside keepalive"},
		"keepalive and ping-exit":      {with("keepalive 10 20\nping-exit 10"), "line 6: ping-exit cannot stand beside keepalive"},
		"keepalive and ping that ends": {with("ping-exit 10\nkeepalive 10 20\nping-restart 0"), ""},
		"TLS that cannot be":           {with("tls-version-min 1.3\ntls-version-max 1.2"), "line 6: tls-version-max is less"},
		"TLS that can be":              {with("tls-version-min 1.2 or-highest\ntls-version-max 1.3"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := profile.Parse([]byte(tt.text))
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				checkWritten(t, tt.text, p)
				return
			}
			if err == nil {
				t.Fatalf("accepted, want %q", tt.want)
			}
			if !strings.Contains(err.Error(), "vpn: the profile is refused: "+tt.want) && (strings.HasPrefix(tt.want, "line") || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			checkRefusal(t, tt.text, err)
		})
	}
}

// checkRefusal looks at an error of Parse: its kind, its line, and what it shows.
func checkRefusal(t *testing.T, text string, err error) {
	t.Helper()
	if _, ok := errors.AsType[*fault.VPNError](err); !ok {
		t.Errorf("an error of another kind: %v", err)
	}
	refusal, ok := errors.AsType[*profile.Refusal](err)
	if !ok {
		t.Fatalf("there is no refusal in %v", err)
	}
	if refusal.Reason == "" || refusal.Line < 0 || refusal.Line > strings.Count(text, "\n")+1 {
		t.Errorf("%+v of %d lines", refusal, strings.Count(text, "\n"))
	}
	if strings.Contains(strings.ToUpper(err.Error()), secret) {
		t.Errorf("a secret is shown: %v", err)
	}
	for _, r := range err.Error() {
		if unicode.IsControl(r) {
			t.Errorf("a control character is shown: %q", err)
		}
	}
}

// checkWritten looks at what an accepted profile is written as.
func checkWritten(t *testing.T, text string, p *profile.Profile) {
	t.Helper()
	written := p.Text()
	again, err := profile.Parse(written)
	if err != nil {
		t.Fatalf("what was written is refused: %v", err)
	}
	if got := again.Text(); !bytes.Equal(got, written) {
		t.Fatalf("written as %q, and then as %q", written, got)
	}
	if !again.Has("reneg-sec") || p.Has("reneg-sec") && len(written) > len(text)+1 {
		t.Errorf("%d bytes became %d: %q", len(text), len(written), written)
	}
	for line := range strings.Lines(string(written)) {
		if len(line) > 255 || !strings.HasSuffix(line, "\n") || strings.ContainsAny(line, "\\\r") && !strings.Contains(text, strings.TrimSuffix(line, "\n")) {
			t.Errorf("the line %q was written", line)
		}
	}
	shown := string(p.Shown())
	if strings.Contains(text, key) && (!strings.Contains(shown, "<key>\n[redacted]\n</key>\n") || strings.Count(shown, secret) != strings.Count(text, secret)-1) {
		t.Errorf("shown as %q", shown)
	}
	if printed := fmt.Sprintf("%v %+v %#v %s %d", p, p, p, p, p); strings.Contains(printed, secret) {
		t.Errorf("printed as %q", printed)
	}
}
