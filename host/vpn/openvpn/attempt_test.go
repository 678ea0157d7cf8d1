package openvpn

import (
	"bufio"
	"errors"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// openVPN plays an OpenVPN that answers, and connects when a test says so.
type openVPN struct {
	net.Conn
	heard chan string
}

func (o *openVPN) read() {
	defer close(o.heard)
	for lines := bufio.NewScanner(o); lines.Scan(); {
		o.heard <- lines.Text()
	}
}

// next is the next command that is no question about how it is, if one comes within
// an hour.
func (o *openVPN) next(t *testing.T) string {
	t.Helper()
	began := time.Now()
	for command := range o.heard {
		if command != "pid" || time.Since(began) > time.Hour {
			return command
		}
		o.say(t, "SUCCESS: pid=4711")
	}
	return ""
}

func (o *openVPN) say(t *testing.T, line string) {
	t.Helper()
	if _, err := o.Write([]byte(line + "\n")); err != nil {
		t.Error(err)
	}
}

// However long a profile lets OpenVPN try one server, it goes on to the next, and
// is started again where it does not.
func TestAnAttemptHasAnEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		o := &openVPN{theirs, make(chan string)}
		go o.read()
		s := New(Config{Log: slog.New(slog.DiscardHandler)})
		r := &run{s: s, m: &management{ours}}
		ended := make(chan error)
		go func() {
			err := r.converse(t.Context())
			ours.Close()
			ended <- err
		}()
		expect := func(want string, least, most time.Duration) {
			t.Helper()
			began := time.Now()
			if got := o.next(t); got != want {
				t.Errorf("it was told %q, not %q", got, want)
			}
			if took := time.Since(began); took < least || took > most {
				t.Errorf("%s came after %s", want, took)
			}
		}
		for _, want := range []string{"log on", "state on", "bytecount 2"} {
			expect(want, 0, 0)
		}
		o.say(t, ">HOLD:Waiting for hold release:0")
		expect("hold release", 0, time.Second)
		expect("signal SIGUSR1", attempt, attempt+2*time.Second)
		o.say(t, ">STATE:1,RECONNECTING,SIGUSR1,,,,,")
		synctest.Wait()
		if status, _ := s.Status(); status.Problem != "OpenVPN is reconnecting: SIGUSR1 (no connection within 5m0s)" {
			t.Errorf("%+v", status)
		}
		o.say(t, ">HOLD:Waiting for hold release:1")
		expect("hold release", 0, time.Minute)

		// A connection lasts as long as it does, and the next attempt has all of its time.
		o.say(t, ">STATE:2,CONNECTED,SUCCESS,10.8.0.2,192.0.2.1,1194,,")
		for range int(2 * attempt / time.Second) {
			time.Sleep(time.Second)
			o.say(t, ">BYTECOUNT:1,1")
		}
		o.say(t, ">STATE:3,RECONNECTING,ping-restart,,,,,")
		expect("signal SIGUSR1", attempt-2*time.Second, attempt+2*time.Second)
		if got := o.next(t); got != "" { // it stays where it was
			t.Errorf("it was told %q", got)
		}
		if err := <-ended; !errors.Is(err, errStays) {
			t.Errorf("it ended with %v", err)
		}
		theirs.Close()
	})
}
