//go:build !wasip1

package guest

// Log writes a line to the node's log.
func Log(level uint8, message string) {
	if n := Current.Load(); n != nil {
		n.Log(level, message)
	}
}

// Cancelled reports whether the job was cancelled.
func Cancelled() bool {
	n := Current.Load()
	return n != nil && n.Cancelled()
}

// Progress reports the shots that are done.
func Progress(shotsCompleted uint64) {
	if n := Current.Load(); n != nil {
		n.Progress(shotsCompleted)
	}
}

// Config returns a setting.
func Config(key string) (string, bool) {
	if n := Current.Load(); n != nil {
		return n.Config(key)
	}
	return "", false
}

// ConfigKeys returns the keys of all settings.
func ConfigKeys() []string {
	if n := Current.Load(); n != nil {
		return n.Keys()
	}
	return nil
}
