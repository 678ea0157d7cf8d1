//go:build !failpoint

// Package failpoint lets tests of the delivery guarantee kill a node at a named
// point of a job's life. Only binaries built with the tag failpoint have any: in
// all others Hit is nothing.
package failpoint

// Hit is a point that a node passes.
func Hit(string) {}
