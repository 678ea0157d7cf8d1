package outbox

import (
	"slices"
	"strings"
	"time"
)

// ledger is the records that have not ended, in memory, as the file has them.
type ledger struct {
	records map[string]*Record // never changed, only replaced
	all     order              // by Created
	waiting order              // those to be delivered, by Decided
	due     order              // the same, by Due
	parked  int
	bytes   int64 // of bodies
}

func newLedger() *ledger { return &ledger{records: map[string]*Record{}} }

// set puts a record in the place of what is there about the job. A record that
// ended is only taken out.
func (l *ledger) set(r *Record) {
	if old := l.records[r.JobID]; old != nil {
		delete(l.records, r.JobID)
		l.count(old, -1, order.without)
	}
	if r.State != Absent && !r.State.ended() {
		l.records[r.JobID] = r
		l.count(r, 1, order.with)
	}
}

func (l *ledger) count(r *Record, sign int, change func(order, place) order) {
	l.all = change(l.all, place{r.Created, r.JobID})
	if r.State.waits() {
		l.waiting = change(l.waiting, place{r.Decided, r.JobID})
		l.due = change(l.due, place{r.Due, r.JobID})
	}
	if r.State == Parked {
		l.parked += sign
	}
	l.bytes += int64(sign * r.Size)
}

// order is jobs in the order of a time of theirs. A sorted slice: a store holds a
// thousand records or a few, and every walk goes from the front.
type order []place

type place struct {
	at  time.Time
	job string
}

func (p place) compare(q place) int {
	if c := p.at.Compare(q.at); c != 0 {
		return c
	}
	return strings.Compare(p.job, q.job)
}

func (o order) find(p place) (int, bool) {
	return slices.BinarySearchFunc(o, p, place.compare)
}

func (o order) with(p place) order {
	if i, found := o.find(p); !found {
		o = slices.Insert(o, i, p)
	}
	return o
}

func (o order) without(p place) order {
	if i, found := o.find(p); found {
		o = slices.Delete(o, i, i+1)
	}
	return o
}

// first is the earliest time; zero if there is none.
func (o order) first() time.Time {
	if len(o) == 0 {
		return time.Time{}
	}
	return o[0].at
}
