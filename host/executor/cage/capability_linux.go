package cage

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Shed gives up, for the calling thread of the node, what a child must not get at
// its start: new privileges, the bounding and the ambient capabilities. The
// caller has locked its goroutine to the thread, starts the child, and never
// unlocks it, so that the thread ends with the goroutine. Here that is a few
// microseconds; in the child each call would have to be made on all threads.
//
// What the thread may do itself stays as it is. What cannot be given up is left
// to Enter.
func Shed() {
	_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	for c := range uintptr(unix.CAP_LAST_CAP + 1) {
		if unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0) == unix.EPERM {
			return // an ordinary user's node
		}
	}
}

// dropCapabilities empties the permitted, effective and inheritable sets of all
// threads, and with them the ambient set, which is never more than these. Where
// Shed could not empty the bounding set, that set gives nothing: it takes an
// execve to draw on it, which is closed, and no_new_privs rules it out.
func dropCapabilities(Config) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var has, none [2]unix.CapUserData // the version has two
	if err := unix.Capget(&header, &has[0]); err != nil {
		return err
	}
	if has == none {
		return nil
	}
	var pin runtime.Pinner
	pin.Pin(&header)
	pin.Pin(&none)
	defer pin.Unpin()
	return everyThread(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none)))
}
