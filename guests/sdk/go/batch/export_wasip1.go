package batch

import (
	"unsafe"

	"github.com/conductorquantum/coda/guests/sdk/go/internal/guest"
)

//go:wasmexport coda:executor/batch@0.1.0#run-batch
func runBatch(jobs unsafe.Pointer, numJobs uint32) unsafe.Pointer {
	return guest.ExportBatch(jobs, numJobs)
}

//go:wasmexport cabi_post_coda:executor/batch@0.1.0#run-batch
func runBatchPost(unsafe.Pointer) { guest.BatchTaken() }
