package safety

import (
	"unsafe"

	"github.com/conductorquantum/coda/guests/sdk/go/internal/guest"
)

//go:wasmexport coda:executor/safety@0.1.0#make-safe
func makeSafe() unsafe.Pointer { return guest.ExportSafety() }

//go:wasmexport cabi_post_coda:executor/safety@0.1.0#make-safe
func makeSafePost(unsafe.Pointer) { guest.SafetyTaken() }
