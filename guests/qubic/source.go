package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// source is where the programs of circuits come from.
type source interface {
	// compile sets each program's executable, or assembly for an older server, or its
	// error.
	compile(programs []*program)
}

// plain makes programs of which each is the list of gates itself, as the instrument
// that is not there (`coda instrument xmlrpc`) runs them.
type plain struct{ set *settings }

func (s *plain) compile(programs []*program) {
	for _, p := range programs {
		text, err := json.Marshal(p.gates)
		if err != nil {
			p.err = err
			continue
		}
		if !s.set.older {
			p.executable = &executable{map[string][]byte{"board:gates": text}, map[string]any{}, map[string]resultChannel{}}
			for channel, reads := range p.reads {
				p.executable.ResultChannels[channel] = resultChannel{channel, "board", reads, "s11"}
			}
			continue
		}
		gates, err := decodeJSON(text)
		if err != nil {
			p.err = err
			continue
		}
		p.assembly = map[string]any{}
		for channel := range p.reads {
			p.assembly[channel] = []any{}
		}
		p.assembly[slices.Min(slices.Collect(maps.Keys(p.reads)))] = gates // any core will do
	}
}

// load reads what a compiler made for a program.
func (s *settings) load(p *program, text []byte) error {
	if s.older {
		value, err := decodeJSON(text)
		if err != nil {
			return err
		}
		cores, ok := value.(map[string]any)
		if !ok || len(cores) == 0 {
			return errors.New(`raw_asm is {"core": [instructions], ...}`)
		}
		for core, instructions := range cores {
			if _, ok := instructions.([]any); !ok {
				return fmt.Errorf("core %s has no list of instructions", core)
			}
		}
		p.assembly = cores
		return nil
	}
	var e struct {
		executable
		WriteRegisters json.RawMessage `json:"write_registers"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil {
		return err
	}
	if e.ProgramBinaries == nil || e.WriteRegisters == nil || e.ResultChannels == nil {
		return errors.New("an executable has program_binaries, write_registers and result_channels")
	}
	value, err := decodeJSON(e.WriteRegisters)
	if err != nil {
		return err
	}
	registers, ok := value.(map[string]any)
	if !ok {
		return errors.New("write_registers is no object")
	}
	e.executable.WriteRegisters = registers
	p.executable = &e.executable
	return nil
}

// decodeJSON reads JSON into the values of XML-RPC. A number is whole unless it has a
// point or an exponent, as Python's are.
func decodeJSON(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON")
	}
	return numbers(value)
}

func numbers(value any) (_ any, err error) {
	switch v := value.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return v.Float64()
		}
		return v.Int64()
	case []any:
		for i := range v {
			if v[i], err = numbers(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for name := range v {
			if v[name], err = numbers(v[name]); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}
