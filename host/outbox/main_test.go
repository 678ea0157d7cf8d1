package outbox_test

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/outbox"
)

// TestMain lets the test binary be the process that is killed: see child_test.go.
func TestMain(m *testing.M) {
	if spec := os.Getenv(childSpec); spec != "" {
		if err := child(spec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func storePath(tb testing.TB) string { return filepath.Join(tb.TempDir(), "state", "outbox.db") }

func openStore(tb testing.TB, path string) *outbox.Store {
	tb.Helper()
	s, err := outbox.Open(path, outbox.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return s
}

func completed(id string, body []byte) outbox.Decision {
	return outbox.Decision{
		JobID: id, MessageID: "1-0", WebhookID: "0191d1c4-0000-5000-8000-000000000000",
		URL: "https://example.com/webhook", Kind: outbox.Completed, Body: body,
		Provenance: map[string]string{"executor": "sha256:00", "abi": "1"},
	}
}

func failed(id, text string) outbox.Decision {
	d := completed(id, []byte(`{"status":"failed","error":"`+text+`"}`))
	d.Kind, d.Failure = outbox.Failed, text
	return d
}

// source is a random source that depends on a job alone.
func source(id string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(id))
	return rand.New(rand.NewPCG(h.Sum64(), 1))
}

// ballast ends the id of a job whose body makes the file large.
const ballast = "-ballast"

// bodyOf is a body that depends on the job alone: mostly small, sometimes of
// several pages.
func bodyOf(id string) []byte {
	r := source(id)
	size := 1 + r.IntN(1500)
	if r.IntN(8) == 0 {
		size += r.IntN(30_000)
	}
	if strings.HasSuffix(id, ballast) {
		size = 1 << 20
	}
	return bytes.Repeat([]byte(id+" "), 1+size/(len(id)+1))[:size]
}
