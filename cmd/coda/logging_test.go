package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/config"
)

// A duration has its unit, in JSON too.
func TestDurationsInALog(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		"json": `"msg":"later","wait":"1.158s","of":3,"tries":{"limit":"30s"}}`,
		"text": `msg=later wait=1.158s of=3 tries.limit=30s`,
	} {
		var b bytes.Buffer
		newLog(&b, config.Log{Format: format, Level: "info"}).With("wait", 1158*time.Millisecond).
			Info("later", "of", 3, slog.Group("tries", "limit", 30*time.Second))
		if !strings.HasSuffix(b.String(), want+"\n") || !strings.Contains(b.String(), "time") {
			t.Errorf("%s: %s", format, b.String())
		}
	}
}
