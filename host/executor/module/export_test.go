package module

import "slices"

// Exported lists the functions that a guest exports or may export.
func Exported() []Function { return slices.Clone(exported) }
