//go:build !linux

package cage

import "runtime"

// Probe says that there is no cage on this system.
func Probe() Report {
	return Report{{
		Name: "cage", Missing: true, Detail: runtime.GOOS + " has none",
		Without: "executors are confined by WebAssembly and a process of their own",
	}}
}

// Shed does nothing here.
func Shed() {}

// Enter does nothing here, and says so.
func Enter(Config) (Report, error) { return Probe(), nil }

// Seal does nothing here.
func Seal() error { return nil }
