//go:build !wasip1

package guest

import (
	"encoding/binary"

	"github.com/conductorquantum/coda/abi/effect"
)

// reach makes a call into the node's hardware.
func reach(call effect.Call) (effect.Answer, *IOFailure) {
	answer := effect.Fail(effect.NotGranted, "no node grants anything: start one with codatest.Start")
	if n := Current.Load(); n != nil {
		answer = n.Reach(&call)
	}
	if answer.Failed {
		return answer, &IOFailure{uint8(answer.Kind), answer.Message}
	}
	return answer, nil
}

// StreamOpen opens a stream.
func StreamOpen(endpoint string) (uint32, *IOFailure) {
	a, failure := reach(effect.Call{Func: effect.StreamOpen, Text: endpoint})
	return uint32(a.Number), failure
}

// StreamSetTimeout bounds the later calls on a stream.
func StreamSetTimeout(self, milliseconds uint32) {
	_, _ = reach(effect.Call{Func: effect.StreamSetTimeout, Handle: self, Number: uint64(milliseconds)})
}

// StreamRead returns what has arrived.
func StreamRead(self, most uint32) ([]byte, *IOFailure) {
	a, failure := reach(effect.Call{Func: effect.StreamRead, Handle: self, Number: uint64(most)})
	return a.Data, failure
}

// StreamReadExact returns that many bytes.
func StreamReadExact(self, length uint32) ([]byte, *IOFailure) {
	a, failure := reach(effect.Call{Func: effect.StreamReadExact, Handle: self, Number: uint64(length)})
	return a.Data, failure
}

// StreamReadUntil returns the bytes up to a delimiter.
func StreamReadUntil(self uint32, delimiter byte, most uint32) ([]byte, *IOFailure) {
	a, failure := reach(effect.Call{Func: effect.StreamReadUntil, Handle: self, Number: uint64(most), Second: uint64(delimiter)})
	return a.Data, failure
}

// StreamWrite writes all of data.
func StreamWrite(self uint32, data []byte) *IOFailure {
	_, failure := reach(effect.Call{Func: effect.StreamWrite, Handle: self, Data: data})
	return failure
}

// StreamDrop closes a stream.
func StreamDrop(self uint32) { _, _ = reach(effect.Call{Func: effect.StreamDrop, Handle: self}) }

// HTTPSend sends a request and returns the response.
func HTTPSend(endpoint string, q *HTTPRequest) (HTTPResponse, *IOFailure) {
	a, failure := reach(effect.Call{
		Func: effect.HTTPSend, Text: endpoint, Method: q.Method, Path: q.Path,
		Pairs: q.Headers, Data: q.Body, Number: uint64(q.TimeoutMS),
	})
	return HTTPResponse{uint16(a.Number), a.Pairs, a.Data}, failure
}

// WindowOpen opens a window of registers.
func WindowOpen(endpoint string) (uint32, *IOFailure) {
	a, failure := reach(effect.Call{Func: effect.WindowOpen, Text: endpoint})
	return uint32(a.Number), failure
}

// WindowRead32 reads one word.
func WindowRead32(self, offset uint32) (uint32, *IOFailure) {
	a, failure := reach(effect.Call{Func: effect.WindowRead32, Handle: self, Number: uint64(offset)})
	return uint32(a.Number), failure
}

// WindowWrite32 writes one word.
func WindowWrite32(self, offset, value uint32) *IOFailure {
	_, failure := reach(effect.Call{Func: effect.WindowWrite32, Handle: self, Number: uint64(offset), Second: uint64(value)})
	return failure
}

// WindowReadBlock reads count consecutive words.
func WindowReadBlock(self, offset, count uint32) ([]uint32, *IOFailure) {
	a, failure := reach(effect.Call{Func: effect.WindowReadBlock, Handle: self, Number: uint64(offset), Second: uint64(count)})
	words := make([]uint32, len(a.Data)/4)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(a.Data[4*i:])
	}
	return words, failure
}

// WindowWriteBlock writes consecutive words.
func WindowWriteBlock(self, offset uint32, words []uint32) *IOFailure {
	data := make([]byte, 0, 4*len(words))
	for _, word := range words {
		data = binary.LittleEndian.AppendUint32(data, word)
	}
	_, failure := reach(effect.Call{Func: effect.WindowWriteBlock, Handle: self, Number: uint64(offset), Data: data})
	return failure
}

// WindowPoll32 waits for a word.
func WindowPoll32(self, offset, mask, value, timeoutMS uint32) (uint32, *IOFailure) {
	a, failure := reach(effect.Call{
		Func: effect.WindowPoll32, Handle: self, Number: uint64(offset),
		Second: uint64(mask), Third: uint64(value), Fourth: uint64(timeoutMS),
	})
	return uint32(a.Number), failure
}

// WindowDrop closes a window.
func WindowDrop(self uint32) { _, _ = reach(effect.Call{Func: effect.WindowDrop, Handle: self}) }
