package host

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/conductorquantum/coda/host/outbox"
	"github.com/conductorquantum/coda/host/server"
)

// usualDelivery is how long an outcome is on its way where something is a little slow.
const usualDelivery = time.Minute

// outbox says what nobody has taken yet: as the node says that runs, or by its file.
func (d *doctor) outbox(context.Context) []Finding {
	const check = "outbox"
	if d.s.StateDir == "" || d.nodeErr != nil {
		return nil // other findings say why
	}
	if d.node.Running {
		if d.node.Address == "" {
			return nil
		}
		ready, err := d.ready()
		if err != nil {
			return nil
		}
		if ready.Outbox == nil {
			return []Finding{finding(check, OK, "", "the node that runs has not opened it yet")}
		}
		if o := ready.Outbox; o.Parked == 0 && o.OldestAge < usualDelivery.Seconds() {
			return []Finding{finding(check, OK, "", "outcomes on their way: %d; none is parked", o.Waiting)}
		}
		return []Finding{judgeOutbox(ready.Outbox, "the node sends them again by itself")}
	}
	path := filepath.Join(d.s.StateDir, outboxFile)
	stats, err := readOutbox(d.s.StateDir)
	switch {
	case err == nil:
		return []Finding{judgeOutbox(describeOutbox(stats, time.Now()), "start the node, which delivers them")}
	case errors.Is(err, outbox.ErrLocked):
		return []Finding{finding(check, Problem, "end the program that has "+path+" open", "%v", err)}
	case errors.Is(err, outbox.ErrNewer):
		return []Finding{finding(check, Problem, "use the newer coda, or move "+path+" away", "%v", err)}
	case errors.Is(err, outbox.ErrDamaged):
		return []Finding{finding(check, Problem, "restore "+path+", or move it away: what it held is then run again", "%v", err)}
	default:
		return []Finding{finding(check, Problem, "run this as the node's user, and see the state findings", "%v", err)}
	}
}

// judgeOutbox is a finding about what nobody has taken. Do is what has it delivered.
func judgeOutbox(o *server.Outbox, do string) Finding {
	const check = "outbox"
	waiting := fmt.Sprintf("outcomes that wait to be delivered: %d", o.Waiting)
	if o.Oldest != nil {
		waiting += fmt.Sprintf(", the oldest since %s", o.Oldest.Local().Format(time.DateTime))
	}
	switch {
	case o.Parked > 0:
		return finding(check, Warning, "coda outbox list says why; coda outbox retry sends them again",
			"outcomes that are parked, since nobody takes them: %d; %s", o.Parked, waiting)
	case o.Waiting > 0:
		return finding(check, Warning, do+"; coda outbox list says more", "%s", waiting)
	default:
		return finding(check, OK, "", "nothing waits to be delivered")
	}
}

// describeOutbox is what /ready tells.
func describeOutbox(stats outbox.Stats, now time.Time) *server.Outbox {
	o := &server.Outbox{Waiting: stats.Waiting, Parked: stats.Parked, Bytes: stats.Bytes, Oldest: moment(stats.Oldest)}
	if o.Oldest != nil {
		o.OldestAge = max(now.Sub(stats.Oldest), 0).Round(time.Millisecond).Seconds()
	}
	return o
}
