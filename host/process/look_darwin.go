package process

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"golang.org/x/sys/unix"
)

// look asks the kernel about a process. The error is fs.ErrNotExist where
// there is none, or only a dead one that nobody asked how it ended.
func look(pid int) (facts, error) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if errors.Is(err, unix.EIO) || errors.Is(err, unix.ESRCH) { // EIO: an empty answer
		return facts{}, fs.ErrNotExist
	}
	if err != nil {
		return facts{}, err
	}
	const zombie = 5 // SZOMB, see sys/proc.h
	if info.Proc.P_stat == zombie {
		return facts{}, fs.ErrNotExist
	}
	began := info.Proc.P_starttime
	return facts{
		start: fmt.Sprintf("%d.%06d", began.Sec, began.Usec),
		uid:   int(info.Eproc.Ucred.Uid),
	}, nil
}

// bootID tells this boot of this machine from all others.
var bootID = sync.OnceValue(func() string {
	id, _ := unix.Sysctl("kern.bootsessionuuid")
	return id
})
