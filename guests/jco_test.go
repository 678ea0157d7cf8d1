package guests_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/testkit/require"
	"github.com/conductorquantum/coda/wit"
)

// The tests run our guests under jco as well: a second, independent reading of
// the WIT, which wraps a module into a component and runs that in JavaScript.

const jcoData = "testdata/component"

// jcoModules returns a folder with jco in its node_modules.
func jcoModules(t *testing.T) string {
	t.Helper()
	require.Program(t, "jco", "node", "nodejs")
	require.Program(t, "jco", "npm", "npm")
	folder, err := installJCO()
	if err != nil {
		require.Missing(t, "jco", err.Error())
	}
	return folder
}

// installJCO installs jco once for each lock file, into the user's cache folder.
var installJCO = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	lock, err := os.ReadFile(filepath.Join(jcoData, "package-lock.json"))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(lock)
	folder := filepath.Join(cache, "coda-test", "jco-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	// Beside its place and renamed when whole: another test process may install too.
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return "", err
	}
	partial, err := os.MkdirTemp(filepath.Dir(folder), "install-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(partial)
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(filepath.Join(jcoData, name))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(partial, name), data, 0o644); err != nil {
			return "", err
		}
	}
	// Not "npm ci": it wants the native parts of every platform in the lock file.
	install := exec.Command("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = partial
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm install: %w: it needs the network once\n%s", err, out)
	}
	if err := os.Rename(partial, folder); err != nil {
		if _, there := os.Stat(folder); there != nil {
			return "", err
		}
	}
	return folder, nil
})

// componentize wraps a core module into a component of world backend and returns
// the component's path, or jco's reason against it.
func componentize(t *testing.T, core []byte) (string, error) {
	t.Helper()
	modules, dir := jcoModules(t), t.TempDir()
	witFile, coreFile, component := filepath.Join(dir, "executor.wit"), filepath.Join(dir, "core.wasm"), filepath.Join(dir, "component.wasm")
	if err := errors.Join(os.WriteFile(witFile, []byte(wit.Executor), 0o644), os.WriteFile(coreFile, core, 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := node(t.Context(), nil, "componentize.mjs", modules, witFile, coreFile, component); err != nil {
		return "", err
	}
	return component, nil
}

// jcoReport is what one instance of a component answered.
type jcoReport struct {
	Device  *jcoDevice  `json:"device"`
	Failure *jcoFailure `json:"failure"` // of open
	Results []jcoResult `json:"results"`
	Logs    [][2]string `json:"logs"` // level and message
	Shots   []string    `json:"progress"`
}

type jcoDevice struct {
	Name      string      `json:"name"`
	Target    string      `json:"target"`
	NumQubits int         `json:"numQubits"`
	Edges     [][2]uint16 `json:"edges"`
	Directed  bool        `json:"directed"`
	MaxShots  string      `json:"maxShots"` // empty: unlimited
}

type jcoFailure struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

type jcoResult struct {
	Outcomes []struct {
		Bits  uint64 `json:"bits,string"`
		Count uint64 `json:"count,string"`
	} `json:"outcomes"`
	Completed uint64      `json:"shotsCompleted,string"`
	Elapsed   string      `json:"elapsedNs"` // empty: none
	Failure   *jcoFailure `json:"failure"`
}

// counts checks what the host checks of a result and returns it by outcome.
func (r jcoResult) counts(t *testing.T, measurements int) map[uint64]uint64 {
	t.Helper()
	if r.Failure != nil {
		t.Fatalf("failed: %s: %s", r.Failure.Kind, r.Failure.Message)
	}
	counts, total := map[uint64]uint64{}, uint64(0)
	for _, o := range r.Outcomes {
		if _, twice := counts[o.Bits]; twice || o.Count == 0 || measurements < 64 && o.Bits>>measurements != 0 {
			t.Fatalf("outcome %b, %d times, of %d measurements: repeated, empty or too wide", o.Bits, o.Count, measurements)
		}
		counts[o.Bits] = o.Count
		total += o.Count
	}
	if total != r.Completed {
		t.Fatalf("counts add up to %d of %d shots", total, r.Completed)
	}
	return counts
}

// execute opens one instance of a component and runs the jobs on it.
func execute(t *testing.T, component string, config map[string]string, cancelled bool, jobs ...abi.Job) jcoReport {
	t.Helper()
	type object = map[string]any
	if config == nil {
		config = map[string]string{}
	}
	request := object{"config": config, "cancelled": cancelled, "jobs": []object{}}
	for _, job := range jobs {
		operations := []object{}
		for _, op := range job.Circuit.Operations {
			gate := strings.NewReplacer("minus_", "minus", "_", "-").Replace(op.Gate.String())
			operations = append(operations, object{"gate": gate, "q0": op.Q0, "q1": op.Q1, "param": op.Param})
		}
		request["jobs"] = append(request["jobs"].([]object), object{
			"id":    job.ID,
			"shots": strconv.FormatUint(job.Shots, 10),
			"circuit": object{
				"target":       job.Circuit.Target.String(),
				"numQubits":    job.Circuit.NumQubits,
				"operations":   operations,
				"measurements": append([]uint16{}, job.Circuit.Measurements...),
				"sourceHash":   job.Circuit.Metadata.SourceHash,
			},
		})
	}
	input, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	output, err := node(t.Context(), input, "execute.mjs", jcoModules(t), component, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var report jcoReport
	if err := json.Unmarshal(output, &report); err != nil {
		t.Fatalf("%v in %s", err, output)
	}
	return report
}

// node runs one of our scripts; a failure carries its standard error.
func node(ctx context.Context, input []byte, script string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "node", append([]string{filepath.Join(jcoData, script)}, args...)...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", script, err, stderr.String())
	}
	return output, nil
}
