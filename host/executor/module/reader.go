package module

import (
	"fmt"
	"unicode/utf8"
)

// reader walks a part of the file. The first error sticks: later reads return
// zeros, so that a decoder checks once per item instead of once per byte.
type reader struct {
	file []byte
	at   int
	end  int    // reads stop here: the end of the section
	in   string // names the part, for errors
	err  error
}

func (r *reader) fail(format string, args ...any) {
	r.failAt(r.at, format, args...)
}

func (r *reader) failAt(at int, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Offset: at, Reason: r.in + ": " + fmt.Sprintf(format, args...)}
	}
}

// over is a failure that no repair of the file mends: it is too much for this host.
func (r *reader) over(format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Offset: r.at, Reason: r.in + ": " + fmt.Sprintf(format, args...), Over: true}
	}
}

func (r *reader) more() bool { return r.err == nil && r.at < r.end }

func (r *reader) byte() byte {
	if r.at >= r.end || r.err != nil {
		r.short() // apart, so that the rest is inlined
		return 0
	}
	b := r.file[r.at]
	r.at++
	return b
}

func (r *reader) short() { r.fail("ends in the middle of an item: the file is cut short or damaged") }

// bytes returns the next n bytes, as a view of the file.
func (r *reader) bytes(n uint32) []byte {
	if r.err != nil {
		return nil
	}
	if uint64(n) > uint64(r.end-r.at) {
		r.fail("%d bytes are declared where %d are left: the file is cut short or damaged", n, r.end-r.at)
		return nil
	}
	b := r.file[r.at : r.at+int(n)]
	r.at += int(n)
	return b
}

// u32 reads an unsigned LEB128 number of at most 5 bytes and 32 bits.
func (r *reader) u32() uint32 {
	if r.at < r.end && r.err == nil && r.file[r.at] < 0x80 { // most are
		r.at++
		return uint32(r.file[r.at-1])
	}
	start := r.at
	var v uint32
	for shift := 0; shift < 35; shift += 7 {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		if shift == 28 && b > 0x0f {
			break
		}
		v |= uint32(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
	r.failAt(start, "a number does not fit in 32 bits")
	return 0
}

// skipSigned passes over a signed LEB128 number of the given width.
func (r *reader) skipSigned(bits int) {
	start := r.at
	for range (bits + 6) / 7 {
		if r.byte() < 0x80 {
			return
		}
	}
	r.failAt(start, "a number does not fit in %d bits", bits)
}

// count reads the length of a vector whose elements take at least one byte each.
func (r *reader) count(of string) int {
	start := r.at
	n := r.u32()
	if r.err == nil && uint64(n) > uint64(r.end-r.at) {
		r.failAt(start, "%d %s are declared where %d bytes are left: the file is damaged", n, of, r.end-r.at)
		return 0
	}
	return int(n)
}

func (r *reader) name() string {
	start := r.at
	b := r.bytes(r.u32())
	if r.err == nil && !utf8.Valid(b) {
		r.failAt(start, "a name is not valid UTF-8")
		return ""
	}
	return string(b)
}

func (r *reader) valType() ValType {
	start := r.at
	v := ValType(r.byte())
	if _, ok := valNames[v]; !ok && r.err == nil {
		r.failAt(start, "value %v is not of WebAssembly 2.0, which is what this host runs", v)
	}
	return v
}

func (r *reader) refType() ValType {
	start := r.at
	v := r.valType()
	if r.err == nil && v != FuncRef && v != ExternRef {
		r.failAt(start, "%v is no reference type", v)
	}
	return v
}

func (r *reader) limits(of string) Limits {
	start := r.at
	flags := r.byte()
	switch {
	case r.err != nil:
		return Limits{}
	case flags >= 4:
		r.failAt(start, "a %s is addressed with 64 bits, or has pages of another size, which is not of WebAssembly 2.0; build for wasm32", of)
	case flags >= 2:
		r.failAt(start, "a %s is shared between threads, which is not of WebAssembly 2.0; build without threads", of)
	}
	l := Limits{Min: r.u32(), HasMax: flags == 1}
	if l.HasMax {
		l.Max = r.u32()
		if r.err == nil && l.Max < l.Min {
			r.failAt(start, "a %s has a maximum of %d below its minimum of %d", of, l.Max, l.Min)
		}
	}
	return l
}

// skipConst passes over a constant expression, up to and with its end.
func (r *reader) skipConst() {
	for r.err == nil {
		start := r.at
		switch op := r.byte(); op {
		case 0x0b: // end
			return
		case 0x41: // i32.const
			r.skipSigned(32)
		case 0x42: // i64.const
			r.skipSigned(64)
		case 0x43: // f32.const
			r.bytes(4)
		case 0x44: // f64.const
			r.bytes(8)
		case 0x23, 0xd2: // global.get, ref.func
			r.u32()
		case 0xd0: // ref.null
			r.refType()
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e: // additions, subtractions and products of constants
		case 0xfd:
			if sub := r.u32(); sub != 12 { // v128.const
				r.failAt(start, "vector instruction %d stands where a constant is expected", sub)
			}
			r.bytes(16)
		default:
			r.failAt(start, "instruction %#x stands where a constant is expected", op)
		}
	}
}
