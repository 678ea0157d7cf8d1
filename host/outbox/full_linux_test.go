package outbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/outbox"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// smallDisk is a file system of its own, with so many bytes.
func smallDisk(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if os.Geteuid() != 0 {
		require.Missing(t, "root", "only root can mount a small file system")
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", bytes)); err != nil {
		require.Missing(t, "root", "a file system cannot be mounted: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

func TestAFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 2<<20)
	path := filepath.Join(dir, "outbox.db")
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, path)
	ctx := t.Context()
	const large = "large" // it fits only in the place of the ballast
	body := func(id string) []byte {
		if id == large {
			return make([]byte, 700<<10)
		}
		return bytes.Repeat([]byte(id), 5000)
	}
	decide := func(id string) error {
		_, err := s.Decide(ctx, completed(id, body(id)))
		return err
	}
	var kept []string
	var err error
	for n := 0; err == nil && n < 1000; n++ {
		id := fmt.Sprintf("job-%d", n)
		if err = decide(id); err == nil {
			kept = append(kept, id)
		}
	}
	check := func(failed string) {
		t.Helper()
		if !errors.Is(err, outbox.ErrDisk) || !errors.Is(err, syscall.ENOSPC) || !errors.Is(s.Err(), outbox.ErrDisk) {
			t.Errorf("a full disk: %v, Err: %v", err, s.Err())
		}
		if e, ok := errors.AsType[*fault.NodeError](err); !ok || !e.CanRetry() {
			t.Errorf("%v: it may go better later", err)
		}
		if _, err := s.Get(failed); !errors.Is(err, outbox.ErrUnknown) {
			t.Errorf("what failed is there: %v", err)
		}
		for _, id := range kept {
			if got, err := s.Body(id); err != nil || !bytes.Equal(got, body(id)) {
				t.Errorf("%s: body of %d bytes, %v", id, len(got), err)
			}
		}
	}
	check(fmt.Sprintf("job-%d", len(kept)))
	err = decide(large)
	check(large)
	if percent, err := outbox.Free(dir); err != nil || percent >= 5 {
		t.Errorf("%v %% are free, %v", percent, err)
	}
	// The node ends and starts again, still without space.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, path)
	if s.Err() != nil {
		t.Errorf("before it has written: %v", s.Err())
	}
	err = decide(large)
	check(large)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Probe(ctx), s.Err(), decide(large)); err != nil {
		t.Errorf("when space is back: %v", err)
	}
	kept = append(kept, large)
	if stats := s.Stats(); stats.Waiting != len(kept) {
		t.Errorf("%+v, want %d that wait", stats, len(kept))
	}
	for _, id := range kept {
		if got, err := s.Body(id); err != nil || !bytes.Equal(got, body(id)) {
			t.Errorf("%s: body of %d bytes, %v", id, len(got), err)
		}
	}
}

// A store that cannot be made leaves nothing behind that is half one.
func TestADiskTooFullToBegin(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 256<<10)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 248<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "outbox.db")
	s, err := outbox.Open(path, outbox.Config{})
	if err == nil {
		s.Close()
		t.Fatal("it was opened")
	}
	if !errors.Is(err, outbox.ErrDisk) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	openStore(t, path)
}
