package guest

import "unsafe"

//go:wasmimport coda:executor/context@0.1.0 log
func log(level uint32, message string)

//go:wasmimport coda:executor/context@0.1.0 cancelled
func cancelled() bool

//go:wasmimport coda:executor/context@0.1.0 progress
func progress(shotsCompleted uint64)

//go:wasmimport coda:executor/config@0.1.0 get
func configGet(key string, result unsafe.Pointer)

//go:wasmimport coda:executor/config@0.1.0 keys
func configKeys(result unsafe.Pointer)

// Log writes a line to the node's log.
func Log(level uint8, message string) {
	calls.Lock()
	defer calls.Unlock()
	log(uint32(level), text(message))
}

// Cancelled reports whether the job was cancelled.
func Cancelled() bool {
	calls.Lock()
	defer calls.Unlock()
	return cancelled()
}

// Progress reports the shots that are done.
func Progress(shotsCompleted uint64) {
	calls.Lock()
	defer calls.Unlock()
	progress(shotsCompleted)
}

// Config returns a setting.
func Config(key string) (string, bool) {
	calls.Lock()
	defer calls.Unlock()
	defer given.forget(given.mark())
	calls.answered(func() { configGet(text(key), unsafe.Pointer(&settingArea)) })
	if settingArea.some == 0 {
		return "", false // the value is that of some call before
	}
	return given.string(settingArea.value), true
}

// ConfigKeys returns the keys of all settings.
func ConfigKeys() []string {
	calls.Lock()
	defer calls.Unlock()
	defer given.forget(given.mark())
	calls.answered(func() { configKeys(unsafe.Pointer(&keysArea)) })
	keys := make([]string, keysArea.len)
	views := unsafe.Slice((*list)(given.block(keysArea)), keysArea.len)
	for i := range keys {
		keys[i] = given.string(views[i])
	}
	return keys
}

// The return areas. Nothing moves them, as a stack might be.
var (
	settingArea struct { // option<string>
		some  uint8
		value list
	}
	keysArea list // list<string>
)
