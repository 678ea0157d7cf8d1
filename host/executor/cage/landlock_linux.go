package cage

import (
	"fmt"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

// probeLandlock is the version of the ABI that the kernel speaks, and what that
// does not close yet. Seccomp closes these too.
func probeLandlock() (string, error) {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return "", errno
	}
	detail := fmt.Sprintf("ABI version %d", version)
	switch {
	case version < 4:
		detail += ", which leaves TCP, signals and abstract sockets to seccomp"
	case version < 6:
		detail += ", which leaves signals and abstract sockets to seccomp"
	}
	return detail, nil
}

// restrict closes the file system but for the folders of cfg, TCP, and signals
// and abstract sockets of others: as much of it as the kernel's version has.
func restrict(cfg Config) error {
	var rules []landlock.Rule
	if cfg.Read != "" {
		rules = append(rules, landlock.PathAccess(read, cfg.Read))
	}
	if cfg.Write != "" {
		rules = append(rules, landlock.PathAccess(read|write, cfg.Write))
	}
	return landlock.V11.BestEffort().Restrict(rules...)
}

// What a folder of compiled code is read and written with. Nothing is ever run
// from it as a program, and it holds plain files and folders.
const (
	read  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	write = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_DIR |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE
)
