package link

import (
	"errors"
	"runtime"
	"sync"

	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Read returns what there is now, in the network namespace of the calling thread.
func Read() (State, error) {
	r, err := newReader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	t, err := r.read()
	if err != nil {
		return nil, err
	}
	return t.state(), nil
}

// reader asks the kernel for everything there is in one network namespace, whatever
// the thread that it is used on.
type reader struct {
	mu     sync.Mutex // the socket is not closed while it is used
	socket *nl.SocketHandle
}

// newReader is for the namespace of the calling thread.
func newReader() (*reader, error) {
	socket, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, failure("no netlink socket", err)
	}
	_ = socket.SetReceiveTimeout(&unix.Timeval{Sec: 10}) // the kernel answers at once, or never
	return &reader{socket: &nl.SocketHandle{Socket: socket}}, nil
}

func (r *reader) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.socket.Close()
}

// read asks until nothing has changed under way: else something may be left out.
func (r *reader) read() (table, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	const attempts = 100
	for attempt := 1; ; attempt++ {
		t, err := r.attempt()
		switch {
		case err == nil:
			return t, nil
		case !errors.Is(err, nl.ErrDumpInterrupted), attempt == attempts:
			return nil, failure("network interfaces cannot be read", err)
		}
		runtime.Gosched()
	}
}

func (r *reader) attempt() (table, error) {
	t := make(table)
	for _, question := range []struct {
		ask, answer int
		header      nl.NetlinkRequestData
	}{
		{unix.RTM_GETLINK, unix.RTM_NEWLINK, nl.NewIfInfomsg(unix.AF_UNSPEC)},
		{unix.RTM_GETADDR, unix.RTM_NEWADDR, nl.NewIfAddrmsg(unix.AF_UNSPEC)},
	} {
		request := nl.NewNetlinkRequest(question.ask, unix.NLM_F_DUMP)
		request.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: r.socket}
		request.AddData(question.header)
		messages, err := request.Execute(unix.NETLINK_ROUTE, uint16(question.answer))
		if err != nil {
			return nil, err
		}
		for _, message := range messages {
			if err := t.apply(uint16(question.answer), message, new(Change)); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}
