//go:build unix

package host

import (
	"io/fs"
	"os"
	"syscall"
)

// ownerOf is the user that a file belongs to, and whether that is who runs this.
func ownerOf(info fs.FileInfo) (uid int, ours bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, false
	}
	return int(stat.Uid), int(stat.Uid) == os.Geteuid()
}
