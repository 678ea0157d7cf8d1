package host

import "strings"

// UserAgent is how a node of this version calls itself in HTTP: "coda/v1.2.3", or
// "coda" where the version is not known.
func UserAgent(version string) string {
	// What may not stand in a token (RFC 9110, section 5.6.2), such as the
	// parentheses of "(devel)".
	version = strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', strings.ContainsRune("!#$%&'*+-.^_`|~", r):
			return r
		}
		return -1
	}, version)
	if version == "" {
		return "coda"
	}
	return "coda/" + version
}
