package link

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// groups are those of rtnetlink(7) whose messages make up a State.
const groups = 1<<(unix.RTNLGRP_LINK-1) |
	1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV6_IFADDR-1) |
	1<<(unix.RTNLGRP_IPV4_ROUTE-1) | 1<<(unix.RTNLGRP_IPV6_ROUTE-1)

// Open returns a Monitor of the interfaces in the network namespace of the calling
// thread, which needs no privilege. Where the kernel does not let this subscribe to
// its messages, as in some sandboxes, the Monitor is a *Poller with a Reason.
func Open() (Monitor, error) {
	w, err := newWatcher()
	if err != nil {
		return fallBack(err)
	}
	return w, nil
}

// fallBack polls, if at least that can be done.
func fallBack(reason error) (Monitor, error) {
	if _, err := Read(); err != nil {
		return nil, err
	}
	p := NewPoller(Read, interval)
	p.Reason = reason
	return p, nil
}

// watcher is the Monitor on Linux. It has one socket for all groups, so messages
// come in the order of what happened, and no goroutine.
type watcher struct {
	file   *os.File // of the socket, for Go's poller
	raw    syscall.RawConn
	reader *reader
	buffer []byte

	table  table
	last   State // what Receive has told
	told   bool
	missed bool // messages were lost; the table is not to be used
	closed atomic.Bool
}

func newWatcher() (*watcher, error) {
	// Both sockets must be of one namespace.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, failure("no netlink socket", err)
	}
	w := &watcher{
		file:   os.NewFile(uintptr(fd), "netlink"),
		buffer: make([]byte, 64<<10), // the kernel's messages are shorter
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		w.file.Close()
		return nil, failure("netlink refuses a subscription", err)
	}
	if w.raw, err = w.file.SyscallConn(); err != nil {
		w.file.Close()
		return nil, failure("netlink socket", err)
	}
	if w.reader, err = newReader(); err != nil {
		w.file.Close()
		return nil, err
	}
	// Read after the subscription: nothing falls in between, and what is told twice
	// does no harm.
	if w.table, err = w.reader.read(); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Receive is of Monitor.
func (w *watcher) Receive(ctx context.Context) (Change, error) {
	defer w.until(ctx)()
	for {
		if err := ctx.Err(); err != nil {
			return Change{}, err
		}
		if w.closed.Load() {
			return Change{}, os.ErrClosed
		}
		if !w.told && !w.missed {
			w.told, w.last = true, w.table.state()
			return all(w.last), nil
		}
		if w.missed {
			return w.again(ctx)
		}
		change := Change{Before: w.last}
		if err := w.drain(ctx, &change, true); err != nil {
			return Change{}, err
		}
		if !w.missed && change.any() {
			w.last = w.table.state()
			change.After = w.last
			return change, nil
		}
	}
}

// again reads everything anew.
func (w *watcher) again(ctx context.Context) (Change, error) {
	// What is queued is older than what will be read, and the kernel queues nothing
	// more before the queue is empty.
	if err := w.drain(ctx, new(Change), false); err != nil {
		return Change{}, err
	}
	t, err := w.reader.read()
	if err != nil {
		if w.closed.Load() {
			err = os.ErrClosed
		}
		return Change{}, err
	}
	change := all(t.state())
	if w.told {
		change.Before = w.last
	}
	change.Missed = true
	w.table, w.last, w.told, w.missed = t, change.After, true, false
	return change, nil
}

// drain takes in all messages that are queued. If there is none it waits for one,
// where it may.
func (w *watcher) drain(ctx context.Context, change *Change, wait bool) error {
	var failed error
	err := w.raw.Read(func(fd uintptr) (done bool) {
		var got bool
		got, failed = w.queued(int(fd), change)
		return got || failed != nil || !wait
	})
	switch {
	case w.closed.Load():
		return os.ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ctx.Err() // until set the deadline
	case err == nil:
		err = failed
	}
	if err == nil {
		return nil
	}
	w.missed = true // what was taken in is not told
	return failure("netlink socket", err)
}

// queued reports whether there was any message.
func (w *watcher) queued(fd int, change *Change) (got bool, err error) {
	// However many more come, the alarm is not held back.
	const most = 1024
	for n := 0; n < most || w.missed; n++ {
		size, _, flags, from, err := unix.Recvmsg(fd, w.buffer, nil, unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return got, nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ENOBUFS): // the queue was full, see netlink(7)
			got, w.missed = true, true
			continue
		case err != nil:
			return got, err
		}
		if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
			continue // not the kernel
		}
		got = true
		if w.missed {
			continue
		}
		messages, err := syscall.ParseNetlinkMessage(w.buffer[:size])
		w.missed = err != nil || flags&unix.MSG_TRUNC != 0
		for _, m := range messages {
			if err := w.table.apply(m.Header.Type, m.Data, change); err != nil {
				w.missed = true
			}
		}
	}
	return got, nil
}

// until ends what waits for the socket when ctx ends. The caller calls the function
// that it returns before it waits for another context.
func (w *watcher) until(ctx context.Context) (stop func()) {
	_ = w.file.SetReadDeadline(time.Time{})
	ended := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(ended)
		_ = w.file.SetReadDeadline(time.Unix(1, 0))
	})
	return func() {
		if !cancel() {
			<-ended
		}
	}
}

// Close is of Monitor.
func (w *watcher) Close() error {
	if w.closed.Swap(true) {
		return nil
	}
	w.reader.Close()
	return w.file.Close()
}
