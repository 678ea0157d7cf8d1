// Package effect is what a guest asks of the world outside of it: a clock, random
// bytes, its settings, a line in a log, a word to an instrument. Every such call
// goes through one door, where it can be granted, bounded, recorded and replayed.
// The calls are those of wit/executor.wit and of WASI; there is no I/O here.
package effect

import (
	"context"
	"errors"
	"fmt"
)

// Func is one function that a guest can call.
type Func byte

// The functions, with what a Call holds of their parameters and an Answer of their
// results. Where nothing is said the answer is only that it was done.
const (
	Log        Func = iota + 1 // Number is the level, Text the line
	Cancelled                  // answer: Number is 1 or 0
	Progress                   // Number is the shots completed
	ConfigGet                  // Text is the key; answer: Number is 1 where it is set, Data the value
	ConfigKeys                 // answer: Pairs, each with its key first and nothing second
	WallClock                  // answer: Number is nanoseconds since 1970, UTC
	Clock                      // answer: Number is nanoseconds since some time before
	Sleep                      // Number is nanoseconds
	Random                     // Number is how many bytes; answer: Data

	StreamOpen       // Text is the endpoint; answer: Number is the handle
	StreamSetTimeout // Handle, Number is milliseconds
	StreamRead       // Handle, Number is the most bytes; answer: Data
	StreamReadExact  // Handle, Number is how many bytes; answer: Data
	StreamReadUntil  // Handle, Number is the most bytes, Second the delimiter; answer: Data
	StreamWrite      // Handle, Data
	StreamDrop       // Handle

	// HTTPSend's Text is the endpoint, Method and Path are those of the request,
	// Pairs its headers, Data its body, Number the timeout in milliseconds. Answer:
	// Number is the status, Pairs are the headers, Data is the body.
	HTTPSend

	WindowOpen       // Text is the endpoint; answer: Number is the handle
	WindowRead32     // Handle, Number is the offset; answer: Number
	WindowWrite32    // Handle, Number is the offset, Second the value
	WindowReadBlock  // Handle, Number is the offset, Second how many words; answer: Data, little-endian
	WindowWriteBlock // Handle, Number is the offset, Data the words, little-endian
	WindowPoll32     // Handle, Number is the offset, Second the mask, Third the value, Fourth milliseconds; answer: Number
	WindowDrop       // Handle

	end
)

var names = [end]string{
	Log: "context.log", Cancelled: "context.cancelled", Progress: "context.progress",
	ConfigGet: "config.get", ConfigKeys: "config.keys",
	WallClock: "clock.wall", Clock: "clock.monotonic", Sleep: "clock.sleep", Random: "random",
	StreamOpen: "byte-stream.open", StreamSetTimeout: "byte-stream.set-timeout", StreamRead: "byte-stream.read",
	StreamReadExact: "byte-stream.read-exact", StreamReadUntil: "byte-stream.read-until",
	StreamWrite: "byte-stream.write", StreamDrop: "byte-stream.drop",
	HTTPSend:   "http.send",
	WindowOpen: "registers.open", WindowRead32: "registers.read32", WindowWrite32: "registers.write32",
	WindowReadBlock: "registers.read-block", WindowWriteBlock: "registers.write-block",
	WindowPoll32: "registers.poll32", WindowDrop: "registers.drop",
}

// Valid reports whether there is such a function.
func (f Func) Valid() bool { return f > 0 && f < end }

// String is the function's name, "byte-stream.read".
func (f Func) String() string {
	if !f.Valid() {
		return fmt.Sprintf("function %d", byte(f))
	}
	return names[f]
}

// Hardware reports whether the function reaches beyond coda: it needs a grant.
func (f Func) Hardware() bool { return f >= StreamOpen && f < end }

// Parse is the function of a name.
func Parse(name string) (Func, bool) {
	for f, n := range names {
		if n == name && n != "" {
			return Func(f), true
		}
	}
	return 0, false
}

// Call is one call. What a function has no use for is zero.
type Call struct {
	Func                          Func
	Handle                        uint32 // of a connection or a window, as the answer to its open gave it
	Number, Second, Third, Fourth uint64
	Text, Method, Path            string
	Data                          []byte
	Pairs                         [][2]string
}

// Answer is what became of a call. A failure of the io.error of the WIT is part of
// it.
type Answer struct {
	Failed  bool
	Kind    ErrorKind // where it failed
	Message string    // where it failed; never with a secret, an address or a path
	Number  uint64
	Data    []byte
	Pairs   [][2]string
}

// Fail is a failed answer.
func Fail(kind ErrorKind, format string, args ...any) Answer {
	return Answer{Failed: true, Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// ErrorKind is how a hardware call fails: error-kind of the WIT, in its order.
type ErrorKind byte

// The kinds.
const (
	NotGranted ErrorKind = iota
	Busy
	TimedOut
	Closed
	CancelledCall // "cancelled"
	OutOfRange
	Other
)

var kindNames = [...]string{"not-granted", "busy", "timed-out", "closed", "cancelled", "out-of-range", "other"}

func (k ErrorKind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("error-kind %d", byte(k))
}

// ErrCancelled is the cause of a context that ended because the job was cancelled.
var ErrCancelled = errors.New("the job was cancelled")

// Ended is the kind of failure that an ended context makes of a call: timed-out
// where its time was over, cancelled for every other cause.
func Ended(ctx context.Context) ErrorKind {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return TimedOut
	}
	return CancelledCall
}

// Door performs the calls of one instance of a guest, one after the other.
type Door interface {
	// Do performs a call. It returns soon after ctx has ended, with kind cancelled
	// where the job was cancelled and timed-out where its time was over. The call's
	// Data is valid until Do returns, and the answer's until the next Do.
	//
	// An error is no failure of the call but of the door: a handle that it never
	// gave out, a replay that differs. It ends the instance.
	Do(ctx context.Context, call *Call) (Answer, error)
	// Close gives up every handle. Nothing that the guest opened stays open.
	Close() error
}
