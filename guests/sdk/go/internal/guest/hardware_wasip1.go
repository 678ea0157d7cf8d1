package guest

import "unsafe"

//go:wasmimport coda:executor/byte-stream@0.1.0 [static]connection.open
func streamOpen(endpoint string, result unsafe.Pointer)

//go:wasmimport coda:executor/byte-stream@0.1.0 [method]connection.set-timeout
func streamSetTimeout(self, milliseconds uint32)

//go:wasmimport coda:executor/byte-stream@0.1.0 [method]connection.read
func streamRead(self, most uint32, result unsafe.Pointer)

//go:wasmimport coda:executor/byte-stream@0.1.0 [method]connection.read-exact
func streamReadExact(self, length uint32, result unsafe.Pointer)

//go:wasmimport coda:executor/byte-stream@0.1.0 [method]connection.read-until
func streamReadUntil(self, delimiter, most uint32, result unsafe.Pointer)

//go:wasmimport coda:executor/byte-stream@0.1.0 [method]connection.write
func streamWrite(self uint32, data unsafe.Pointer, length uint32, result unsafe.Pointer)

//go:wasmimport coda:executor/byte-stream@0.1.0 [resource-drop]connection
func streamDrop(self uint32)

//go:wasmimport coda:executor/http@0.1.0 send
func httpSend(endpoint, method, path string, headers unsafe.Pointer, numHeaders uint32,
	body unsafe.Pointer, bodyLength, timeoutMS uint32, result unsafe.Pointer)

//go:wasmimport coda:executor/registers@0.1.0 [static]window.open
func windowOpen(endpoint string, result unsafe.Pointer)

//go:wasmimport coda:executor/registers@0.1.0 [method]window.read32
func windowRead32(self, offset uint32, result unsafe.Pointer)

//go:wasmimport coda:executor/registers@0.1.0 [method]window.write32
func windowWrite32(self, offset, value uint32, result unsafe.Pointer)

//go:wasmimport coda:executor/registers@0.1.0 [method]window.read-block
func windowReadBlock(self, offset, count uint32, result unsafe.Pointer)

//go:wasmimport coda:executor/registers@0.1.0 [method]window.write-block
func windowWriteBlock(self, offset uint32, words unsafe.Pointer, count uint32, result unsafe.Pointer)

//go:wasmimport coda:executor/registers@0.1.0 [method]window.poll32
func windowPoll32(self, offset, mask, value, timeoutMS uint32, result unsafe.Pointer)

//go:wasmimport coda:executor/registers@0.1.0 [resource-drop]window
func windowDrop(self uint32)

// hardwareArea is the return area of all of these. A result is its discriminant at
// 0 and its payload at 4: an error's kind and message, a handle, a word, a list, or
// a response's status, headers and body.
var hardwareArea [6]uint32

// reach makes a call into the hardware and takes what it answers.
func reach(call func(result unsafe.Pointer), take func(payload []uint32)) *IOFailure {
	calls.Lock()
	defer calls.Unlock()
	defer given.forget(given.mark())
	calls.answered(func() { call(unsafe.Pointer(&hardwareArea)) })
	payload := hardwareArea[1:]
	if uint8(hardwareArea[0]) != 0 {
		return &IOFailure{uint8(payload[0]), given.string(list{payload[1], payload[2]})}
	}
	if take != nil {
		take(payload)
	}
	return nil
}

// word makes a call that answers with a handle or a word.
func word(call func(result unsafe.Pointer)) (v uint32, failure *IOFailure) {
	failure = reach(call, func(payload []uint32) { v = payload[0] })
	return v, failure
}

// elements makes a call that answers with a list, which is the caller's to keep.
func elements[T any](call func(result unsafe.Pointer)) (v []T, failure *IOFailure) {
	failure = reach(call, func(payload []uint32) { v = viewOf[T](list{payload[0], payload[1]}) })
	return v, failure
}

func viewOf[T any](l list) []T { return view[T](given.block(l), l.len) }

func pointer[T any](s []T) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.SliceData(s)), uint32(len(s))
}

// drop gives a handle back.
func drop(call func(self uint32), self uint32) {
	calls.Lock()
	defer calls.Unlock()
	call(self)
}

// StreamOpen opens a stream.
func StreamOpen(endpoint string) (uint32, *IOFailure) {
	return word(func(r unsafe.Pointer) { streamOpen(text(endpoint), r) })
}

// StreamSetTimeout bounds the later calls on a stream.
func StreamSetTimeout(self, milliseconds uint32) {
	calls.Lock()
	defer calls.Unlock()
	streamSetTimeout(self, milliseconds)
}

// StreamRead returns what has arrived.
func StreamRead(self, most uint32) ([]byte, *IOFailure) {
	return elements[byte](func(r unsafe.Pointer) { streamRead(self, most, r) })
}

// StreamReadExact returns that many bytes.
func StreamReadExact(self, length uint32) ([]byte, *IOFailure) {
	return elements[byte](func(r unsafe.Pointer) { streamReadExact(self, length, r) })
}

// StreamReadUntil returns the bytes up to a delimiter.
func StreamReadUntil(self uint32, delimiter byte, most uint32) ([]byte, *IOFailure) {
	return elements[byte](func(r unsafe.Pointer) { streamReadUntil(self, uint32(delimiter), most, r) })
}

// StreamWrite writes all of data.
func StreamWrite(self uint32, data []byte) *IOFailure {
	ptr, n := pointer(data)
	return reach(func(r unsafe.Pointer) { streamWrite(self, ptr, n, r) }, nil)
}

// StreamDrop closes a stream.
func StreamDrop(self uint32) { drop(streamDrop, self) }

// requested keeps alive what the headers of the request being sent point to.
var requested [][2]string

// HTTPSend sends a request and returns the response.
func HTTPSend(endpoint string, q *HTTPRequest) (p HTTPResponse, failure *IOFailure) {
	headers := make([][2]string, len(q.Headers))
	lists := make([][2]list, len(q.Headers))
	for i, h := range q.Headers {
		headers[i] = [2]string{text(h[0]), text(h[1])}
		lists[i] = [2]list{listOfText(headers[i][0]), listOfText(headers[i][1])}
	}
	header, numHeaders := pointer(lists)
	body, bodyLength := pointer(q.Body)
	failure = reach(func(r unsafe.Pointer) {
		requested = headers
		httpSend(text(endpoint), text(q.Method), text(q.Path), header, numHeaders, body, bodyLength, q.TimeoutMS, r)
		requested = nil
	}, func(payload []uint32) {
		p.Status = uint16(payload[0])
		for _, pair := range viewOf[[2]list](list{payload[1], payload[2]}) {
			p.Headers = append(p.Headers, [2]string{given.string(pair[0]), given.string(pair[1])})
		}
		p.Body = viewOf[byte](list{payload[3], payload[4]})
	})
	return p, failure
}

// WindowOpen opens a window of registers.
func WindowOpen(endpoint string) (uint32, *IOFailure) {
	return word(func(r unsafe.Pointer) { windowOpen(text(endpoint), r) })
}

// WindowRead32 reads one word.
func WindowRead32(self, offset uint32) (uint32, *IOFailure) {
	return word(func(r unsafe.Pointer) { windowRead32(self, offset, r) })
}

// WindowWrite32 writes one word.
func WindowWrite32(self, offset, value uint32) *IOFailure {
	return reach(func(r unsafe.Pointer) { windowWrite32(self, offset, value, r) }, nil)
}

// WindowReadBlock reads count consecutive words.
func WindowReadBlock(self, offset, count uint32) ([]uint32, *IOFailure) {
	return elements[uint32](func(r unsafe.Pointer) { windowReadBlock(self, offset, count, r) })
}

// WindowWriteBlock writes consecutive words.
func WindowWriteBlock(self, offset uint32, words []uint32) *IOFailure {
	ptr, n := pointer(words)
	return reach(func(r unsafe.Pointer) { windowWriteBlock(self, offset, ptr, n, r) }, nil)
}

// WindowPoll32 waits for a word.
func WindowPoll32(self, offset, mask, value, timeoutMS uint32) (uint32, *IOFailure) {
	return word(func(r unsafe.Pointer) { windowPoll32(self, offset, mask, value, timeoutMS, r) })
}

// WindowDrop closes a window.
func WindowDrop(self uint32) { drop(windowDrop, self) }
