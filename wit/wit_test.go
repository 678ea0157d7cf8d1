package wit_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/wit"
)

func TestPackage(t *testing.T) {
	t.Parallel()
	line := regexp.MustCompile(`(?m)^package (.*);$`).FindStringSubmatch(wit.Executor)
	if want := wit.Package + "@" + wit.Version; line == nil || line[1] != want {
		t.Errorf("executor.wit declares %q, want %s", line, want)
	}
}

// TestWorlds holds the text to the interfaces that the host serves and calls.
func TestWorlds(t *testing.T) {
	t.Parallel()
	for _, want := range []string{
		"world backend {", "world batch-backend {", "world hardware-backend {", "world full-backend {",
		"import context;", "import config;", "import byte-stream;", "import http;", "import registers;",
		"export executor;", "export batch;", "export safety;",
	} {
		if !strings.Contains(wit.Executor, want) {
			t.Errorf("executor.wit lacks %q", want)
		}
	}
}
