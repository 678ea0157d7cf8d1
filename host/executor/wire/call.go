package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/conductorquantum/coda/abi/effect"
)

// callHeader and answerHeader are the fixed parts of their frames.
const (
	callHeader   = 60
	answerHeader = 24
)

// MaxPairs is the most pairs of a call, of which no request takes as many.
const MaxPairs = 1024

// AppendCall appends a call of a guest's: the function u8, three zero bytes, the
// handle u32, the four numbers u64 each, the lengths of text, method, path and data
// and the number of pairs, u32 each; then those bytes, and each pair as two lengths
// (u32) and two strings.
func AppendCall(b []byte, c *effect.Call) []byte {
	b = append(b, byte(c.Func), 0, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, c.Handle)
	for _, n := range [...]uint64{c.Number, c.Second, c.Third, c.Fourth} {
		b = binary.NativeEndian.AppendUint64(b, n)
	}
	for _, n := range [...]int{len(c.Text), len(c.Method), len(c.Path), len(c.Data), len(c.Pairs)} {
		b = binary.NativeEndian.AppendUint32(b, uint32(n))
	}
	b = append(b, c.Text...)
	b = append(b, c.Method...)
	b = append(b, c.Path...)
	b = append(b, c.Data...)
	return appendPairs(b, c.Pairs)
}

// ParseCall reads what AppendCall wrote. Data is a view of b.
func ParseCall(b []byte, c *effect.Call) error {
	if len(b) < callHeader || b[1]|b[2]|b[3] != 0 || !effect.Func(b[0]).Valid() {
		return &ProtocolError{"a call without its header"}
	}
	*c = effect.Call{
		Func:   effect.Func(b[0]),
		Handle: binary.NativeEndian.Uint32(b[4:]),
		Number: binary.NativeEndian.Uint64(b[8:]), Second: binary.NativeEndian.Uint64(b[16:]),
		Third: binary.NativeEndian.Uint64(b[24:]), Fourth: binary.NativeEndian.Uint64(b[32:]),
	}
	var n [5]int
	for i := range n {
		n[i] = int(binary.NativeEndian.Uint32(b[40+4*i:]))
	}
	b = b[callHeader:]
	if n[0]+n[1]+n[2]+n[3] > len(b) {
		return &ProtocolError{"a call whose parts are longer than it"}
	}
	c.Text, b = string(b[:n[0]]), b[n[0]:]
	c.Method, b = string(b[:n[1]]), b[n[1]:]
	c.Path, b = string(b[:n[2]]), b[n[2]:]
	c.Data, b = b[:n[3]:n[3]], b[n[3]:]
	if n[4] > MaxPairs { // each takes several times its bytes here
		return &ProtocolError{fmt.Sprintf("a call of %d pairs, the limit is %d", n[4], MaxPairs)}
	}
	var err error
	c.Pairs, err = parsePairs(b, n[4])
	return err
}

// AppendAnswer appends the answer to a call: whether it failed and the kind, u8
// each, six zero bytes, the number u64, the length of the data (where it failed: of
// the message) and the number of pairs, u32 each; then the bytes and the pairs.
func AppendAnswer(b []byte, a *effect.Answer) []byte {
	failed, data := byte(0), len(a.Data)
	if a.Failed {
		failed, data = 1, len(a.Message)
	}
	b = append(b, failed, byte(a.Kind), 0, 0, 0, 0, 0, 0)
	b = binary.NativeEndian.AppendUint64(b, a.Number)
	b = binary.NativeEndian.AppendUint32(b, uint32(data))
	b = binary.NativeEndian.AppendUint32(b, uint32(len(a.Pairs)))
	if a.Failed {
		b = append(b, a.Message...)
	} else {
		b = append(b, a.Data...)
	}
	return appendPairs(b, a.Pairs)
}

// ParseAnswer reads what AppendAnswer wrote. Data is a view of b.
func ParseAnswer(b []byte) (a effect.Answer, err error) {
	if len(b) < answerHeader || b[0] > 1 || effect.ErrorKind(b[1]) > effect.Other {
		return a, &ProtocolError{"an answer without its header"}
	}
	a.Failed, a.Kind = b[0] == 1, effect.ErrorKind(b[1])
	a.Number = binary.NativeEndian.Uint64(b[8:])
	data, pairs := int(binary.NativeEndian.Uint32(b[16:])), int(binary.NativeEndian.Uint32(b[20:]))
	b = b[answerHeader:]
	if data > len(b) {
		return a, &ProtocolError{"an answer whose parts are longer than it"}
	}
	if a.Failed {
		a.Message = string(b[:data])
	} else {
		a.Data = b[:data:data]
	}
	a.Pairs, err = parsePairs(b[data:], pairs)
	return a, err
}

func appendPairs(b []byte, pairs [][2]string) []byte {
	for _, p := range pairs {
		b = binary.NativeEndian.AppendUint32(b, uint32(len(p[0])))
		b = binary.NativeEndian.AppendUint32(b, uint32(len(p[1])))
		b = append(append(b, p[0]...), p[1]...)
	}
	return b
}

// parsePairs reads n pairs, which are all of b.
func parsePairs(b []byte, n int) ([][2]string, error) {
	if n > len(b)/8 {
		return nil, &ProtocolError{"more pairs than there is room for"}
	}
	var pairs [][2]string
	if n > 0 {
		pairs = make([][2]string, n)
	}
	for i := range pairs {
		if len(b) < 8 {
			return nil, &ProtocolError{"pairs that end in a length"}
		}
		first, second := int(binary.NativeEndian.Uint32(b)), int(binary.NativeEndian.Uint32(b[4:]))
		b = b[8:]
		if first+second > len(b) {
			return nil, &ProtocolError{"pairs that end in a string"}
		}
		pairs[i] = [2]string{string(b[:first]), string(b[first : first+second])}
		b = b[first+second:]
	}
	if len(b) != 0 {
		return nil, &ProtocolError{"bytes left over after the last pair"}
	}
	return pairs, nil
}
