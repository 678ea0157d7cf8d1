package executor

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/host/fault"
)

// TestAChildThatCompilesMustEnd: one that says that it has compiled and then stays
// holds nobody up for longer than compiling may take, or than anybody waits for it.
func TestAChildThatCompilesMustEnd(t *testing.T) {
	for name, want := range map[string]fault.Cause{"waited for": fault.Limit, "cancelled": fault.Cancelled, "ends": fault.Unsupported} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limits := Limits{CompileTime: time.Minute}.OrDefaults()
				c := &child{e: &Executor{}, done: make(chan struct{})}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				switch name {
				case "cancelled":
					time.AfterFunc(time.Second, cancel)
				case "ends":
					time.AfterFunc(time.Second, func() { close(c.done) })
				}
				began := time.Now()
				err := c.ends(ctx, &limits)
				if name == "ends" {
					if err != nil {
						t.Error(err)
					}
				} else if e, ok := err.(*fault.ExecutorError); !ok || e.Cause != want { //nolint:errorlint // it is not wrapped
					t.Errorf("error %v, want %s", err, want)
				}
				if took := time.Since(began); took > time.Minute || (name != "waited for") != (took == time.Second) {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}
