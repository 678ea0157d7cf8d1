package outbox_test

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// disk is files as a disk has them: what was synced is there for ever, of the
// rest a power cut leaves any part. Sectors are written whole.
type disk struct {
	r       *rand.Rand
	names   map[string]*inode // as the processes see them
	durable map[string]*inode // as they are after a power cut, at least
	moves   []map[string]*inode
}

const sector = 512

type inode struct {
	stable  []byte
	pending []change
}

// change is a write, or a new length where there is no data.
type change struct {
	at   int64
	data []byte
}

func newDisk(r *rand.Rand) *disk {
	return &disk{r: r, names: map[string]*inode{}, durable: map[string]*inode{}}
}

func (d *disk) write(name string, c change) {
	if d.names[name] == nil {
		d.names[name] = &inode{}
		d.moved()
	}
	file := d.names[name]
	file.pending = append(file.pending, c)
}

func (d *disk) rename(from, to string) {
	d.names[to] = d.names[from]
	d.remove(from)
}

func (d *disk) remove(name string) {
	delete(d.names, name)
	d.moved()
}

// moved notes what a power cut may find from now on: names change in order.
func (d *disk) moved() { d.moves = append(d.moves, maps.Clone(d.names)) }

func (d *disk) syncNames() { d.durable, d.moves = maps.Clone(d.names), nil }

// sync makes the writes to a file durable. A sync that fails is as bad as it can
// be: some writes got there, and the others never will, since the kernel takes
// them for done.
func (d *disk) sync(name string, ok bool) {
	file := d.names[name]
	if file == nil {
		return
	}
	keep := whole
	if !ok {
		keep = d.luck()
	}
	file.stable = file.after(keep)
	file.pending = nil
}

// cut is the files after a power cut at this moment.
func (d *disk) cut() map[string][]byte {
	names := d.durable
	if n := d.r.IntN(len(d.moves) + 1); n > 0 {
		names = d.moves[n-1]
	}
	files := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		files[name] = names[name].after(d.luck())
	}
	return files
}

func whole() bool { return true }

// luck says of one sector after the other whether it got there: mostly, hardly,
// all or none.
func (d *disk) luck() func() bool {
	p := [...]float64{0, 0.1, 0.5, 0.9, 1}[d.r.IntN(5)]
	return func() bool { return d.r.Float64() < p }
}

// after is the content when of each pending sector keep decides.
func (f *inode) after(keep func() bool) []byte {
	content := slices.Clone(f.stable)
	for _, c := range f.pending {
		if c.data == nil {
			if keep() {
				content = resize(content, int(c.at))
			}
			continue
		}
		for at, part := range sectors(c) {
			if keep() {
				content = resize(content, max(len(content), at+len(part)))
				copy(content[at:], part)
			}
		}
	}
	return content
}

func sectors(c change) func(yield func(int, []byte) bool) {
	return func(yield func(int, []byte) bool) {
		at := int(c.at)
		for part := range slices.Chunk(c.data, sector) {
			if !yield(at, part) {
				return
			}
			at += len(part)
		}
	}
}

func resize(b []byte, n int) []byte {
	if n <= len(b) {
		return b[:n]
	}
	return append(b, make([]byte, n-len(b))...)
}
