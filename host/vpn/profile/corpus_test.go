package profile_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/vpn/profile"
)

// corpus is what mutation begins with, beside the rows of the case file: for each
// feature that a profile was the first to show, the shortest profile that does.
const corpusFile = "testdata/corpus.jsonl"

type specimen struct {
	Feature  string `json:"feature"`
	Accepted bool   `json:"accepted"`
	Profile  string `json:"profile"` // @ca@ stands for what is in the block ca, and so on
}

func readCorpus(tb testing.TB, blocks map[string]string) []specimen {
	tb.Helper()
	text, err := os.ReadFile(corpusFile)
	if err != nil {
		tb.Fatal(err)
	}
	var list []specimen
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s specimen
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			tb.Fatal(err)
		}
		for name, data := range blocks {
			s.Profile = strings.ReplaceAll(s.Profile, "@"+name+"@\n", data)
		}
		list = append(list, s)
	}
	return list
}

func writeCorpus(tb testing.TB, blocks map[string]string, list []specimen) {
	tb.Helper()
	slices.SortFunc(list, func(a, b specimen) int { return cmp.Compare(a.Feature, b.Feature) })
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	for _, s := range list {
		s.Profile = abbreviated(s.Profile, blocks)
		if err := encoder.Encode(s); err != nil {
			tb.Fatal(err)
		}
	}
	if err := os.WriteFile(corpusFile, b.Bytes(), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// abbreviated is a profile with @ca@ for what is in the block ca, and so on.
func abbreviated(text string, blocks map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(blocks)) {
		if data := blocks[name]; len(data) > 20 {
			text = strings.ReplaceAll(text, data, "@"+name+"@\n")
		}
	}
	return text
}

// seeds are the profiles that mutation begins with: those that lead to a tunnel, and
// those together with the others.
func seeds(tb testing.TB, blocks map[string]string) (good, all []string) {
	tb.Helper()
	for _, r := range rows(tb) {
		text := r.Profile
		for name, data := range blocks {
			placeholder := regexp.MustCompile(`(?s)(<` + name + `>\r?\n)[^<]*([ \t]*</` + name + `>)`)
			text = placeholder.ReplaceAllString(text, "${1}"+data+"${2}")
		}
		all = append(all, text)
		if r.MustAccept {
			good = append(good, text)
		}
	}
	for _, s := range readCorpus(tb, blocks) {
		all = append(all, s.Profile)
		if s.Accepted && !strings.HasPrefix(s.Feature, ends) {
			good = append(good, s.Profile)
		}
	}
	return good, all
}

const ends = "ends: "

var number = regexp.MustCompile(`\d+`)

// features are what is particular about a profile: why it is refused, how it ends
// OpenVPN early, or what is in it. The end is "" where that does not happen.
func features(text string, p *profile.Profile, refusal *profile.Refusal, end string) []string {
	switch {
	case refusal != nil:
		return []string{"refused: " + number.ReplaceAllString(refusal.Reason, "N")}
	case end != "":
		return []string{ends + number.ReplaceAllString(end, "N")}
	}
	var list []string
	for line := range strings.Lines(string(p.Text())) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if _, found := profile.Grammar[name]; found || strings.HasPrefix(name, "<") && !strings.HasPrefix(name, "</") {
			list = append(list, "holds: "+name)
		}
	}
	for what, part := range map[string]string{"a mark": "\ufeff", "CRLF": "\r\n", "quotes": `"`, "single quotes": "'", "a comment": "#"} {
		if strings.Contains(text, part) {
			list = append(list, "has: "+what)
		}
	}
	return list
}

// The corpus is judged as it was when it grew.
func TestCorpus(t *testing.T) {
	t.Parallel()
	for _, s := range readCorpus(t, material(t)) {
		p, err := profile.Parse([]byte(s.Profile))
		if (err == nil) != s.Accepted {
			t.Errorf("%s: got %v, want accepted %v: %q", s.Feature, err, s.Accepted, s.Profile)
		}
		if err != nil {
			checkRefusal(t, s.Profile, err)
			continue
		}
		checkWritten(t, s.Profile, p)
	}
}
