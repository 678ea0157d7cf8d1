//go:build !linux && !darwin

package openvpn

import "syscall"

func attributes() *syscall.SysProcAttr { return nil }
