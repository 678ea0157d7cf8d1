package tape

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/conductorquantum/coda/abi/effect"
)

// values are what a call or an answer holds, by place.
type values struct {
	handle                        uint32
	number, second, third, fourth uint64
	text, method, path            string
	data                          []byte
	pairs                         [][2]string
}

// field is one of a function's parameters or results: its name on the tape, and the
// place that holds it.
type field struct {
	name  string
	write func(*values) any
	read  func(*values, json.RawMessage) error
}

func number(name string, at func(*values) *uint64) field {
	return field{name, func(v *values) any { return *at(v) }, func(v *values, raw json.RawMessage) error { return json.Unmarshal(raw, at(v)) }}
}

func words(name string, at func(*values) *string) field {
	return field{name, func(v *values) any { return blob(*at(v)) }, func(v *values, raw json.RawMessage) error {
		var b blob
		err := json.Unmarshal(raw, &b)
		*at(v) = string(b)
		return err
	}}
}

func one(name string) field    { return number(name, func(v *values) *uint64 { return &v.number }) }
func two(name string) field    { return number(name, func(v *values) *uint64 { return &v.second }) }
func three(name string) field  { return number(name, func(v *values) *uint64 { return &v.third }) }
func four(name string) field   { return number(name, func(v *values) *uint64 { return &v.fourth }) }
func text(name string) field   { return words(name, func(v *values) *string { return &v.text }) }
func method(name string) field { return words(name, func(v *values) *string { return &v.method }) }
func path(name string) field   { return words(name, func(v *values) *string { return &v.path }) }

func handle(name string) field {
	return field{name, func(v *values) any { return v.handle }, func(v *values, raw json.RawMessage) error { return json.Unmarshal(raw, &v.handle) }}
}

func data(name string) field {
	return field{name, func(v *values) any { return blob(v.data) }, func(v *values, raw json.RawMessage) error {
		var b blob
		err := json.Unmarshal(raw, &b)
		v.data = b
		return err
	}}
}

func pairs(name string) field {
	return field{name, func(v *values) any {
		list := make([][2]blob, len(v.pairs))
		for i, p := range v.pairs {
			list[i] = [2]blob{blob(p[0]), blob(p[1])}
		}
		return list
	}, func(v *values, raw json.RawMessage) error {
		var list [][]blob
		if err := json.Unmarshal(raw, &list); err != nil {
			return err
		}
		for _, p := range list {
			if len(p) != 2 {
				return fmt.Errorf("a pair of %d", len(p))
			}
			v.pairs = append(v.pairs, [2]string{string(p[0]), string(p[1])})
		}
		return nil
	}}
}

// shape is what a function's calls and answers hold.
type shape struct{ args, answer []field }

func of(args ...field) shape { return shape{args: args} }

func (s shape) gives(answer ...field) shape { s.answer = answer; return s }

// shapes are those of all functions, with the names of the WIT.
var shapes = map[effect.Func]shape{
	effect.Log:        of(one("level"), text("message")),
	effect.Cancelled:  of().gives(one("cancelled")),
	effect.Progress:   of(one("shots-completed")),
	effect.ConfigGet:  of(text("key")).gives(one("set"), data("value")),
	effect.ConfigKeys: of().gives(pairs("keys")),
	effect.WallClock:  of().gives(one("nanoseconds")),
	effect.Clock:      of().gives(one("nanoseconds")),
	effect.Sleep:      of(one("nanoseconds")),
	effect.Random:     of(one("length")).gives(data("bytes")),

	effect.StreamOpen:       of(text("endpoint")).gives(one("connection")),
	effect.StreamSetTimeout: of(handle("connection"), one("milliseconds")),
	effect.StreamRead:       of(handle("connection"), one("max")).gives(data("data")),
	effect.StreamReadExact:  of(handle("connection"), one("length")).gives(data("data")),
	effect.StreamReadUntil:  of(handle("connection"), one("max"), two("delimiter")).gives(data("data")),
	effect.StreamWrite:      of(handle("connection"), data("data")),
	effect.StreamDrop:       of(handle("connection")),

	effect.HTTPSend: of(text("endpoint"), method("method"), path("path"), pairs("headers"), data("body"), one("timeout-ms")).
		gives(one("status"), pairs("headers"), data("body")),

	effect.WindowOpen:       of(text("endpoint")).gives(one("window")),
	effect.WindowRead32:     of(handle("window"), one("offset")).gives(one("word")),
	effect.WindowWrite32:    of(handle("window"), one("offset"), two("value")),
	effect.WindowReadBlock:  of(handle("window"), one("offset"), two("count")).gives(data("words")),
	effect.WindowWriteBlock: of(handle("window"), one("offset"), data("words")),
	effect.WindowPoll32:     of(handle("window"), one("offset"), two("mask"), three("value"), four("timeout-ms")).gives(one("word")),
	effect.WindowDrop:       of(handle("window")),
}

func ofCall(c *effect.Call) *values {
	return &values{c.Handle, c.Number, c.Second, c.Third, c.Fourth, c.Text, c.Method, c.Path, c.Data, c.Pairs}
}

func ofAnswer(a *effect.Answer) *values {
	return &values{number: a.Number, data: a.Data, pairs: a.Pairs}
}

// written is what a tape holds of values.
func written(fields []field, v *values) (map[string]json.RawMessage, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	m := make(map[string]json.RawMessage, len(fields))
	for _, f := range fields {
		raw, err := encode(f.write(v))
		if err != nil {
			return nil, err
		}
		m[f.name] = raw
	}
	return m, nil
}

// read is written's other way. All fields must be there, and no others.
func read(fields []field, m map[string]json.RawMessage) (*values, error) {
	if len(m) != len(fields) {
		return nil, fmt.Errorf("%d fields where %d belong", len(m), len(fields))
	}
	v := &values{}
	for _, f := range fields {
		raw, ok := m[f.name]
		if !ok {
			return nil, fmt.Errorf("the field %s is missing", f.name)
		}
		if err := f.read(v, raw); err != nil {
			return nil, fmt.Errorf("the field %s: %w", f.name, err)
		}
	}
	return v, nil
}

// encode leaves <, > and & as they are.
func encode(v any) (json.RawMessage, error) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return json.RawMessage(strings.TrimSuffix(b.String(), "\n")), err
}

// shown is a call as people read it, shortened.
func shown(f effect.Func, v *values) string {
	const most = 160
	var b strings.Builder
	b.WriteString(f.String())
	for _, field := range shapes[f].args {
		raw, err := encode(field.write(v))
		if err != nil {
			continue // these are plain values
		}
		if len(raw) > most {
			raw = append(raw[:most:most], "…"...)
		}
		fmt.Fprintf(&b, " %s %s", field.name, raw)
	}
	return b.String()
}
