package main

import (
	"encoding/json"
	"io/fs"
	"reflect"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
)

// table has programs that were compiled before, by the source hash of their circuits.
type table struct {
	set     *settings
	entries map[string]tableEntry
}

// tableEntry is one of them.
type tableEntry struct {
	Gates   []gate          `json:"gates"` // that it was compiled from; nil: nobody wrote them down
	Program json.RawMessage `json:"program"`
}

// readTable reads every program, so that one that is damaged is found when the node
// starts.
func readTable(files fs.FS, s *settings) (*table, error) {
	t := &table{set: s}
	if err := readFile(files, "table", s.table, &t.entries); err != nil {
		return nil, err
	}
	for hash, entry := range t.entries {
		if err := s.load(&program{}, entry.Program); err != nil {
			return nil, coda.Failf(coda.Internal, "/device/%s: %q: program: %v", s.table, hash, err)
		}
	}
	return t, nil
}

func (t *table) compile(programs []*program) {
	for _, p := range programs {
		hash := p.job.Circuit.Metadata.SourceHash
		entry, ok := t.entries[hash]
		switch {
		case !ok:
			p.err = coda.Failf(coda.Unsupported, "there is no program for the circuit with the source hash %q in /device/%s", hash, t.set.table)
		case entry.Gates != nil && !reflect.DeepEqual(entry.Gates, p.gates):
			p.err = coda.Failf(coda.Unsupported, "the program for the source hash %q in /device/%s is of other gates than this circuit has", hash, t.set.table)
		default:
			p.err = t.set.load(p, entry.Program)
		}
	}
}
