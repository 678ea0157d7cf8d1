package openvpn_test

import (
	"fmt"
	"strings"
	"testing"
)

// A server may hand out a token in the place of a password. Nobody is asked for
// anything, and OpenVPN shows the token when it connects again.
func TestAServerThatPushesAToken(t *testing.T) {
	t.Parallel()
	for name, user := range map[string]string{
		"alone":       "",
		"with a user": `push "auth-token-user bm9kZQ=="`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const token = "a-secret-of-the-server"
			s := newScene(t, nil)
			s.server.Configure(`push "auth-token `+token+`"`, user)
			s.server.Start()
			s.run()
			first := s.until("connected", connected)
			s.server.Kill()
			broke := s.until("broken", broken)
			s.server.Start()
			again := s.until("connected again", connected)
			if first.Restarts != 0 || again.PID != first.PID {
				t.Errorf("first %+v, again %+v", first, again)
			}
			s.stop()
			for where, text := range map[string]string{
				"log": s.log.String(), "log of OpenVPN": s.output.String(), "status": fmt.Sprintf("%+v %+v %+v", first, broke, again),
			} {
				if strings.Contains(text, token) {
					t.Errorf("the %s has the token: %s", where, text)
				}
			}
		})
	}
}
