package link

import (
	"errors"
	"net"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Read returns what there is now.
func Read() (State, error) {
	tuns, err := tuns()
	if err != nil {
		return nil, failure("network adapters cannot be read", err)
	}
	return portable(func(i net.Interface) bool { return tuns[i.Index] })
}

// tuns returns the indices of the adapters that are a VPN's.
func tuns() (map[int]bool, error) {
	const flags = windows.GAA_FLAG_SKIP_UNICAST | windows.GAA_FLAG_SKIP_ANYCAST |
		windows.GAA_FLAG_SKIP_MULTICAST | windows.GAA_FLAG_SKIP_DNS_SERVER
	size := uint32(16 << 10)
	for {
		buffer := make([]byte, size)
		adapter := (*windows.IpAdapterAddresses)(unsafe.Pointer(&buffer[0]))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, flags, 0, adapter, &size)
		if errors.Is(err, windows.ERROR_BUFFER_OVERFLOW) && int(size) > len(buffer) {
			continue // with the size that it asked for
		}
		if errors.Is(err, windows.ERROR_NO_DATA) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		found := make(map[int]bool)
		for ; adapter != nil; adapter = adapter.Next {
			// Go's index is this one, or that of IPv6 where there is no IPv4.
			index := adapter.IfIndex
			if index == 0 {
				index = adapter.Ipv6IfIndex
			}
			found[int(index)] = tunDescription(windows.UTF16PtrToString(adapter.Description))
		}
		return found, nil
	}
}
