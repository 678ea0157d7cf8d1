package canon

import (
	"encoding/binary"
	"slices"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/effect"
)

// The results of hardware calls in memory, aligned to 4: the discriminant, then the
// payload at 4.
const (
	ioResultSize   = 16 // of a value or a list, or an io.error
	httpResultSize = 24 // of a response, or an io.error
	pairSize       = 16 // tuple<string, string>
)

// LiftBytes reads the list<u8> of size bytes at ptr. It is a view.
func LiftBytes(m Memory, what string, ptr, size uint32) ([]byte, error) {
	return span(m, what, ptr, size, 1, 1)
}

// LiftWords reads the list<u32> of length words at ptr: a view of their bytes,
// which are little-endian.
func LiftWords(m Memory, what string, ptr, length uint32) ([]byte, error) {
	return span(m, what, ptr, length, 4, 4)
}

// LiftPairs reads the list<tuple<string, string>> at ptr. All strings together may
// have most bytes.
func LiftPairs(m Memory, what string, ptr, length uint32, most int) ([][2]string, error) {
	records, err := span(m, what, ptr, length, pairSize, 4)
	if err != nil {
		return nil, err
	}
	records = slices.Clone(records) // a view, and each costs little beside its strings
	var pairs [][2]string
	for ; len(records) > 0; records = records[pairSize:] {
		var pair [2]string
		for i := range pair {
			if pair[i], err = liftString(m, what, records[8*i:]); err != nil {
				return nil, err
			}
			if most -= len(pair[i]); most < 0 {
				return nil, &Error{What: what, Over: true, Rule: "its strings are more than this host takes"}
			}
		}
		if most -= pairSize; most < 0 {
			return nil, &Error{What: what, Over: true, Rule: "its strings are more than this host takes"}
		}
		pairs = append(pairs, pair)
	}
	return pairs, nil
}

// LowerDone writes a result<_, error> to the return area at ret.
func LowerDone(g Guest, ret uint32, a *effect.Answer) error {
	return lowerIO(g, ret, ioResultSize, a, func() (func([]byte), error) { return func([]byte) {}, nil })
}

// LowerNumber writes a result of a u32 or a handle.
func LowerNumber(g Guest, ret uint32, a *effect.Answer) error {
	return lowerIO(g, ret, ioResultSize, a, func() (func([]byte), error) {
		return func(area []byte) { binary.LittleEndian.PutUint32(area[4:], uint32(a.Number)) }, nil
	})
}

// LowerBytes writes a result<list<u8>, error>.
func LowerBytes(g Guest, ret uint32, a *effect.Answer) error {
	return lowerList(g, ret, a, 1)
}

// LowerWords writes a result<list<u32>, error>, whose words are Data, little-endian.
func LowerWords(g Guest, ret uint32, a *effect.Answer) error {
	return lowerList(g, ret, a, 4)
}

func lowerList(g Guest, ret uint32, a *effect.Answer, stride int) error {
	return lowerIO(g, ret, ioResultSize, a, func() (func([]byte), error) {
		count := len(a.Data) / stride
		ptr, view, err := alloc(g, "list", uint32(stride), count, stride)
		if err != nil {
			return nil, err
		}
		copy(view, a.Data)
		return func(area []byte) { putList(area[4:], ptr, count) }, nil
	})
}

// LowerResponse writes a result<response, error>: Number is the status, Pairs the
// headers, Data the body.
func LowerResponse(g Guest, ret uint32, a *effect.Answer) error {
	return lowerIO(g, ret, httpResultSize, a, func() (func([]byte), error) {
		headers, _, err := alloc(g, "response.headers", 4, len(a.Pairs), pairSize)
		if err != nil {
			return nil, err
		}
		for i, pair := range a.Pairs {
			var at [2]uint32
			for j, s := range pair {
				if at[j], err = lowerString(g, "header", s); err != nil {
					return nil, err
				}
			}
			// The view anew each time: the guest may have grown its memory.
			record, err := view(g, "response.headers", headers+uint32(i)*pairSize, pairSize, 4)
			if err != nil {
				return nil, err
			}
			putList(record, at[0], len(pair[0]))
			putList(record[8:], at[1], len(pair[1]))
		}
		body, view, err := alloc(g, "response.body", 1, len(a.Data), 1)
		if err != nil {
			return nil, err
		}
		copy(view, a.Data)
		return func(area []byte) {
			binary.LittleEndian.PutUint16(area[4:], uint16(a.Number))
			putList(area[8:], headers, len(a.Pairs))
			putList(area[16:], body, len(a.Data))
		}, nil
	})
}

// lowerIO writes a result: the payload that value allocates, or the error.
func lowerIO(g Guest, ret, size uint32, a *effect.Answer, value func() (func(area []byte), error)) error {
	var message uint32
	var put func([]byte)
	var err error
	if a.Failed {
		message, err = lowerString(g, "error.message", a.Message)
	} else {
		put, err = value()
	}
	if err != nil {
		return err
	}
	area, err := view(g, "return area", ret, size, 4)
	if err != nil {
		return err
	}
	if !a.Failed {
		area[0] = 0
		put(area)
		return nil
	}
	area[0], area[4] = 1, byte(a.Kind)
	putList(area[8:], message, len(a.Message))
	return nil
}

func putList(field []byte, ptr uint32, length int) {
	binary.LittleEndian.PutUint32(field, ptr)
	binary.LittleEndian.PutUint32(field[4:], uint32(length))
}

// LiftDone reads the result<_, failure> at ptr: nil, the failure, or an *Error.
func LiftDone(m Memory, ptr uint32) (*abi.Failure, error) {
	area, err := view(m, "result of make-safe", ptr, 16, 4)
	if err != nil {
		return nil, err
	}
	failed, err := discriminant("result of make-safe", area[0], 2)
	if err != nil || failed == 0 {
		return nil, err
	}
	return liftFailure(m, area[4:])
}
