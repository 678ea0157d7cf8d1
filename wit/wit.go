// Package wit carries executor.wit, the contract between the coda host and an
// executor, so that programs and tests can read the text that they were built
// against.
package wit

import _ "embed"

// Version is the contract's version. A host of 0.1.x serves every guest of
// 0.1.y; another minor version is another contract.
const Version = "0.1.0"

// Package is the WIT package that executor.wit declares, without its version.
const Package = "coda:executor"

// Executor is the text of executor.wit.
//
//go:embed executor.wit
var Executor string
