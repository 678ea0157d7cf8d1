//go:build lean

package main

import (
	"time"

	"github.com/conductorquantum/coda/guests/sdk/go/httpsend"
)

// requests are those of client.go without net/http, which takes minutes to compile where
// the race detector watches.
func requests(say func(string, ...any)) error {
	answer, err := httpsend.Send("fridge", httpsend.Request{
		Path: "/v1/set?a=1", Header: [][2]string{{"X-A", "1"}, {"X-B", "zwei ü"}}, Body: []byte("4 K\x00\xff"),
	})
	if err != nil {
		return err
	}
	say("%d %s %q %d", answer.Status, answer.Header[0][1], answer.Header[1][1], answer.Body)
	if answer, err = httpsend.Send("fridge", httpsend.Request{Path: "/empty", Timeout: 1500 * time.Millisecond}); err != nil {
		return err
	}
	say("%d %d %d", answer.Status, len(answer.Header), len(answer.Body))
	_, err = httpsend.Send("fridge", httpsend.Request{Path: "/gone"})
	sayError(say, err)
	return nil
}
