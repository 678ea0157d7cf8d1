package guest

import (
	"github.com/tetratelabs/wazero/api"

	"github.com/conductorquantum/coda/abi/canon"
	"github.com/conductorquantum/coda/abi/effect"
)

// hardwareFuncs are the functions that need a grant, by "interface#function". The
// node performs them; here is what crosses the guest's memory. The last parameter is
// where the result goes.
var hardwareFuncs = map[string]hostFunc{
	"byte-stream#[static]connection.open": opening(connection, effect.StreamOpen),
	"byte-stream#[method]connection.set-timeout": {params(2), nil, func(c *child, _ api.Module, stack []uint64) error {
		node, err := c.active.handles.look(connection, uint32(stack[0]))
		if err != nil {
			return err
		}
		c.ask(&effect.Call{Func: effect.StreamSetTimeout, Handle: node, Number: uint64(uint32(stack[1]))})
		return nil
	}},
	"byte-stream#[method]connection.read": using(connection, 3, canon.LowerBytes, func(_ api.Module, p []uint64, call *effect.Call) error {
		call.Func, call.Number = effect.StreamRead, p[0]
		return nil
	}),
	"byte-stream#[method]connection.read-exact": using(connection, 3, canon.LowerBytes, func(_ api.Module, p []uint64, call *effect.Call) error {
		call.Func, call.Number = effect.StreamReadExact, p[0]
		return nil
	}),
	"byte-stream#[method]connection.read-until": using(connection, 4, canon.LowerBytes, func(_ api.Module, p []uint64, call *effect.Call) error {
		call.Func, call.Second, call.Number = effect.StreamReadUntil, p[0]&0xff, p[1]
		return nil
	}),
	"byte-stream#[method]connection.write": using(connection, 4, canon.LowerDone, func(m api.Module, p []uint64, call *effect.Call) (err error) {
		call.Func = effect.StreamWrite
		call.Data, err = canon.LiftBytes(m.Memory(), "data", uint32(p[0]), uint32(p[1]))
		return err
	}),
	"byte-stream#[resource-drop]connection": dropping(connection, effect.StreamDrop),

	"http#send": {params(12), nil, sendHTTP},

	"registers#[static]window.open": opening(window, effect.WindowOpen),
	"registers#[method]window.read32": using(window, 3, canon.LowerNumber, func(_ api.Module, p []uint64, call *effect.Call) error {
		call.Func, call.Number = effect.WindowRead32, p[0]
		return nil
	}),
	"registers#[method]window.write32": using(window, 4, canon.LowerDone, func(_ api.Module, p []uint64, call *effect.Call) error {
		call.Func, call.Number, call.Second = effect.WindowWrite32, p[0], p[1]
		return nil
	}),
	"registers#[method]window.read-block": using(window, 4, canon.LowerWords, func(_ api.Module, p []uint64, call *effect.Call) error {
		call.Func, call.Number, call.Second = effect.WindowReadBlock, p[0], p[1]
		return nil
	}),
	"registers#[method]window.write-block": using(window, 5, canon.LowerDone, func(m api.Module, p []uint64, call *effect.Call) (err error) {
		call.Func, call.Number = effect.WindowWriteBlock, p[0]
		call.Data, err = canon.LiftWords(m.Memory(), "words", uint32(p[1]), uint32(p[2]))
		return err
	}),
	"registers#[method]window.poll32": using(window, 6, canon.LowerNumber, func(_ api.Module, p []uint64, call *effect.Call) error {
		call.Func, call.Number, call.Second, call.Third, call.Fourth = effect.WindowPoll32, p[0], p[1], p[2], p[3]
		return nil
	}),
	"registers#[resource-drop]window": dropping(window, effect.WindowDrop),
}

func params(n int) []api.ValueType {
	types := make([]api.ValueType, n)
	for i := range types {
		types[i] = i32
	}
	return types
}

// lowering writes an answer to the return area.
type lowering func(g canon.Guest, ret uint32, a *effect.Answer) error

// opening is a function that opens a resource by the name of its endpoint.
func opening(of resource, f effect.Func) hostFunc {
	return hostFunc{params(3), nil, func(c *child, m api.Module, stack []uint64) error {
		endpoint, err := canon.LiftString(m.Memory(), "endpoint", uint32(stack[0]), uint32(stack[1]))
		if err != nil {
			return err
		}
		h, answer := &c.active.handles, effect.Answer{}
		if h.open >= c.engine.body.Handles {
			answer = effect.Fail(effect.Busy, "%d handles are open, and limits.handles = %d allows no more", h.open, c.engine.body.Handles)
		} else if answer = c.ask(&effect.Call{Func: f, Text: endpoint}); !answer.Failed {
			answer.Number = uint64(h.add(of, uint32(answer.Number)))
		}
		return canon.LowerNumber(c.caller(m), uint32(stack[2]), &answer)
	}}
}

// using is a method of n parameters: the handle, what fill reads, and where the
// result goes.
func using(of resource, n int, lower lowering, fill func(m api.Module, params []uint64, call *effect.Call) error) hostFunc {
	return hostFunc{params(n), nil, func(c *child, m api.Module, stack []uint64) error {
		node, err := c.active.handles.look(of, uint32(stack[0]))
		if err != nil {
			return err
		}
		for i := range stack[:n] {
			stack[i] = uint64(uint32(stack[i]))
		}
		call := effect.Call{Handle: node}
		if err := fill(m, stack[1:n-1], &call); err != nil {
			return err
		}
		answer := c.ask(&call)
		return lower(c.caller(m), uint32(stack[n-1]), &answer)
	}}
}

// dropping takes a handle back.
func dropping(of resource, f effect.Func) hostFunc {
	return hostFunc{params(1), nil, func(c *child, _ api.Module, stack []uint64) error {
		node, err := c.active.handles.drop(of, uint32(stack[0]))
		if err == nil {
			c.ask(&effect.Call{Func: f, Handle: node})
		}
		return err
	}}
}

func sendHTTP(c *child, m api.Module, stack []uint64) error {
	call := effect.Call{Func: effect.HTTPSend, Number: uint64(uint32(stack[10]))}
	var err error
	for i, text := range []struct {
		what string
		into *string
	}{{"endpoint", &call.Text}, {"request.method", &call.Method}, {"request.path", &call.Path}} {
		if *text.into, err = canon.LiftString(m.Memory(), text.what, uint32(stack[2*i]), uint32(stack[2*i+1])); err != nil {
			return err
		}
	}
	if call.Pairs, err = canon.LiftPairs(m.Memory(), "request.headers", uint32(stack[6]), uint32(stack[7]), maxHeaders); err != nil {
		return err
	}
	if call.Data, err = canon.LiftBytes(m.Memory(), "request.body", uint32(stack[8]), uint32(stack[9])); err != nil {
		return err
	}
	answer := c.ask(&call)
	return canon.LowerResponse(c.caller(m), uint32(stack[11]), &answer)
}

// maxHeaders is the most bytes of a request's headers.
const maxHeaders = 1 << 20
