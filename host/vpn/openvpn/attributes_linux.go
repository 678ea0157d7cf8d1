package openvpn

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes of the process. It dies with the thread that started it, which is
// the supervisor's own, even where the node was killed and OpenVPN is stopped.
func attributes() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	grant(a)
	return a
}

// isPeer reports whether the process at the other end is the one.
func isPeer(conn *net.UnixConn, pid int) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	var peer *unix.Ucred
	if control := raw.Control(func(fd uintptr) { peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); control != nil {
		return false
	}
	return err == nil && int(peer.Pid) == pid
}
