//go:build !unix

package guest

// readable cannot be known here without reading: a cancellation is seen only
// when the node kills the child.
func readable(int) bool { return false }

// exitOnHangup has nothing to watch here: a child whose node is gone ends when
// it next reads.
func exitOnHangup(int) {}
