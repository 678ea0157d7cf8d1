package guest

import (
	"maps"
	"os"
	"slices"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/sys"

	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/executor/wire"
)

// ask has the node perform a call and waits for the answer, whose data is valid
// until the next frame is read.
func (c *child) ask(call *effect.Call) effect.Answer {
	if size := len(call.Text) + len(call.Method) + len(call.Path) + len(call.Data) + len(call.Pairs)*8; size > maxCall {
		return effect.Fail(effect.OutOfRange, "%d bytes in one call are more than the %d that it takes", size, maxCall)
	}
	if n := len(call.Pairs); n > wire.MaxPairs {
		return effect.Fail(effect.OutOfRange, "%d headers in one call are more than the %d that it takes", n, wire.MaxPairs)
	}
	err := c.conn.WriteFunc(wire.Call, func(b []byte) []byte { return wire.AppendCall(b, call) })
	for err == nil {
		var kind wire.Kind
		var payload []byte
		if kind, payload, err = c.conn.Read(); err != nil {
			break
		}
		switch kind {
		case wire.Cancel:
			c.cancelled = c.running
		case wire.Answer:
			answer, err := wire.ParseAnswer(payload)
			if err == nil {
				// A call that was cancelled may be answered before the node writes that
				// its job was.
				if c.running && answer.Failed && answer.Kind == effect.CancelledCall {
					c.cancelled = true
				}
				return answer
			}
			os.Exit(exitProtocol)
		default:
			os.Exit(exitProtocol)
		}
	}
	os.Exit(1) // the node is gone, and with it whoever wants the result
	panic("unreachable")
}

const (
	maxCall      = 32 << 20 // bytes of one call
	exitProtocol = 3        // the node says what no node says
)

// askCancelled is whether the job is cancelled, as the guest is told it.
func (c *child) askCancelled() uint64 {
	if c.engine.body.Taped {
		is := c.ask(&effect.Call{Func: effect.Cancelled}).Number
		c.cancelled = c.cancelled || c.running && is != 0 // a replay is cancelled by nobody else
		return is
	}
	if c.checkCancelled() {
		return 1
	}
	return 0
}

func (c *child) setting(key string) (value string, some bool) {
	if c.engine.body.Taped {
		answer := c.ask(&effect.Call{Func: effect.ConfigGet, Text: key})
		return string(answer.Data), answer.Number != 0
	}
	value, some = c.engine.body.Settings[key]
	return value, some
}

func (c *child) settingKeys() []string {
	if !c.engine.body.Taped {
		return slices.Sorted(maps.Keys(c.engine.body.Settings))
	}
	var keys []string
	for _, pair := range c.ask(&effect.Call{Func: effect.ConfigKeys}).Pairs {
		keys = append(keys, pair[0])
	}
	return keys
}

// now is the time since some time before, as the time of a call is measured.
func (c *child) now() time.Duration {
	if c.engine.body.Taped {
		return time.Duration(c.ask(&effect.Call{Func: effect.Clock}).Number)
	}
	return time.Since(epoch)
}

var epoch = time.Now()

// tapeTime takes clocks and randomness from the node.
func (c *child) tapeTime(config wazero.ModuleConfig) wazero.ModuleConfig {
	number := func(f effect.Func) int64 { return int64(c.ask(&effect.Call{Func: f}).Number) }
	return config.
		WithWalltime(func() (int64, int32) {
			now := number(effect.WallClock)
			return now / 1e9, int32(now % 1e9)
		}, sys.ClockResolution(1)).
		WithNanotime(func() int64 { return number(effect.Clock) }, sys.ClockResolution(1)).
		WithNanosleep(func(ns int64) { c.ask(&effect.Call{Func: effect.Sleep, Number: uint64(max(ns, 0))}) }).
		WithRandSource(taped{c})
}

// taped reads random bytes off the tape.
type taped struct{ *child }

func (t taped) Read(p []byte) (int, error) {
	answer := t.ask(&effect.Call{Func: effect.Random, Number: uint64(len(p))})
	return copy(p, answer.Data), nil
}
