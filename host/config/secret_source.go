package config

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
)

// SecretSource says where the value of a header comes from.
type SecretSource struct {
	Value       Secret // as it stands in the file, where neither of the others is set
	Environment string // the variable's name
	File        string // absolute
}

const maxSecret = 8 << 10

// Elsewhere reports whether the value is kept outside of the device file, because it
// is a secret for sure.
func (s SecretSource) Elsewhere() bool { return s.Environment != "" || s.File != "" }

// Read is the value. Blanks and line ends around it do not count.
func (s SecretSource) Read() (Secret, error) {
	value := string(s.Value)
	switch {
	case s.Environment != "":
		value = os.Getenv(s.Environment)
		if value == "" {
			return "", fmt.Errorf("the variable %s is not set", s.Environment)
		}
	case s.File != "":
		text, err := readSecretFile(s.File)
		if err != nil {
			return "", err
		}
		value = string(text)
	}
	value = strings.TrimSpace(value)
	if err := checkHeaderValue(value); err != nil {
		return "", err
	}
	return Secret(value), nil
}

// readSecretFile refuses a file that everybody may read, or others may change. A
// group of its own may be meant to read it.
func readSecretFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o027 != 0 {
		return nil, fmt.Errorf("%s has mode %04o, so others may use the secret in it; run: chmod 600 %s", path, mode, path)
	}
	return readFile(path, maxSecret)
}

func checkHeaderValue(value string) error {
	switch {
	case value == "":
		return errors.New("it is empty")
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f }):
		return errors.New("it holds control characters, or some beyond ASCII, which a header cannot")
	case len(value) > maxSecret:
		return fmt.Errorf("it is longer than %d bytes", maxSecret)
	}
	return nil
}

// notToSet are headers that the node makes from a request.
var notToSet = map[string]bool{
	"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Connection": true, "Te": true,
	"Trailer": true, "Upgrade": true, "Keep-Alive": true, "Expect": true, "Accept-Encoding": true,
}

// endpointHeaders reads a table of headers: a value, or where to find it.
func (d *document) endpointHeaders(e *Endpoint, value any, at []string) error {
	table, ok := value.(map[string]any)
	if !ok {
		return d.fail(at, "must be a table, not %s", kind(value))
	}
	e.Headers = make(map[string]SecretSource, len(table))
	var problems []error
	for _, name := range sortedKeys(table) {
		key := append(append([]string{}, at...), name)
		canonical := http.CanonicalHeaderKey(name)
		text, isText := table[name].(string)
		_, twice := e.Headers[canonical]
		switch {
		case !headerName.MatchString(name):
			problems = append(problems, d.fail(key, "is no name of a header"))
		case notToSet[canonical]:
			problems = append(problems, d.fail(key, "is the node's own to set"))
		case twice:
			problems = append(problems, d.fail(key, "is set twice, in other letters"))
		case !isText:
			problems = append(problems, d.fail(key, "must be text, not %s", kind(table[name])))
		default:
			source, err := d.secretSource(text)
			if err != nil {
				problems = append(problems, d.fail(key, "%v", err))
			}
			e.Headers[canonical] = source
		}
	}
	return errors.Join(problems...)
}

func (d *document) secretSource(text string) (SecretSource, error) {
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		if name == "" || strings.ContainsAny(name, "= \t") {
			return SecretSource{}, errors.New("must name a variable after env:, as env:LAB_TOKEN")
		}
		return SecretSource{Environment: name}, nil
	}
	if path, ok := strings.CutPrefix(text, "file:"); ok {
		if path == "" {
			return SecretSource{}, errors.New("must name a file after file:, as file:/run/secrets/lab")
		}
		return SecretSource{File: d.resolve(path)}, nil
	}
	if err := checkHeaderValue(text); err != nil {
		return SecretSource{}, fmt.Errorf("cannot be sent: %w", err)
	}
	return SecretSource{Value: Secret(text)}, nil
}
