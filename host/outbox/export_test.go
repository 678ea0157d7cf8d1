package outbox

// OpenSmall is Open for a store that is written anew when it is larger than
// compact and mostly free.
func OpenSmall(path string, cfg Config, compact int64) (*Store, error) {
	return open(path, cfg, compact)
}
