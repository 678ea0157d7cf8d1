//go:build !failpoint

// Package failpoint lets tests of the delivery guarantee kill a node at a named
// point of a job's life. Only binaries built with the tag failpoint have any: in
// all others these functions are nothing.
package failpoint

// Hit is a point that a node passes.
func Hit(string) {}

// After is a point that a node has passed once the channel is closed.
func After(string, <-chan struct{}) {}

// Amid is a point that takes a while.
func Amid(string) {}

// Synced is told that what was written to a file is on disk.
func Synced(string) {}
