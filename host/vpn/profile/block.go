package profile

import (
	"fmt"
	"strings"

	"github.com/conductorquantum/coda/host/config"
)

// blocks are the files that a profile may bring in itself.
var blocks = set("ca cert key extra-certs tls-auth tls-crypt tls-crypt-v2 pkcs12 crl-verify peer-fingerprint")

// secretBlocks hold what nobody else is to see.
var secretBlocks = set("key tls-auth tls-crypt tls-crypt-v2 pkcs12")

// set is the set of the words.
func set(words string) map[string]bool {
	s := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		s[word] = true
	}
	return s
}

// readBlock reads the block that begins at lines[i], and returns the line after it.
//
// OpenVPN ends a block at a line that begins like the closing tag, so that no line
// within may begin with < except the tag itself.
func readBlock(lines []string, i int) (*entry, int, *Refusal) {
	tag := strings.Trim(lines[i], blanks)
	name, found := strings.CutSuffix(strings.TrimPrefix(tag, "<"), ">")
	if !found || !blocks[name] {
		return nil, 0, &Refusal{Reason: "a line that begins with < must be the tag of a block that is allowed and nothing else: " + blockNames}
	}
	var data strings.Builder
	for at := i + 1; at < len(lines); at++ {
		line := lines[at]
		switch begin := strings.Trim(line, blanks); {
		case begin == "</"+name+">":
			return &entry{name: name, block: true, data: config.Secret(data.String())}, at + 1, nil
		case strings.HasPrefix(begin, "<"):
			return nil, 0, &Refusal{at + 1, fmt.Sprintf("inside the block <%s> a line may begin with < only to close it, as </%s>", name, name)}
		case !ascii(line):
			return nil, 0, &Refusal{at + 1, fmt.Sprintf("the block <%s> must be ASCII", name)}
		}
		data.WriteString(line + "\n")
	}
	return nil, 0, &Refusal{Reason: fmt.Sprintf("the block <%s> is not closed", name)}
}

const blockNames = "<ca>, <cert>, <key>, <extra-certs>, <tls-auth>, <tls-crypt>, <tls-crypt-v2>, <pkcs12>, <crl-verify>, <peer-fingerprint>"

func appendBlock(b []byte, name, data string) []byte {
	return append(b, "<"+name+">\n"+data+"</"+name+">\n"...)
}
