// Package tape records every call that a guest makes of the world, and plays it again
// without the world.
//
// A tape is text, one JSON object a line, each ending in a checksum of its own text
// and of the checksum before it: the first 16 bytes of the SHA-256, in hexadecimal.
//
//	{"tape":1,"header":{…},"sum":"…"}          what was recorded, and with what
//	{"file":"NAME","content":…,"sum":"…"}      a file under /device
//	{"instance":1,"sum":"…"}                   a guest begins
//	{"job":{…},"at":"…","sum":"…"}             a job begins
//	{"n":1,"ms":…,"call":"byte-stream.read","args":{…},"answer":{…},"sum":"…"}
//	{"result":"DIGEST","at":"…","sum":"…"}     the job ends
//	{"gone":1,"sum":"…"}                       the guest ends
//	{"end":COUNT,"sum":"…"}                    the tape ends, after COUNT calls
//
// The end of a job whose guest the node ended, at a limit or after a cancellation, says
// so in "ended". An answer is "answer", {"error":KIND,"message":…} in its place, or
// "broke" where the door itself failed. Bytes are text where they are UTF-8 without control characters
// other than tab, line feed and carriage return, else {"base64":"…"}. A checksum shows
// damage and slips; it is no signature. Headers that the grant sets never come here,
// for the guest never sees them; what the guest itself sees is all on the tape, its
// settings too.
package tape

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"
)

const (
	version = 1
	// DefaultLimit is how large a tape may become, in bytes.
	DefaultLimit = 1 << 30
	maxLine      = 160 << 20 // the largest answer, as base64
	sumBytes     = 16
)

// Header says what was recorded.
type Header struct {
	Coda   string `json:"coda"`   // its version
	Module string `json:"module"` // SHA-256 of the executor's file
	Grants string `json:"grants"` // Bench.Digest
}

// Job is a job that was run.
type Job struct {
	ID      string `json:"id"`
	Shots   uint64 `json:"shots"`
	Circuit string `json:"circuit"` // a digest
}

// End is what a job came to.
type End struct {
	Result string    // a digest
	Ended  string    // why the node ended the guest; "" if it came to its own end
	At     time.Time // when that was
}

// line is one line. Of the pointers one is set, or none and it is a call.
type line struct {
	Tape     int        `json:"tape,omitempty"`
	Header   *Header    `json:"header,omitempty"`
	File     *string    `json:"file,omitempty"`
	Content  *blob      `json:"content,omitempty"`
	Instance int        `json:"instance,omitempty"`
	Gone     int        `json:"gone,omitempty"`
	Job      *Job       `json:"job,omitempty"`
	Result   *string    `json:"result,omitempty"`
	Ended    *blob      `json:"ended,omitempty"`
	At       *time.Time `json:"at,omitempty"`
	End      *uint64    `json:"end,omitempty"`

	N       uint64                     `json:"n,omitempty"`
	MS      int64                      `json:"ms,omitempty"` // since the tape began; for people
	Call    string                     `json:"call,omitempty"`
	Args    map[string]json.RawMessage `json:"args,omitempty"`
	Answer  map[string]json.RawMessage `json:"answer,omitempty"`
	Error   string                     `json:"error,omitempty"`
	Message *blob                      `json:"message,omitempty"`
	Broke   string                     `json:"broke,omitempty"`
}

// sealed is a line with its checksum and line feed.
func sealed(before string, l *line) (text []byte, sum string, err error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(l); err != nil {
		return nil, "", err
	}
	body := bytes.TrimSuffix(b.Bytes(), []byte("}\n"))
	sum = checksum(before, body)
	return append(body, `,"sum":"`+sum+"\"}\n"...), sum, nil
}

var errSum = errors.New("its checksum is wrong: this line, or one before it, was changed")

// unsealed reads a line without its line feed.
func unsealed(before string, text []byte) (*line, string, error) {
	const tail = len(`,"sum":"`) + 2*sumBytes + len(`"}`)
	if len(text) < tail {
		return nil, "", errors.New("it is no line of a tape")
	}
	body, end := text[:len(text)-tail], text[len(text)-tail:]
	sum := checksum(before, body)
	if string(end) != `,"sum":"`+sum+`"}` {
		return nil, "", errSum
	}
	decoder := json.NewDecoder(bytes.NewReader(append(bytes.Clone(body), '}')))
	decoder.DisallowUnknownFields()
	l := &line{}
	if err := decoder.Decode(l); err != nil || decoder.More() {
		return nil, "", errors.New("it is no line of a tape that this version of coda knows")
	}
	return l, sum, nil
}

func checksum(before string, body []byte) string {
	h := sha256.New()
	h.Write([]byte(before))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil)[:sumBytes])
}

// blob is bytes: text where they are that, else base64.
type blob []byte

func (b blob) MarshalJSON() ([]byte, error) {
	if !b.isText() {
		return json.Marshal(map[string][]byte{"base64": b})
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(string(b))
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

func (b *blob) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		var s string
		err := json.Unmarshal(text, &s)
		*b = blob(s)
		return err
	}
	var binary struct {
		Base64 *string `json:"base64"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&binary); err != nil || binary.Base64 == nil {
		return errors.New("neither text nor base64")
	}
	var err error
	*b, err = base64.StdEncoding.DecodeString(*binary.Base64)
	return err
}

func (b blob) isText() bool {
	if !utf8.Valid(b) {
		return false
	}
	return !bytes.ContainsFunc(b, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r < 0xa0
	})
}
