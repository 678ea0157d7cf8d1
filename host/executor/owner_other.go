//go:build !unix

package executor

import "io/fs"

const (
	noFollow = 0
	modes    = false
)

// ours cannot be told from a file's mode here; the directory lies in the user's
// profile.
func ours(fs.FileInfo) bool { return true }

// links is not known here.
func links(fs.FileInfo) uint64 { return 1 }
