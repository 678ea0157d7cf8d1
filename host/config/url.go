package config

import "strings"

// url joins a path to the cloud's base URL with exactly one slash between them.
func (s *Settings) url(path string) string {
	return strings.TrimRight(s.WebappURL, "/") + "/" + strings.TrimLeft(path, "/")
}
