package identity

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"os"
)

// machine is this host's name and hardware address, as the cloud knows nodes:
// "<hostname>-<the address as a decimal number>". Where no address can be read
// a random one is made, so the result must be kept.
func machine() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		name = "unknown"
	}
	return fmt.Sprintf("%s-%d", name, hardwareAddress(interfaces()))
}

func interfaces() []net.Interface {
	list, err := net.Interfaces()
	if err != nil {
		return nil
	}
	return list
}

// hardwareAddress prefers an address that a manufacturer gave, which outlives
// containers and virtual networks.
func hardwareAddress(list []net.Interface) uint64 {
	local := uint64(0)
	for _, i := range list {
		if len(i.HardwareAddr) != 6 {
			continue
		}
		address := binary.BigEndian.Uint64(append([]byte{0, 0}, i.HardwareAddr...))
		switch isLocal := i.HardwareAddr[0]&2 != 0; {
		case address == 0:
		case !isLocal:
			return address
		case local == 0:
			local = address
		}
	}
	if local != 0 {
		return local
	}
	var random [8]byte
	_, _ = rand.Read(random[2:])
	random[2] |= 1 // the multicast bit: no hardware has this address
	return binary.BigEndian.Uint64(random[:])
}
