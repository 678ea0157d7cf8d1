package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// The authors' document has every limit with its default.
func TestLimitsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../guests/README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\|[^|]*\\| `([a-z_]+)` \\| ([^|]+) \\|$").FindAllSubmatch(text, -1) {
		found[string(row[1])] = string(row[2])
	}
	limits := DefaultLimits
	for _, k := range limitKeys {
		_, want, _ := strings.Cut(limits.Shown(k.key), " = ")
		if found[k.key] != want {
			t.Errorf("limits.%s is documented as %q, and is %q", k.key, found[k.key], want)
		}
	}
}

// Every field of Limits has a key, a default and a text.
func TestEveryLimitHasAKey(t *testing.T) {
	t.Parallel()
	if n := reflect.TypeFor[Limits]().NumField(); n != len(limitKeys) {
		t.Errorf("%d fields and %d keys", n, len(limitKeys))
	}
	var l Limits
	if got := l.OrDefaults(); got != DefaultLimits {
		t.Errorf("the defaults are %+v, want %+v", got, DefaultLimits)
	}
	v := reflect.ValueOf(DefaultLimits)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s has no default", v.Type().Field(i).Name)
		}
	}
	set := Limits{Memory: 3 << 20, Handles: 2}
	full := set.OrDefaults()
	for key, want := range map[string]string{
		"memory": "limits.memory = 3MiB", "handles": "limits.handles = 2", "job_time": "limits.job_time = 1m0s",
	} {
		if got := full.Shown(key); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, k := range limitKeys {
		_ = full.Shown(k.key)
	}
}
