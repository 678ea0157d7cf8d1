package openvpn

import "time"

// SetAttempt sets how long a connection may be in the making.
func (s *Supervisor) SetAttempt(d time.Duration) { s.attempt = d }
