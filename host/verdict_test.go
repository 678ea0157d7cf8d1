package host_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/queue"
)

// The scripts, the queue and the worker each have a list of verdicts. They are one.
func TestVerdictsAreTheSame(t *testing.T) {
	t.Parallel()
	ofQueue, ofWorker := verdicts(t, "queue"), verdicts(t, "worker")
	if len(ofQueue) < 10 || !maps.Equal(ofQueue, ofWorker) {
		t.Errorf("the queue has the verdicts %v, the worker %v", ofQueue, ofWorker)
	}
	known := map[string]bool{}
	for name, value := range ofQueue {
		known[value] = true
		if v, err := host.Known(queue.Verdict(value), nil); string(v) != value || err != nil {
			t.Errorf("%s: %q, %v", name, v, err)
		}
	}
	source, err := os.ReadFile("queue/script.go")
	if err != nil {
		t.Fatal(err)
	}
	answers := regexp.MustCompile(`\{'([a-z]+)'`).FindAllSubmatch(source, -1)
	answers = append(answers, regexp.MustCompile(`'(parked)' or '(?:lost)'`).FindAllSubmatch(source, -1)...)
	if len(answers) < 10 {
		t.Fatalf("only %d answers are found in the scripts", len(answers))
	}
	for _, a := range answers {
		if !known[string(a[1])] {
			t.Errorf("a script answers %s, which is no verdict", a[1])
		}
	}
}

// What is no verdict is an error, and nothing is done in silence.
func TestAnUnknownVerdict(t *testing.T) {
	t.Parallel()
	for _, v := range []queue.Verdict{"", "paked", "Run"} {
		if got, err := host.Known(v, nil); got != "" || err == nil || !strings.Contains(err.Error(), strconv.Quote(string(v))) {
			t.Errorf("%q: %q, %v", v, got, err)
		}
	}
	down := errors.New("down")
	if got, err := host.Known("", down); got != "" || !errors.Is(err, down) {
		t.Errorf("%q, %v", got, err)
	}
}

// verdicts are the constants of a package's type Verdict, by name.
func verdicts(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, _ := n.(*ast.ValueSpec)
			if spec == nil {
				return true
			}
			if typ, _ := spec.Type.(*ast.Ident); typ != nil && typ.Name == "Verdict" && len(spec.Values) == 1 {
				if value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value); err == nil {
					found[spec.Names[0].Name] = value
				}
			}
			return true
		})
	}
	return found
}
