package executor

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/conductorquantum/coda/host/executor/module"
)

// Provenance is what a result came from.
type Provenance struct {
	Executor string `json:"executor"`         // its name
	SHA256   string `json:"sha256"`           // of the module, in hexadecimal digits
	ABI      string `json:"abi"`              // the version of the contract that it keeps
	Grants   string `json:"grants,omitempty"` // digest of what it is granted; "" if nothing is
}

// Notes are its parts by name, without those that are empty.
func (p Provenance) Notes() map[string]string {
	notes := map[string]string{"executor": p.Executor, "sha256": p.SHA256, "abi": p.ABI}
	if p.Grants != "" {
		notes["grants"] = p.Grants
	}
	return notes
}

// Provenance is what the results of this executor come from.
func (e *Executor) Provenance() Provenance { return e.origin }

func provenance(cfg Config, c *module.Contract) Provenance {
	sum := sha256.Sum256(cfg.Wasm)
	return Provenance{Executor: cfg.Name, SHA256: hex.EncodeToString(sum[:]), ABI: c.Version, Grants: cfg.Grants}
}
