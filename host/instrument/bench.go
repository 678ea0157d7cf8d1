// Package instrument is how a guest reaches hardware: byte streams, HTTP and
// memory-mapped registers, each by the name that the operator gave it in the device
// file. A guest never sees an address, a path or a secret, and neither does an error
// that it gets; the operator's log has them.
package instrument

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

// Config is what a device file grants.
type Config struct {
	Endpoints map[string]config.Endpoint
	Log       *slog.Logger // for the operator; nil: nobody reads it
}

// Bench is the hardware of a node. All guests of the node share it.
type Bench struct {
	grants map[string]*grant
}

// Open reads the secrets and certificates that the endpoints name. It does not touch
// the hardware: a grant is connected when a guest opens it. Errors are
// *fault.ConfigError, joined.
func Open(cfg Config) (*Bench, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	b := &Bench{grants: make(map[string]*grant, len(cfg.Endpoints))}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(cfg.Endpoints)) {
		g, err := newGrant(name, cfg.Endpoints[name].OrDefaults(), cfg.Log)
		if err != nil {
			problems = append(problems, &fault.ConfigError{Where: "endpoints." + name, Reason: "cannot be granted", Err: err})
			continue
		}
		b.grants[name] = g
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return b, nil
}

// Door is the way of one guest to the hardware. It serves the functions that are
// effect.Func.Hardware, one call at a time. Closing it closes what the guest had
// open; the next guest may then have it.
func (b *Bench) Door() effect.Door {
	return &door{bench: b, handles: map[uint32]handle{}}
}

// Close lets go of connections that are kept for later requests.
func (b *Bench) Close() {
	for _, g := range b.grants {
		if g.http != nil {
			g.http.transport.CloseIdleConnections()
		}
	}
}

// Status is what became of a grant since the start.
type Status struct {
	Name      string `json:"name"`
	Interface string `json:"interface"` // of the WIT
	Open      int64  `json:"open"`      // connections and windows
	Calls     uint64 `json:"calls"`
	Errors    uint64 `json:"errors"`
	BytesIn   uint64 `json:"bytes_in"`
	BytesOut  uint64 `json:"bytes_out"`
}

// Status tells of each grant, in the order of their names.
func (b *Bench) Status() []Status {
	all := make([]Status, 0, len(b.grants))
	for _, g := range b.grants {
		all = append(all, Status{
			Name: g.name, Interface: g.Interface(), Open: g.open.Load(), Calls: g.calls.Load(),
			Errors: g.errors.Load(), BytesIn: g.bytesIn.Load(), BytesOut: g.bytesOut.Load(),
		})
	}
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// grant finds an endpoint by the name that a guest gave.
func (b *Bench) grant(name, kind string) (*grant, effect.Answer) {
	g, ok := b.grants[name]
	if !ok || g.Interface() != kind {
		return nil, effect.Fail(effect.NotGranted, "no endpoint %s is granted for %s; the operator can add it to the device file", shown(name), kind)
	}
	return g, effect.Answer{}
}

// shown is a guest's text in a message, quoted and short.
func shown(text string) string {
	const most = 64
	if len(text) > most {
		return fmt.Sprintf("%q…", text[:most])
	}
	return fmt.Sprintf("%q", text)
}
