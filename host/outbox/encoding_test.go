package outbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"
)

// every is a record with every field set.
func every() *Record {
	at := func(s int64) time.Time { return time.Unix(1_800_000_000+s, 123_456_789).UTC() }
	return &Record{
		JobID: "job", MessageID: "1800000000000-7", State: Parked, Created: at(0),
		Attempts: 3, Started: at(1),
		WebhookID: "0191d1c4-0000-5000-8000-000000000000", URL: "https://example.com/hook", Kind: Failed,
		Failure: "a text with \xff and \x00", Digest: sha256.Sum256([]byte("body")), Size: 4, Decided: at(2),
		Published: at(3), Provenance: map[string]string{"abi": "1", "executor": "sha256:00", "": ""},
		Tries: 300, Rejections: 5, Scheduled: at(4), Due: at(5), LastError: "HTTP 422", Ended: at(6),
	}
}

func TestEveryFieldIsKept(t *testing.T) {
	t.Parallel()
	r := every()
	value := reflect.ValueOf(*r)
	for i := range value.NumField() {
		if value.Field(i).IsZero() {
			t.Errorf("the test leaves out %s", value.Type().Field(i).Name)
		}
	}
	for _, r := range []*Record{r, {JobID: "job", State: Begun}} {
		got, err := decode("job", r.encode())
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("%+v (%v), want %+v", got, err, r)
		}
	}
}

// The bytes are the file's format: whoever changes them raises the version.
func TestTheEncodingStays(t *testing.T) {
	t.Parallel()
	r := &Record{
		JobID: "job", State: Begun, MessageID: "1-0", Attempts: 2,
		Created: time.Unix(1, 0).UTC(), Provenance: map[string]string{"b": "2", "a": "1"},
	}
	const want = "3576c14c" + "010101" + "0203312d30" + "030580a8d6b907" + "040102" + "1408" + "0161" + "0131" + "0162" + "0132"
	if got := fmt.Sprintf("%x", r.encode()); got != want {
		t.Errorf("a record is\n%s, want\n%s", got, want)
	}
}

func TestABitIsNotWhatWasWritten(t *testing.T) {
	t.Parallel()
	good := every().encode()
	for i := range 8 * len(good) {
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		if r, err := decode("job", bad); !errors.Is(err, ErrDamaged) {
			t.Fatalf("bit %d is another, and the record is %+v (%v)", i, r, err)
		}
	}
	if _, err := decode("another job", good); !errors.Is(err, ErrDamaged) {
		t.Errorf("the record of another job: %v", err)
	}
}

// FuzzDecode decodes fields whose checksum is right, so that the checksum does
// not stand before the rest.
func FuzzDecode(f *testing.F) {
	f.Add(every().encode()[4:])
	f.Add((&Record{JobID: "job", State: Delivered, Kind: Completed}).encode()[4:])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, fields []byte) {
		value := append(binary.BigEndian.AppendUint32(nil, checksum("job", fields)), fields...)
		r, err := decode("job", value)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%v is not ErrDamaged", err)
			}
			return
		}
		if again := r.encode(); !bytes.Equal(again, value) {
			t.Errorf("%x is encoded again as %x", value, again)
		}
	})
}
