package outbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"maps"
	"math"
	"slices"
	"time"
)

// field is one of a record's. Its tag is its place in fields, from 1 on.
type field struct {
	put func(*Record) []byte // nothing if it is left out
	get func(*Record, []byte) error
}

// fields are written down in the package's documentation. The order is part of
// the file.
var fields = [...]field{
	number(func(r *Record) *State { return &r.State }),
	text(func(r *Record) *string { return &r.MessageID }),
	instant(func(r *Record) *time.Time { return &r.Created }),
	number(func(r *Record) *int { return &r.Attempts }),
	instant(func(r *Record) *time.Time { return &r.Started }),
	number(func(r *Record) *Kind { return &r.Kind }),
	text(func(r *Record) *string { return &r.WebhookID }),
	text(func(r *Record) *string { return &r.URL }),
	text(func(r *Record) *string { return &r.Failure }),
	{putDigest, getDigest},
	number(func(r *Record) *int { return &r.Size }),
	instant(func(r *Record) *time.Time { return &r.Decided }),
	instant(func(r *Record) *time.Time { return &r.Published }),
	number(func(r *Record) *int { return &r.Tries }),
	number(func(r *Record) *int { return &r.Rejections }),
	instant(func(r *Record) *time.Time { return &r.Scheduled }),
	instant(func(r *Record) *time.Time { return &r.Due }),
	text(func(r *Record) *string { return &r.LastError }),
	instant(func(r *Record) *time.Time { return &r.Ended }),
	{putNotes, getNotes},
}

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errField   = errors.New("a field that makes no sense")
)

// encode is the record's value under its job id.
func (r *Record) encode() []byte {
	b := make([]byte, 4, 256)
	for i, f := range fields {
		if value := f.put(r); len(value) > 0 {
			b = binary.AppendUvarint(b, uint64(i+1))
			b = appendText(b, value)
		}
	}
	binary.BigEndian.PutUint32(b, checksum(r.JobID, b[4:]))
	return b
}

// decode reads what encode wrote, and nothing else: whatever it takes is encoded
// to the same bytes again.
func decode(jobID string, b []byte) (*Record, error) {
	if len(b) < 4 || len(b) > maxEncoded {
		return nil, damaged("the record of job %q has %d bytes", jobID, len(b))
	}
	if checksum(jobID, b[4:]) != binary.BigEndian.Uint32(b) {
		return nil, damaged("the record of job %q does not match its checksum", jobID)
	}
	r := &Record{JobID: jobID}
	for rest := b[4:]; len(rest) > 0; {
		tag, n := binary.Uvarint(rest)
		if n <= 0 || tag == 0 || tag > uint64(len(fields)) {
			return nil, damaged("the record of job %q has an unknown field", jobID)
		}
		value, after, err := cutText(rest[n:])
		if err == nil {
			err = fields[tag-1].get(r, value)
		}
		if err != nil {
			return nil, damaged("the record of job %q: field %d: %w", jobID, tag, err)
		}
		rest = after
	}
	if r.State == Absent || r.State > Dropped || r.Kind > Cancelled || !bytes.Equal(r.encode(), b) {
		return nil, damaged("the record of job %q was not written by this program", jobID)
	}
	return r, nil
}

func checksum(jobID string, fields []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(jobID), castagnoli), castagnoli, fields)
}

func text(at func(*Record) *string) field {
	return field{
		func(r *Record) []byte { return []byte(*at(r)) },
		func(r *Record, value []byte) error { *at(r) = string(value); return nil },
	}
}

func number[T ~int | ~uint8](at func(*Record) *T) field {
	return field{
		func(r *Record) []byte {
			if *at(r) == 0 {
				return nil
			}
			return binary.AppendUvarint(nil, uint64(*at(r)))
		},
		func(r *Record, value []byte) error {
			n, length := binary.Uvarint(value)
			if length != len(value) || n > math.MaxInt || uint64(T(n)) != n {
				return errField
			}
			*at(r) = T(n)
			return nil
		},
	}
}

func instant(at func(*Record) *time.Time) field {
	return field{
		func(r *Record) []byte {
			if at(r).IsZero() {
				return nil
			}
			return binary.AppendVarint(nil, at(r).UnixNano())
		},
		func(r *Record, value []byte) error {
			n, length := binary.Varint(value)
			if length != len(value) {
				return errField
			}
			*at(r) = time.Unix(0, n).UTC()
			return nil
		},
	}
}

func putDigest(r *Record) []byte {
	if r.Digest == [sha256.Size]byte{} {
		return nil
	}
	return r.Digest[:]
}

func getDigest(r *Record, value []byte) error {
	if copy(r.Digest[:], value) != len(value) || len(value) != len(r.Digest) {
		return errField
	}
	return nil
}

func putNotes(r *Record) []byte {
	var b []byte
	for _, key := range slices.Sorted(maps.Keys(r.Provenance)) {
		b = appendText(b, []byte(key))
		b = appendText(b, []byte(r.Provenance[key]))
	}
	return b
}

func getNotes(r *Record, value []byte) error {
	r.Provenance = map[string]string{}
	for len(value) > 0 {
		key, rest, err := cutText(value)
		if err != nil {
			return err
		}
		note, rest, err := cutText(rest)
		if err != nil {
			return err
		}
		r.Provenance[string(key)] = string(note)
		value = rest
	}
	return nil
}

func appendText(b, text []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func cutText(b []byte) (text, rest []byte, err error) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return nil, nil, errField
	}
	return b[n : n+int(length)], b[n+int(length):], nil
}
