package outbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"os"
)

// What bbolt writes, in the byte order of the machine: go.etcd.io/bbolt,
// internal/common, of file format 2. A page begins with its id (8 bytes), flags
// (2), count (2) and overflow (4), the number of further pages that it covers.
const (
	pageHeader   = 16
	element      = 16 // of a branch: pos (4), key size (4), page id (8); of a leaf: flags (4), pos (4), key size (4), value size (4)
	bucketHeader = 16 // root page id (8), sequence (8); root 0 means that a leaf page follows
	metaSize     = 64 // magic, version, page size, flags (4 each), root bucket (16), freelist, high water mark, txid, checksum (8 each)

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagFreelist = 0x10
	flagBucket   = 0x01 // of a leaf's element

	boltMagic   = 0xED0CDAED
	boltVersion = 2

	maxDepth = 64 // of buckets and branches; a real tree has less than ten
)

var order16, order32, order64 = binary.NativeEndian.Uint16, binary.NativeEndian.Uint32, binary.NativeEndian.Uint64

// checkPages walks every page that the newest meta page leads to: each is what
// it should be, within the file, in order, and reached once. bbolt itself takes
// all that for granted.
func checkPages(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	p, m, err := newestMeta(f, info.Size())
	if err != nil {
		return err
	}
	if p.high < 3 || p.high > uint64(info.Size()/p.size) {
		return damaged("it was cut short: it has %d bytes, and %d pages of %d", info.Size(), p.high, p.size)
	}
	p.seen = make([]bool, p.high)
	p.seen[0], p.seen[1] = true, true
	if err := p.freelist(m.freelist); err != nil {
		return err
	}
	return p.tree(m.root, nil, nil, 0)
}

// pages is a file being walked.
type pages struct {
	f    io.ReaderAt
	size int64  // of a page
	high uint64 // the first page that does not exist
	seen []bool
}

// meta is what a meta page says.
type meta struct {
	pageSize             uint32
	root, freelist, high uint64
	txid                 uint64
}

// newestMeta finds the page size and the current meta page as bbolt does: either
// page will do, and of two the later.
func newestMeta(f io.ReaderAt, size int64) (*pages, meta, error) {
	first, found := readMeta(f, 0)
	for i := 0; !found && i <= 14; i++ {
		first, found = readMeta(f, 1024<<i)
	}
	if !found {
		return nil, meta{}, damaged("it does not begin like a bbolt database (%d bytes)", size)
	}
	p := &pages{f: f, size: int64(first.pageSize)}
	if p.size < 1024 || p.size > 1<<24 || p.size&(p.size-1) != 0 {
		return nil, meta{}, damaged("its page size is %d", p.size)
	}
	newest := first
	for _, at := range []int64{0, p.size} {
		if m, ok := readMeta(f, at); ok && m.pageSize == first.pageSize && m.txid > newest.txid {
			newest = m
		}
	}
	p.high = newest.high
	return p, newest, nil
}

func readMeta(f io.ReaderAt, at int64) (meta, bool) {
	b := make([]byte, metaSize)
	if _, err := f.ReadAt(b, at+pageHeader); err != nil {
		return meta{}, false
	}
	sum := fnv.New64a()
	sum.Write(b[:56])
	if order32(b) != boltMagic || order32(b[4:]) != boltVersion || order64(b[56:]) != sum.Sum64() {
		return meta{}, false
	}
	return meta{pageSize: order32(b[8:]), root: order64(b[16:]), freelist: order64(b[32:]), high: order64(b[40:]), txid: order64(b[48:])}, true
}

// read is a page with its overflow, marked as seen.
func (p *pages) read(id uint64) ([]byte, error) {
	header := make([]byte, pageHeader)
	if id >= p.high {
		return nil, damaged("page %d is beyond the end", id)
	}
	if err := p.readAt(header, id); err != nil {
		return nil, err
	}
	overflow := uint64(order32(header[12:]))
	if order64(header) != id || overflow >= p.high-id {
		return nil, damaged("page %d is not what it should be", id)
	}
	for i := id; i <= id+overflow; i++ {
		if err := p.mark(i); err != nil {
			return nil, err
		}
	}
	page := make([]byte, int64(overflow+1)*p.size)
	return page, p.readAt(page, id)
}

func (p *pages) readAt(b []byte, id uint64) error {
	_, err := p.f.ReadAt(b, int64(id)*p.size)
	if errors.Is(err, io.EOF) {
		return damaged("page %d is cut short", id)
	}
	return err
}

func (p *pages) mark(id uint64) error {
	if id >= p.high || p.seen[id] {
		return damaged("page %d is used twice, or beyond the end", id)
	}
	p.seen[id] = true
	return nil
}

// freelist marks the pages that are free. A count of 0xFFFF means that the first
// entry is the count.
func (p *pages) freelist(id uint64) error {
	page, err := p.read(id)
	if err != nil {
		return err
	}
	count, ids := uint64(order16(page[10:])), page[pageHeader:]
	if count == 0xFFFF {
		count, ids = order64(ids), ids[8:]
	}
	if order16(page[8:]) != flagFreelist || count > uint64(len(ids)/8) {
		return damaged("page %d is no freelist", id)
	}
	last := uint64(1)
	for ; count > 0; count, ids = count-1, ids[8:] {
		free := order64(ids)
		if free <= last {
			return damaged("the freelist, page %d, is out of order", id)
		}
		if err := p.mark(free); err != nil {
			return err
		}
		last = free
	}
	return nil
}

// tree walks a page and what is below it. Its keys are from least on and below
// most; nil is no bound.
func (p *pages) tree(id uint64, least, most []byte, depth int) error {
	page, err := p.read(id)
	if err != nil {
		return err
	}
	if order16(page[8:]) == flagLeaf {
		return p.leaf(page, id, least, most, depth)
	}
	count := int(order16(page[10:]))
	if order16(page[8:]) != flagBranch || count == 0 || depth > maxDepth || pageHeader+count*element > len(page) {
		return damaged("page %d is neither branch nor leaf", id)
	}
	keys, children := make([][]byte, count), make([]uint64, count)
	for i := range count {
		at := pageHeader + i*element
		if keys[i], _, err = cell(page, at, order32(page[at:]), order32(page[at+4:]), 0, count); err != nil {
			return damaged("page %d: %w", id, err)
		}
		children[i] = order64(page[at+8:])
	}
	if err := ordered(keys, least, most); err != nil {
		return damaged("page %d: %w", id, err)
	}
	for i, child := range children {
		upper := most
		if i+1 < count {
			upper = keys[i+1]
		}
		if err := p.tree(child, keys[i], upper, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// leaf walks a leaf and the buckets in it.
func (p *pages) leaf(page []byte, id uint64, least, most []byte, depth int) error {
	count := int(order16(page[10:]))
	if pageHeader+count*element > len(page) {
		return damaged("page %d has no room for its %d keys", id, count)
	}
	keys := make([][]byte, count)
	for i := range count {
		at := pageHeader + i*element
		key, value, err := cell(page, at, order32(page[at+4:]), order32(page[at+8:]), order32(page[at+12:]), count)
		if err != nil {
			return damaged("page %d: %w", id, err)
		}
		keys[i] = key
		switch flags := order32(page[at:]); {
		case flags == flagBucket:
			if err := p.bucket(value, id, depth+1); err != nil {
				return err
			}
		case flags != 0:
			return damaged("page %d has an element of an unknown kind", id)
		}
	}
	if err := ordered(keys, least, most); err != nil {
		return damaged("page %d: %w", id, err)
	}
	return nil
}

// bucket walks a bucket, which is on a page of its own or within its value.
func (p *pages) bucket(value []byte, id uint64, depth int) error {
	if len(value) < bucketHeader || depth > maxDepth {
		return damaged("page %d has a bucket that is none", id)
	}
	if root := order64(value); root != 0 {
		return p.tree(root, nil, nil, depth)
	}
	inline := value[bucketHeader:]
	if len(inline) < pageHeader || order16(inline[8:]) != flagLeaf {
		return damaged("page %d has a bucket that is none", id)
	}
	return p.leaf(inline, id, nil, nil, depth)
}

var (
	errCell  = errors.New("an element is not within its page")
	errOrder = errors.New("the keys are out of order")
)

// cell is the key and the value of an element at offset at. They begin at pos,
// counted from there, after all elements.
func cell(page []byte, at int, pos, keySize, valueSize uint32, count int) (key, value []byte, err error) {
	from := int64(at) + int64(pos)
	middle := from + int64(keySize)
	to := middle + int64(valueSize)
	if from < int64(pageHeader+count*element) || to > int64(len(page)) {
		return nil, nil, errCell
	}
	return page[from:middle], page[middle:to], nil
}

func ordered(keys [][]byte, least, most []byte) error {
	for i, key := range keys {
		switch {
		case i == 0 && least != nil && bytes.Compare(key, least) < 0,
			i > 0 && bytes.Compare(keys[i-1], key) >= 0,
			most != nil && bytes.Compare(key, most) >= 0:
			return errOrder
		}
	}
	return nil
}
