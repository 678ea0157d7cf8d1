package instrument

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"github.com/conductorquantum/coda/host/config"
)

// Digest tells one set of grants from another: the SHA-256, in hexadecimal, of all
// that a guest may do. Of a header only the name counts, so it holds no secret.
func (b *Bench) Digest() string {
	type grant struct {
		Name           string
		Target         config.Target
		Timeout        int64
		ConnectTimeout int64
		BytesPerSecond uint64
		CallsPerSecond uint64
		MaxBytes       uint64
		Shared         bool
		Headers        []string
		TLS            config.TLSFiles
		Ranges         []config.RegisterRange
	}
	grants := make([]grant, 0, len(b.grants))
	for _, name := range slices.Sorted(maps.Keys(b.grants)) {
		g := b.grants[name]
		grants = append(grants, grant{
			Name: name, Target: g.Target, Timeout: int64(g.Timeout), ConnectTimeout: int64(g.ConnectTimeout),
			BytesPerSecond: g.BytesPerSecond, CallsPerSecond: g.CallsPerSecond, MaxBytes: g.MaxBytes, Shared: g.Shared,
			Headers: slices.Sorted(maps.Keys(g.Headers)), TLS: g.TLS, Ranges: g.Ranges,
		})
	}
	text, err := json.Marshal(grants)
	if err != nil {
		panic(err) // plain values
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
