package openvpn

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// Message is one line that OpenVPN sends on its management interface without
// having been asked, as one of the types below. See management-notes.txt in
// OpenVPN's sources for their grammar.
type Message any

// The messages that matter here. All others parse as nil.
type (
	// Phase is a step of the connection: >STATE:time,name,detail,local,remote,port,,,local6.
	Phase struct {
		Name   string // CONNECTING, WAIT, AUTH, CONNECTED, RECONNECTING, EXITING, ...
		Detail string // for RECONNECTING and EXITING why: "ping-restart", "tls-error"
		Local  []netip.Addr
		Remote netip.AddrPort // zero where it is not told
	}
	// Hold is OpenVPN waiting to be told to connect, at its start and after every
	// break: >HOLD:text.
	Hold struct{}
	// Traffic is the bytes that went through the tunnel: >BYTECOUNT:in,out.
	Traffic struct{ In, Out uint64 }
	// Line is a line of OpenVPN's log: >LOG:time,flags,text.
	Line struct {
		Text  string
		Wrong bool // it tells of a fault
	}
	// Question is a password that OpenVPN asks for, or was refused:
	// >PASSWORD:Need 'name' password and >PASSWORD:Verification Failed: 'name'.
	Question struct{ Text string }
	// Fatal is OpenVPN's last word: >FATAL:text.
	Fatal struct{ Text string }
)

// ParseMessage reads a line without its line end. Whatever it holds, the answer is
// a message or nil.
func ParseMessage(line string) Message {
	kind, rest, ok := strings.Cut(line, ":")
	if !ok {
		return nil
	}
	switch kind {
	case ">STATE":
		return parsePhase(strings.Split(rest, ","))
	case ">HOLD":
		return Hold{}
	case ">BYTECOUNT":
		in, out, _ := strings.Cut(rest, ",")
		var t Traffic
		var err1, err2 error
		t.In, err1 = strconv.ParseUint(in, 10, 64)
		t.Out, err2 = strconv.ParseUint(out, 10, 64)
		if err1 != nil || err2 != nil {
			return nil
		}
		return t
	case ">LOG":
		parts := strings.SplitN(rest, ",", 3)
		if len(parts) < 3 {
			return nil
		}
		return Line{Text: parts[2], Wrong: strings.ContainsAny(parts[1], "NF")}
	case ">PASSWORD":
		// Others ask for nothing, and hold secrets: Auth-Token: is one that the server
		// pushed, which OpenVPN keeps for when it connects again.
		if strings.HasPrefix(rest, "Need ") || strings.HasPrefix(rest, "Verification Failed") {
			return Question{rest}
		}
	case ">FATAL":
		return Fatal{rest}
	}
	return nil
}

func parsePhase(fields []string) Message {
	field := func(i int) string {
		if i < len(fields) {
			return fields[i]
		}
		return ""
	}
	p := Phase{Name: field(1), Detail: field(2)}
	if p.Name == "" {
		return nil
	}
	for _, i := range []int{3, 8} {
		if a, err := netip.ParseAddr(field(i)); err == nil {
			p.Local = append(p.Local, a.Unmap())
		}
	}
	if a, err := netip.ParseAddr(field(4)); err == nil {
		port, _ := strconv.ParseUint(field(5), 10, 16)
		p.Remote = netip.AddrPortFrom(a, uint16(port))
	}
	return p
}

// opened is how OpenVPN names the interface that it made: "TUN/TAP device tun0
// opened" on Linux, with "DCO device" where the kernel carries the data, and
// "Opened utun device utun3" on macOS.
var opened = regexp.MustCompile(`^(?:(?:TUN/TAP|DCO) device (\S+) opened|Opened utun device (\S+))$`)

// Opened is the interface whose making a line of the log tells of, or "".
func (l Line) Opened() string {
	m := opened.FindStringSubmatch(l.Text)
	if m == nil {
		return ""
	}
	return m[1] + m[2]
}
