//go:build !lean

package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/conductorquantum/coda/guests/sdk/go/httpclient"
)

func requests(say func(string, ...any)) error {
	client := httpclient.New("fridge")
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://fridge/v1/set?a=1", strings.NewReader("4 K\x00\xff"))
	if err != nil {
		return err
	}
	request.Header.Set("X-A", "1")
	request.Header.Set("X-B", "zwei ü")
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	say("%d %s %q %d", answer.StatusCode, answer.Header.Get("Content-Type"), answer.Header["X-Empty"][0], body)
	ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer cancel()
	request, err = http.NewRequestWithContext(ctx, http.MethodGet, "/empty", nil)
	if err != nil {
		return err
	}
	if answer, err = client.Do(request); err != nil {
		return err
	}
	say("%d %d %d", answer.StatusCode, len(answer.Header), answer.ContentLength)
	_, err = client.Get("/gone")
	sayError(say, err)
	return nil
}
