//go:build unix

package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/devcloud"
)

// stopDuring starts a node with a token, and stops it while the cloud is at work on
// the log-on that f is about.
func (l *lab) stopDuring(t *testing.T, f devcloud.Fault, args ...string) *process {
	t.Helper()
	if _, err := l.cloud.Fault(f); err != nil {
		t.Fatal(err)
	}
	node := l.launch(t, append([]string{"start", "--token", l.cloud.Token()}, args...)...)
	for l.cloud.Faults()[0].Hits == 0 {
		select {
		case <-node.ended:
			t.Fatal("it ended before it connected")
		case <-time.After(time.Millisecond):
		}
	}
	return node
}

// A stop during the first log-on does not cost the token: the node keeps what the
// cloud gives for it, and the next start needs none.
func TestStopDuringTheFirstLogOn(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	node := l.stopDuring(t, devcloud.Fault{Endpoint: "connect", Times: 1, Taken: true, Delay: time.Second})
	node.signal(t, syscall.SIGTERM)
	node.exits(t, exitOK)
	if _, err := os.Stat(filepath.Join(l.state, "coda.config")); err != nil {
		t.Errorf("the credentials were not kept: %v", err)
	}
	again := l.launch(t, "start")
	again.waitFor(t, "the node takes jobs")
	again.signal(t, syscall.SIGTERM)
	again.exits(t, exitOK)
}

// Where the token went and nothing came for it, the stop is no success, and the
// node says what that means.
func TestStopThatCostsTheToken(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	node := l.stopDuring(t, devcloud.Fault{Endpoint: "connect", Times: 1, Taken: true, Reset: true, Delay: time.Second})
	node.signal(t, syscall.SIGTERM)
	node.exits(t, exitStart)
	node.waitFor(t, "^coda: connect: .*the token may have been redeemed by attempt 1, whose answer was lost: if so, ask for a new token")
}

// The second signal does not wait for the cloud.
func TestSecondSignalDuringTheFirstLogOn(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.env = append(l.env, "CODA_NODE_TIMEOUT_SEC=3600")
	node := l.stopDuring(t, devcloud.Fault{Endpoint: "connect", Times: 1, Taken: true, Delay: time.Hour}, "--log-format", "json")
	node.signal(t, syscall.SIGTERM)
	for { // both signals would count as one before the first was taken
		if out, _ := l.run(t, exitOK, "status"); strings.Contains(out, "DAEMON        stopping") {
			break
		}
	}
	node.signal(t, syscall.SIGTERM)
	node.exits(t, exitStart)
	node.waitFor(t, `"msg":"the node ended","error":"connect: interrupted; the token may have been redeemed by attempt 1`)
}

// Wherever a token came from, a node in the background does not show it for as long
// as it runs, which its environment would.
func TestDaemonDoesNotShowItsToken(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]func(t *testing.T, l *lab, token string) *process{
		"a variable": func(t *testing.T, l *lab, token string) *process {
			l.env = append(l.env, "CODA_NODE_TOKEN="+token)
			return l.launch(t, "start", "-d")
		},
		"standard input": func(t *testing.T, l *lab, token string) *process {
			return launchWith(t, file(t, token), nil, l.dir, l.env, "start", "-d", "--token", "-")
		},
		"a pipe": func(t *testing.T, l *lab, token string) *process {
			pipe := filepath.Join(l.dir, "token")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			go func() { // waits for the reader
				_ = os.WriteFile(pipe, []byte(token), 0o600)
			}()
			return launch(t, l.dir, append(l.env, "CODA_NODE_TOKEN_FILE="+pipe), "start", "-d")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			token := l.cloud.Token()
			given(t, l, token).exits(t, exitOK)
			for _, name := range []string{"environ", "cmdline"} {
				text, err := os.ReadFile("/proc/" + strconv.Itoa(l.pid(t)) + "/" + name)
				if runtime.GOOS == "linux" && (err != nil || len(text) == 0) || strings.Contains(string(text), token) {
					t.Errorf("%s: %v, %q", name, err, text)
				}
			}
			l.run(t, exitOK, "stop")
		})
	}
}

// file is an open file with that text.
func file(t *testing.T, text string) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
