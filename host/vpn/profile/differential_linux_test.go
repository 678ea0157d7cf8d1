package profile_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/vpn/profile"
)

var (
	profiles = flag.Int("profiles", 20_000, "how many mutated profiles OpenVPN and the policy are compared on")
	seed     = flag.Uint64("seed", 0, "what the mutations depend on; 0 is another one every time")
	update   = flag.Bool("update", false, "let the corpus grow by what is new")
)

// tolerated are the options errors of OpenVPN in spite of which a profile may be
// accepted, with the reason.
var tolerated = map[string]string{
	"--data-ciphers list contains unsupported ciphers or is too long.": "which ciphers there are is up to the cryptographic library",
}

// mended are those that only what came may lead to, since what is written differs.
var mended = map[string]string{
	"format error in hash fingerprint": "OpenVPN takes the CR of a line for a part of the fingerprint, and what is written has none",
}

// subject is a profile that the policy accepts.
type subject struct {
	text, written string
	keepsReneg    bool // it says itself how often keys are renewed
}

// Whatever the policy accepts, OpenVPN reads without an error in its options, runs no
// program, touches no file but its own, and understands no directive in it that the
// policy has not. It understands the text that came in the same way as the one that
// the policy writes.
func TestDifferential(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	if testing.Short() {
		*profiles = min(*profiles, 2000)
	}
	began := time.Now()
	m := newMutator(t, b)
	accepted, subjects, found := judge(t, m)
	d := &differential{t: t, bench: b, blocks: m.blocks, outcomes: map[string]int{}, found: found}
	d.learn()
	d.run(subjects)
	d.grow()

	t.Logf("seed %d: of %d profiles %d were accepted (%d%%), %d different ones; openvpn read %d texts in %d processes, %v in all",
		*seed, *profiles, accepted, 100*accepted / *profiles, len(subjects), d.texts, d.processes, time.Since(began).Round(time.Millisecond))
	for _, end := range slices.Sorted(maps.Keys(d.outcomes)) {
		t.Logf("%6d  %s", d.outcomes[end], end)
	}
	if accepted < *profiles/5 {
		t.Errorf("only %d of %d profiles were accepted: too few to learn from", accepted, *profiles)
	}
	if d.outcomes[started] < d.texts/2 {
		t.Errorf("openvpn came as far as the network with %d of %d texts only", d.outcomes[started], d.texts)
	}
	if left, err := os.ReadDir(filepath.Join(b.dir, "bait")); err != nil || len(left) != len(baits) {
		t.Errorf("the bait was touched: %v, %v", left, err)
	}
}

var baits = []string{"program", "config.ovpn", "secret", "library.so"}

// lay puts out programs and files that no profile is to have touched, and returns
// their paths, seen from where OpenVPN runs.
func (b *bench) lay(tb testing.TB) []string {
	tb.Helper()
	if err := os.Mkdir(filepath.Join(b.dir, "bait"), 0o700); err != nil {
		tb.Fatal(err)
	}
	paths := []string{"bait", "bait/new"}
	for _, name := range baits {
		path := "bait/" + name
		if err := os.WriteFile(filepath.Join(b.dir, path), []byte("#!/bin/sh\n: >bait/ran\n"), 0o700); err != nil {
			tb.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func newMutator(tb testing.TB, b *bench) *mutator {
	tb.Helper()
	help, err := exec.Command(b.openvpn, "--help").Output()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok { // it ends with 1
		tb.Fatal(err)
	}
	ours := slices.Sorted(maps.Keys(profile.Grammar))
	names := slices.Clone(ours)
	for _, match := range regexp.MustCompile(`(?m)^--([a-z0-9-]+)`).FindAllSubmatch(help, -1) {
		names = append(names, string(match[1]))
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) < 200 {
		tb.Fatalf("openvpn --help lists %d directives", len(names))
	}
	blocks := material(tb)
	good, all := seeds(tb, blocks)
	return &mutator{
		Rand:   rand.New(rand.NewPCG(*seed, 0)),
		good:   good,
		all:    all,
		names:  names,
		ours:   ours,
		bait:   b.lay(tb),
		blocks: blocks,
	}
}

// judge makes the profiles and has the policy judge them. It returns how many are
// accepted, those among them that differ, and what was found that is new.
func judge(t *testing.T, m *mutator) (accepted int, subjects []subject, found map[string]specimen) {
	found = map[string]specimen{}
	seen := map[subject]bool{}
	for range *profiles {
		text := m.next()
		p, err := profile.Parse([]byte(text))
		if err != nil {
			checkRefusal(t, text, err)
			refusal, _ := errors.AsType[*profile.Refusal](err)
			note(found, text, false, features(text, nil, refusal, ""))
			continue
		}
		accepted++
		s := subject{text, string(p.Text()), p.Has("reneg-sec")}
		if !seen[s] {
			seen[s] = true
			subjects = append(subjects, s)
		}
	}
	return accepted, subjects, found
}

// note keeps the shortest profile of each feature.
func note(found map[string]specimen, text string, accepted bool, features []string) {
	for _, feature := range features {
		if known, ok := found[feature]; !ok || len(text) < len(known.Profile) {
			found[feature] = specimen{feature, accepted, text}
		}
	}
}

// differential compares the policy with OpenVPN.
type differential struct {
	t        *testing.T
	bench    *bench
	blocks   map[string]string
	ordinary map[string][]string // settings

	mu        sync.Mutex
	failures  int
	texts     int
	processes int
	outcomes  map[string]int
	found     map[string]specimen
}

// learn learns what settings an ordinary profile leads to.
func (d *differential) learn() {
	r, err := d.bench.newReader("ordinary", d.checkTouched)
	if err != nil {
		d.t.Fatal(err)
	}
	printed, err := r.read("client\ndev tun\nremote vpn.example.com\n" +
		"<ca>\n" + d.blocks["ca"] + "</ca>\n<cert>\n" + d.blocks["cert"] + "</cert>\n<key>\n" + d.blocks["key"] + "</key>\n")
	if err := errors.Join(err, r.close()); err != nil {
		d.t.Fatal(err)
	}
	d.ordinary = settings(printed)
	if len(d.ordinary) < 100 || outcome(printed) != started {
		d.t.Fatalf("openvpn does not work here: it printed %s", printed)
	}
}

// fail reports a failure with the profile that it came with, the first few of them.
func (d *differential) fail(text, format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failures++; d.failures <= 10 {
		d.t.Errorf(format+", with %q", append(args, abbreviated(text, d.blocks))...)
	}
}

// run gives the subjects to as many OpenVPNs as there are processors.
func (d *differential) run(subjects []subject) {
	work := make(chan subject)
	var workers sync.WaitGroup
	for i := range min(runtime.NumCPU(), 8) {
		workers.Go(func() {
			r, err := d.bench.newReader(fmt.Sprintf("reader%d", i), d.checkTouched)
			if err != nil {
				d.t.Error(err)
			}
			for s := range work {
				if err == nil {
					err = d.compare(r, s)
				}
				if err != nil {
					d.fail(s.text, "%v", err)
					return
				}
			}
			if err := r.close(); err != nil {
				d.t.Error(err)
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			d.processes += r.runs
		})
	}
	stopped := make(chan struct{})
	go func() { workers.Wait(); close(stopped) }()
feed:
	for _, s := range subjects {
		select {
		case work <- s:
		case <-stopped: // after an error
			break feed
		}
	}
	close(work)
	<-stopped
}

// checkTouched looks at what a text made OpenVPN touch.
func (d *differential) checkTouched(text string, touched []string) {
	if len(touched) > 0 {
		d.fail(text, "openvpn went beyond what is its own: %q", touched)
	}
}

// compare has OpenVPN read what the policy writes, and what came.
func (d *differential) compare(r *reader, s subject) error {
	written, end, err := d.read(r, s.written, tolerated)
	if err != nil || written == nil {
		return err
	}
	if list := unlike(d.ordinary, written); len(list) > 0 {
		d.fail(s.written, "settings that are not a profile's: %q", list)
	}
	p, err := profile.Parse([]byte(s.text))
	if err != nil {
		return err
	}
	if end == started {
		end = ""
	}
	d.mu.Lock()
	note(d.found, s.text, true, features(s.text, p, nil, end))
	d.mu.Unlock()
	if s.text == s.written {
		return nil
	}
	came, _, err := d.read(r, s.text, tolerated, mended)
	if err != nil || came == nil {
		return err
	}
	if !s.keepsReneg { // the policy adds one
		came["renegotiate_seconds"] = written["renegotiate_seconds"]
	}
	if !reflect.DeepEqual(came, written) {
		for name, values := range came {
			if !slices.Equal(values, written[name]) {
				d.fail(s.text, "%s is %q in what came and %q in what was written", name, values, written[name])
			}
		}
	}
	return nil
}

// read has OpenVPN read a text, and returns the settings; nil if it has an error in
// its options.
func (d *differential) read(r *reader, text string, tolerated ...map[string]string) (got map[string][]string, end string, err error) {
	printed, err := r.read(text)
	if err != nil {
		return nil, "", err
	}
	end = outcome(printed)
	d.mu.Lock()
	d.texts++
	d.outcomes[end]++
	d.mu.Unlock()
	got = settings(printed)
	is := func(known map[string]string) bool { return known[strings.TrimPrefix(end, "Options error: ")] != "" }
	if got == nil && !slices.ContainsFunc(tolerated, is) {
		d.fail(text, "openvpn finds an error in its options: %s", end)
	}
	return got, end, nil
}

const started = "came as far as the network"

var (
	lastWord = regexp.MustCompile(`(?m)^(.+)\n(Exiting due to fatal error|Use --help for more information\.|SIG\w+\[.*)$`)
	varying  = regexp.MustCompile(`'.*'|\d+|\(.*|(?:: ).*|(Cipher) \S+`)
)

// outcome is what OpenVPN came to with a profile, without what differs each time.
func outcome(printed string) string {
	if strings.Contains(printed, "\nData Channel MTU parms") {
		return started
	}
	match := lastWord.FindStringSubmatch(printed)
	if match == nil {
		return "ended without a word"
	}
	reason, isOption := strings.CutPrefix(match[1], "Options error: ")
	reason = varying.ReplaceAllString(reason, "$1")
	if isOption {
		return "Options error: " + reason
	}
	return reason
}

// grow lets the corpus grow by what is new, or says that it could.
func (d *differential) grow() {
	list := readCorpus(d.t, d.blocks)
	for _, s := range list {
		delete(d.found, s.Feature)
	}
	if len(d.found) == 0 {
		return
	}
	if !*update || d.t.Failed() {
		d.t.Logf("%d features are new, such as %q; run with -update to keep them", len(d.found), slices.Sorted(maps.Keys(d.found))[0])
		return
	}
	for _, s := range d.found {
		list = append(list, s)
	}
	writeCorpus(d.t, d.blocks, list)
}
