// Package batch is for an executor that runs many jobs cheaper together than apart.
// Importing it makes the program export the function that runs them, which a node
// then uses; so import it only to register one:
//
//	func init() {
//		b := &backend{}
//		coda.Register(b)
//		batch.Register(b.RunBatch)
//	}
package batch

import (
	"github.com/conductorquantum/coda/guests/sdk/go/internal/guest"
)

// Result is what became of one job: an execution, or the error that Run would have
// returned.
type Result = guest.Result

// Func runs jobs together and returns one result for each, in their order. A panic,
// or another number of results, fails all of them.
type Func = guest.BatchFunc

// Register makes run the function that runs jobs together. It is called from init,
// once. Jobs still come one by one as well, to Run.
func Register(run Func) { guest.RegisterBatch(run) }
