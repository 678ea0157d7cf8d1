//go:build unix

package executor_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/testkit/cguest"
	"github.com/conductorquantum/coda/host/testkit/goguest"
)

// A guest reads the files that it was given, under /device and nowhere else; it changes
// none and finds no others.
func TestFilesOfAGuest(t *testing.T) {
	t.Parallel()
	for language, tt := range map[string]struct {
		build func() []byte
		want  string
	}{
		"c":  {func() []byte { return cguest.Build(t, "../../guests/sdk/c", "testdata/files/files.c") }, filesFromC},
		"go": {func() []byte { return goguest.Build(t, "testdata/files") }, filesFromGo},
	} {
		wasm := tt.build()
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			e := open(t, executor.Config{Wasm: wasm, Files: map[string][]byte{"cal.json": []byte("0123456789"), "empty": nil}})
			for range 2 { // in another instance, or the same one
				_, err := e.Run(t.Context(), job(1))
				failed, _ := errors.AsType[*fault.ExecutorError](err)
				if failed == nil {
					t.Fatal(err)
				}
				got := strings.ReplaceAll(failed.Reason, `\n`, "\n")
				if got != tt.want {
					t.Errorf("got\n%s\nwant\n%s", got, tt.want)
				}
			}
		})
	}
}

// A file opens for writing, or to be cut, and stays as it is: what is written fails. Flags
// are those of wasi-libc; Go resolves .. by itself, and what has no folder is in /device.
const filesFromC = `read 10 0123456789
seek 4 3 456
end 10
write to it EBADF
truncate it ENOSYS
stat ok
size 10 regular 1 writable 0
entry .
entry ..
entry cal.json
entry empty
open /device/other 4000000 ENOENT
open /device/../device/cal.json 4000000 EPERM
open /device/../etc/passwd 4000000 EPERM
open /device/sub/cal.json 4000000 ENOENT
open /etc/passwd 4000000 ENOTCAPABLE
open / 4000000 ENOTCAPABLE
open cal.json 4000000 ENOTCAPABLE
open /device/cal.json 10000000 ok
write EBADF
open /device/cal.json 4008000 ok
open /device/new 10001000 ENOENT
unlink ENOSYS
rename ENOSYS
mkdir ENOSYS
rmdir ENOSYS
symlink ENOSYS
link ENOSYS
readlink ENOSYS
`
const filesFromGo = `read 0123456789 <nil>
at 7 789 <nil>
write to it: Bad file number
size 10 regular true
entry cal.json
entry empty
list: <nil>
open /device/other: No such file or directory
open /device/../device/cal.json: <nil>
open /device/../etc/passwd: Bad file number
open /etc/passwd: Bad file number
open cal.json: <nil>
write: Bad file number
create: No such file or directory
remove: Not implemented on wasip1
rename: Not implemented on wasip1
symlink: Not implemented on wasip1
mkdir: Not implemented on wasip1
`
