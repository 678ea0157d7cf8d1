package config

import (
	"reflect"
	"testing"
)

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
