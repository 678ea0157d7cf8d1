package openvpn

import (
	"golang.org/x/sys/windows"
)

func missingPrivileges(string) []Lack {
	if windows.GetCurrentProcessToken().IsElevated() {
		return nil
	}
	return []Lack{{"this does not run as administrator, who alone configures tunnels", "start the node from an administrator's prompt, or as a service"}}
}
