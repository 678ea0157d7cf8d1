package daemon

import "testing"

func FuzzNote(f *testing.F) {
	f.Add("ready 127.0.0.1:80\n")
	f.Add("failed \"because\"\n")
	f.Add("failed \"")
	f.Add("")
	f.Fuzz(func(t *testing.T, line string) {
		if ready, err := readNote(line); ready && err != nil {
			t.Errorf("%q is both", line)
		}
	})
}
