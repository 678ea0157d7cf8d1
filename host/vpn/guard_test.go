package vpn_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/vpn"
	"github.com/conductorquantum/coda/host/vpn/link"
	"github.com/conductorquantum/coda/host/vpn/openvpn"
)

// stage is a guard whose interfaces, OpenVPN and targets a test moves. All of it
// runs in a bubble of synctest.
type stage struct {
	*vpn.Guard
	t       *testing.T
	records recorder

	mu       sync.Mutex
	state    link.State
	changes  chan link.Change
	openErr  error
	own      openvpn.Status
	changed  chan struct{}
	restarts []string
	answers  map[string]error // by URL; nil is an answer
	hang     bool             // nobody answers
	asked    int
}

// newStage starts a guard, which ends with the test.
func newStage(t *testing.T, cfg vpn.Config, own bool) *stage {
	s := &stage{t: t, state: link.State{}, changes: make(chan link.Change), changed: make(chan struct{}), answers: map[string]error{}}
	cfg.Interval = 10 * time.Second
	cfg.Open, cfg.Read = s.open, s.read
	cfg.Probe = s.probe
	cfg.Log = slog.New(&s.records)
	if own {
		cfg.Own = s
	}
	s.Guard = vpn.New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	synctest.Wait()
	return s
}

func (s *stage) open() (link.Monitor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.openErr; err != nil {
		return nil, err
	}
	return monitor{s, make(chan struct{})}, nil
}

func (s *stage) read() (link.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, nil
}

func (s *stage) probe(ctx context.Context, url string) error {
	s.mu.Lock()
	s.asked++
	hang, err := s.hang, s.answers[url]
	s.mu.Unlock()
	if hang {
		<-ctx.Done()
		return errors.New("no answer")
	}
	return err
}

// monitor hands on what the test sends; a change without a state is a failure.
type monitor struct {
	s      *stage
	closed chan struct{}
}

func (m monitor) Receive(ctx context.Context) (link.Change, error) {
	select {
	case c := <-m.s.changes:
		if c.After == nil {
			return c, errors.New("netlink is out of order")
		}
		return c, nil
	case <-ctx.Done():
		return link.Change{}, ctx.Err()
	}
}

func (m monitor) Close() error { close(m.closed); return nil }

// Status and Restart make the stage an OpenVPN.
func (s *stage) Status() (openvpn.Status, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.own, s.changed
}

func (s *stage) Restart(made time.Time, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if made.Equal(s.own.Since) {
		s.restarts = append(s.restarts, reason)
	}
}

// wishes are the reasons for which OpenVPN was to be restarted since the last
// call.
func (s *stage) wishes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.restarts
	s.restarts = nil
	return list
}

// probes is how many targets were asked.
func (s *stage) probes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// openvpn changes what OpenVPN says.
func (s *stage) openvpn(own openvpn.Status) {
	s.mu.Lock()
	s.own = own
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	synctest.Wait()
}

// links changes the interfaces, and tells of it.
func (s *stage) links(interfaces ...link.Interface) {
	s.mu.Lock()
	before, after := s.state, link.State{}
	for _, i := range interfaces {
		after[i.Name] = i
	}
	s.state = after
	s.mu.Unlock()
	s.changes <- link.Change{Before: before, After: after, Links: true}
	synctest.Wait()
}

// answer sets what a target answers from now on.
func (s *stage) answer(url string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[url] = err
}

// want compares the state, its reason in part, and the gate.
func (s *stage) want(state vpn.State, reason string) {
	s.t.Helper()
	synctest.Wait()
	got := s.Guard.Status()
	if got.State != state || !strings.Contains(got.Reason, reason) || reason == "" && got.Reason != "" {
		s.t.Errorf("%s %q, want %s %q", got.State, got.Reason, state, reason)
	}
	if open(s.Up()) != (state == vpn.Ready) || open(s.Up()) == open(s.Down()) {
		s.t.Errorf("%s, but up %t and down %t", state, open(s.Up()), open(s.Down()))
	}
}

func open(gate <-chan struct{}) bool {
	select {
	case <-gate:
		return true
	default:
		return false
	}
}

func tun(index int, name string, up bool, addresses ...string) link.Interface {
	i := link.Interface{Index: index, Name: name, Up: up, Tun: true}
	for _, a := range addresses {
		i.Addrs = append(i.Addrs, netip.MustParsePrefix(a))
	}
	return i
}

var eth = link.Interface{Index: 2, Name: "eth0", Up: true, Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.2/24")}}

// connection is what OpenVPN says of one that was made now.
func connection(name string) openvpn.Status {
	return openvpn.Status{Connected: true, Interface: name, Since: time.Now(), Local: []netip.Addr{netip.MustParseAddr("10.8.0.2")}}
}

func TestNoTunnelIsRequired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, vpn.Config{Targets: []string{"https://example.com"}}, false)
		s.want(vpn.Ready, "")
		time.Sleep(time.Minute)
		if s.probes() != 0 {
			t.Errorf("%d probes", s.probes())
		}
		if err := s.Wait(t.Context(), time.Second); err != nil {
			t.Error(err)
		}
	})
}

// The table of the protocol, 7.8, with an own tunnel: each line is a check.
func TestStates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const target = "https://example.com/health"
		s := newStage(t, vpn.Config{Required: true, Targets: []string{target}}, true)
		s.want(vpn.Booting, "OpenVPN is connecting")
		s.links(eth, tun(7, "tun0", true, "10.8.0.2/24"))
		s.want(vpn.Booting, "OpenVPN is connecting") // somebody else's
		s.links(eth, tun(7, "tun0", true, "10.8.0.2/24"), tun(9, "tun1", true, "10.9.0.2/24"))

		s.answer(target, errors.New("refused"))
		s.openvpn(connection("tun1"))
		s.want(vpn.Booting, "no answer through the tunnel: "+target+": refused")
		s.answer(target, nil)
		time.Sleep(10 * time.Second)
		s.want(vpn.Ready, "")
		if got := s.Guard.Status(); got.Interface != "tun1" || len(got.Addresses) != 1 || got.Since.IsZero() {
			t.Errorf("%+v", got)
		}

		s.answer(target, errors.New("HTTP 502"))
		time.Sleep(10 * time.Second)
		s.want(vpn.Degraded, "HTTP 502")
		time.Sleep(time.Minute)
		s.want(vpn.Degraded, "HTTP 502") // it stays that
		s.answer(target, nil)
		time.Sleep(10 * time.Second)
		s.want(vpn.Ready, "")
		if got := s.Guard.Status(); !strings.Contains(got.LastError, "HTTP 502") || got.LastAt.IsZero() {
			t.Errorf("%+v", got)
		}

		for range 2 { // the second time it is another one
			time.Sleep(time.Second)
			s.openvpn(openvpn.Status{Problem: "OpenVPN is reconnecting: the server fell silent"})
			s.want(vpn.Degraded, "the server fell silent")
			if got := s.Guard.Status(); !got.LastAt.Equal(time.Now()) {
				t.Errorf("%+v", got)
			}
			s.openvpn(connection("tun1"))
			s.want(vpn.Ready, "") // asked at once, not at the next interval
		}
		if got := s.records.all(); len(got) != 7 {
			t.Errorf("every change is told of once, but:\n%s", strings.Join(got, "\n"))
		}
	})
}

func TestTheInterfaceOfAnOwnTunnel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, vpn.Config{Required: true}, true)
		well := tun(9, "tun1", true, "10.8.0.2/24")
		s.links(eth, well)
		s.openvpn(connection("tun1"))
		s.want(vpn.Ready, "")
		for _, tt := range []struct {
			now    []link.Interface
			reason string
		}{
			{[]link.Interface{eth}, "the tunnel's interface tun1 is gone"},
			{[]link.Interface{eth, tun(9, "tun1", false, "10.8.0.2/24")}, "tun1 is down"},
			{[]link.Interface{eth, tun(9, "tun1", true)}, "tun1 has no address"},
		} {
			s.wishes()
			s.links(tt.now...)
			s.want(vpn.Degraded, tt.reason)
			if got := s.wishes(); len(got) == 0 || !strings.Contains(got[0], tt.reason) {
				t.Errorf("%s: OpenVPN is restarted for %q", tt.reason, got)
			}
			s.links(eth, well)
			s.want(vpn.Ready, "")
		}

		// It was away and is back before anybody looked.
		before := s.Guard.Status().Since
		time.Sleep(time.Second)
		s.links(eth, tun(11, "tun1", true, "10.8.0.2/24"))
		s.want(vpn.Ready, "")
		if got := s.Guard.Status(); got.Since.Equal(before) || !strings.Contains(got.LastError, "was lost") {
			t.Errorf("%+v", got)
		}

		// OpenVPN is ahead of the kernel's word: the interfaces are read.
		s.openvpn(openvpn.Status{Problem: "reconnecting"})
		s.links(eth)
		s.wishes()
		s.mu.Lock()
		s.state = link.State{"tun1": well}
		s.mu.Unlock()
		s.openvpn(connection("tun1"))
		s.want(vpn.Ready, "")

		// A build that does not say which interface it made is known by the address.
		s.links(eth, tun(3, "tun0", true, "10.9.0.9/24"), well)
		unnamed := connection("")
		s.openvpn(unnamed)
		s.want(vpn.Ready, "")
		if got, wishes := s.Guard.Status(), s.wishes(); got.Interface != "tun1" || len(wishes) != 0 {
			t.Errorf("%+v, restarts %q", got, wishes)
		}
	})
}

func TestSomebodyElsesTunnel(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, hint string
		links      []link.Interface
		want       vpn.State
		reason     string
		found      string
	}{
		{"none", "", []link.Interface{eth}, vpn.Booting, "there is no tunnel interface", ""},
		{"one", "", []link.Interface{eth, tun(5, "tun0", true, "10.8.0.2/24")}, vpn.Ready, "", "tun0"},
		{"the first that can be used", "", []link.Interface{tun(9, "tun3", true, "10.9.0.2/24"), tun(7, "tun2", true, "10.8.0.2/24"), tun(5, "tun1", false, "10.7.0.2/24"), eth}, vpn.Ready, "", "tun2"},
		{"down", "", []link.Interface{tun(5, "tun0", false, "10.8.0.2/24")}, vpn.Booting, "tun0 is down", ""},
		{"without address", "", []link.Interface{tun(5, "tun0", true)}, vpn.Booting, "tun0 has no address", ""},
		{"only with a link-local one", "", []link.Interface{tun(5, "tun0", true, "fe80::1/64")}, vpn.Booting, "tun0 has no address", ""},
		{"a hint", "tun1", []link.Interface{tun(5, "tun0", true, "10.8.0.2/24"), tun(6, "tun1", true, "10.9.0.2/24")}, vpn.Ready, "", "tun1"},
		{"a hint at no tunnel device", "eth0", []link.Interface{eth}, vpn.Ready, "", "eth0"},
		{"a hint at nothing", "tun1", []link.Interface{tun(5, "tun0", true, "10.8.0.2/24")}, vpn.Booting, "there is no interface tun1", ""},
		{"a hint at one that is down", "tun1", []link.Interface{tun(6, "tun1", false, "10.9.0.2/24")}, vpn.Booting, "tun1 is down", ""},
		{"a hint that is a word of ip's", "up", []link.Interface{tun(5, "tun0", true, "10.8.0.2/24")}, vpn.Booting, "there is no interface up", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, vpn.Config{Required: true, Hint: tt.hint}, false)
				s.links(tt.links...)
				s.want(tt.want, tt.reason)
				if got := s.Guard.Status(); tt.found != "" && got.Interface != tt.found {
					t.Errorf("found %s", got.Interface)
				}
			})
		})
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		do    func(s *stage)
		after time.Duration
		want  string
		state vpn.State
	}{
		{"it comes", func(s *stage) {
			time.Sleep(7 * time.Second)
			s.links(tun(5, "tun0", true, "10.8.0.2/24"))
			s.openvpn(connection("tun0"))
		}, 7 * time.Second, "", vpn.Ready},
		{"it does not come", func(*stage) {}, 30 * time.Second, "OpenVPN is connecting", vpn.Unavailable},
		{"it cannot come", func(s *stage) {
			time.Sleep(time.Second)
			s.openvpn(openvpn.Status{Problem: "openvpn is not found", Hopeless: true})
		}, time.Second, "openvpn is not found", vpn.Unavailable},
		{"it may come yet", func(s *stage) {
			s.openvpn(openvpn.Status{Problem: "OpenVPN ended with status 1"})
		}, 30 * time.Second, "OpenVPN ended with status 1", vpn.Unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, vpn.Config{Required: true}, true)
				began := time.Now()
				waited := make(chan error, 1)
				go func() { waited <- s.Wait(t.Context(), 30*time.Second) }()
				tt.do(s)
				err := <-waited
				if took := time.Since(began); took != tt.after {
					t.Errorf("it took %s, want %s", took, tt.after)
				}
				if tt.want == "" && err != nil {
					t.Error(err)
				}
				if tt.want != "" {
					problem, ok := errors.AsType[*fault.VPNError](err)
					if !ok || !strings.Contains(problem.Reason, tt.want) {
						t.Errorf("%v, want %q", err, tt.want)
					}
				}
				s.want(tt.state, tt.want)
				// What did not come in time is taken when it comes.
				s.links(tun(5, "tun0", true, "10.8.0.2/24"))
				s.openvpn(connection("tun0"))
				s.want(vpn.Ready, "")
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, vpn.Config{Required: true}, true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Wait(ctx, 30*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		s.want(vpn.Booting, "OpenVPN is connecting")
	})
}

// Nothing that goes wrong ends the watch.
func TestTheWatchGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, vpn.Config{Required: true, Targets: []string{"https://example.com"}}, false)
		well := tun(5, "tun0", true, "10.8.0.2/24")
		s.links(well)
		s.want(vpn.Ready, "")
		s.mu.Lock()
		s.openErr = errors.New("no more sockets")
		s.mu.Unlock()
		s.changes <- link.Change{} // Receive fails, then Open does
		time.Sleep(5 * time.Second)
		s.want(vpn.Ready, "")
		s.mu.Lock()
		s.openErr = nil
		s.mu.Unlock()
		s.links(eth)
		s.want(vpn.Degraded, "there is no tunnel interface")
		s.links(well)
		s.want(vpn.Ready, "")
	})
}

func TestProbesAreGivenUpWithTheirTunnel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, vpn.Config{Required: true, Targets: []string{"https://a.example", "https://b.example"}}, false)
		s.mu.Lock()
		s.hang = true
		s.mu.Unlock()
		well := tun(5, "tun0", true, "10.8.0.2/24")
		s.links(well)
		s.want(vpn.Booting, "is being asked")
		if s.probes() != 2 {
			t.Errorf("%d were asked side by side", s.probes())
		}
		s.links(eth)
		s.mu.Lock()
		s.hang = false
		s.mu.Unlock()
		s.links(well)
		s.want(vpn.Ready, "") // without waiting for the first round to time out
	})
}

// A tunnel through which nothing comes is made anew, ever more seldom.
func TestAnOwnTunnelThatCarriesNothingIsMadeAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, vpn.Config{Required: true, Targets: []string{"https://example.com"}}, true)
		s.links(tun(5, "tun0", true, "10.8.0.2/24"))
		s.openvpn(connection("tun0"))
		s.want(vpn.Ready, "")
		s.answer("https://example.com", errors.New("no route to host"))
		time.Sleep(45 * time.Second)
		if got := s.wishes(); len(got) != 1 || got[0] != "nothing answers through the tunnel" {
			t.Errorf("%q", got)
		}
		time.Sleep(time.Hour)
		if n := len(s.wishes()); n < 2 || n > 6 {
			t.Errorf("%d restarts in an hour", n)
		}
		s.answer("https://example.com", nil)
		time.Sleep(10 * time.Second)
		s.want(vpn.Ready, "")
	})
}

// recorder is a log that a test reads.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) Enabled(context.Context, slog.Level) bool { return true }
func (r *recorder) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *recorder) WithGroup(string) slog.Handler            { return r }

func (r *recorder) Handle(_ context.Context, rec slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := rec.Level.String() + " " + rec.Message
	rec.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	r.lines = append(r.lines, line)
	return nil
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.lines...)
}
