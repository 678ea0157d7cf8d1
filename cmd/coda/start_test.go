package main

import (
	"strings"
	"testing"
)

// lineless is a standard input that goes on without a line's end.
type lineless struct{ read int }

func (e *lineless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.read += len(p)
	if e.read > 1<<24 {
		panic("all of an endless input is read")
	}
	return len(p), nil
}

func TestTokenFromAnEndlessInput(t *testing.T) {
	t.Parallel()
	f := startFlags{token: text{value: "-"}}
	environ, err := f.environment(&lineless{})
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range environ {
		if token, ok := strings.CutPrefix(entry, tokenEnv+"="); ok && len(token) > maxToken {
			t.Errorf("a token of %d bytes", len(token))
		}
	}
}
