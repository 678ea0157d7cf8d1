package guest

import "unsafe"

var rested answer

// ExportSafety is the export make-safe.
func ExportSafety() unsafe.Pointer {
	return rested.done(MakeSafe(registeredSafety))
}

// SafetyTaken is the clean-up after make-safe.
func SafetyTaken() { takenFrom(&rested) }
