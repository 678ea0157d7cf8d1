package openvpn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const tunDevice = "/dev/net/tun"

func missingPrivileges(program string) []Lack {
	var found []Lack
	for _, lack := range []*Lack{missingCapability(program), missingDevice(tunDevice)} {
		if lack != nil {
			found = append(found, *lack)
		}
	}
	return found
}

// missingCapability looks for the right to configure the network: the node's own,
// which grant hands on, or one that OpenVPN's file brings.
func missingCapability(program string) *Lack {
	const remedy = "run the node as root, with AmbientCapabilities=CAP_NET_ADMIN in its systemd unit, or its container with --cap-add NET_ADMIN"
	has, err := effective(unix.CAP_NET_ADMIN)
	if err != nil {
		return &Lack{fmt.Sprintf("whether this has CAP_NET_ADMIN cannot be told: %v", err), remedy}
	}
	byFile := program != "" && fileBrings(program, unix.CAP_NET_ADMIN)
	noNewPrivileges, _ := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	switch {
	case (has || byFile) && foreignNetwork():
		return &Lack{"CAP_NET_ADMIN counts for nothing here: the network belongs to the user namespace outside",
			"give the container a network of its own, or run the node as the system's root"}
	case has:
		return nil
	case byFile && noNewPrivileges == 1:
		return &Lack{fmt.Sprintf("this lacks CAP_NET_ADMIN, and %s does not bring it to a process with no_new_privs", program),
			remedy + ", or without NoNewPrivileges"}
	case byFile:
		return nil
	}
	if program == "" {
		program = "/usr/sbin/openvpn"
	}
	return &Lack{"this lacks CAP_NET_ADMIN", remedy + ", or give it to all who may run OpenVPN by setcap cap_net_admin+ep " + program}
}

// missingDevice looks for the device that tunnels are made with. Nothing is made.
func missingDevice(path string) *Lack {
	info, err := os.Stat(path)
	if err != nil {
		return deviceLack(path, err)
	}
	const anew = "remove it, then mknod -m 666 " + tunDevice + " c 10 200"
	if info.Mode()&os.ModeCharDevice == 0 {
		return &Lack{path + " is not a device for tunnels", anew}
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return deviceLack(path, err)
	}
	defer unix.Close(fd)
	if _, err := unix.IoctlGetInt(fd, unix.TUNGETFEATURES); err != nil {
		return &Lack{fmt.Sprintf("%s is another device: %v", path, err), anew}
	}
	return nil
}

// deviceLack says what an error of opening the device means.
func deviceLack(path string, err error) *Lack {
	const load = "modprobe tun, and list it in /etc/modules-load.d; give a container --device " + tunDevice
	switch {
	case errors.Is(err, unix.ENOENT):
		return &Lack{path + " is not there", load}
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return &Lack{fmt.Sprintf("the kernel has no driver for %s: %v", path, err), load}
	case errors.Is(err, unix.EPERM):
		return &Lack{fmt.Sprintf("%s is closed to this container or service: %v", path, err),
			"give a container --device " + tunDevice + ", a systemd unit DeviceAllow=" + tunDevice + " rw"}
	case errors.Is(err, unix.EACCES):
		return &Lack{fmt.Sprintf("%s is closed to this user: %v", path, err),
			"chmod 666 " + path + ", the usual mode: without CAP_NET_ADMIN nobody makes a tunnel with it"}
	default:
		return &Lack{fmt.Sprintf("%s cannot be opened: %v", path, err), load}
	}
}

// grant lets a child keep CAP_NET_ADMIN. A node that runs as root, or has it as an
// ambient capability, hands it on anyway; one whose file brought it does not.
func grant(attributes *syscall.SysProcAttr) {
	if has, err := effective(unix.CAP_NET_ADMIN); err == nil && has && os.Geteuid() != 0 {
		attributes.AmbientCaps = append(attributes.AmbientCaps, unix.CAP_NET_ADMIN)
	}
}

// effective reports whether the calling thread has a capability.
func effective(capability int) (bool, error) {
	var sets [2]unix.CapUserData
	err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &sets[0])
	return sets[capability/32].Effective>>(capability%32)&1 == 1, err
}

// fileBrings reports whether a program has a capability by its file, see
// capabilities(7): version 2 of the attribute, which is also what the kernel makes
// of version 3 for those whom it concerns.
func fileBrings(program string, capability int) bool {
	const version2, effectiveFlag, size = 0x02000000, 1, 20
	data := make([]byte, 64)
	n, err := unix.Getxattr(program, "security.capability", data)
	if err != nil || n != size || binary.LittleEndian.Uint32(data) != version2|effectiveFlag {
		return false
	}
	permitted := binary.LittleEndian.Uint32(data[4+8*(capability/32):])
	bounded, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(capability), 0, 0, 0)
	var system unix.Statfs_t
	return err == nil && bounded == 1 && permitted>>(capability%32)&1 == 1 &&
		unix.Statfs(program, &system) == nil && system.Flags&unix.ST_NOSUID == 0
}

// foreignNetwork reports whether the network namespace is of a user namespace
// outside the caller's, whose root is nobody there, see ioctl_ns(2).
func foreignNetwork() bool {
	network, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(network)
	owner, err := unix.IoctlRetInt(network, unix.NS_GET_USERNS)
	if err == nil {
		unix.Close(owner)
	}
	return errors.Is(err, unix.EPERM)
}
