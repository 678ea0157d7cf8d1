package instrument

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/conductorquantum/coda/host/fault"
)

// MaxFiles bounds the files that a guest is given, in bytes together.
const MaxFiles = 64 << 20

// ReadFiles reads the files of a device file's [files], by the names that the guest
// sees under /device. They are given to it as content: there is no path that a guest
// could name, and no link that it could follow. A path that is itself a link is
// followed, for the operator wrote it. Errors are *fault.ConfigError, joined.
func ReadFiles(files map[string]string) (map[string][]byte, error) {
	contents := make(map[string][]byte, len(files))
	var problems []error
	left := int64(MaxFiles)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content, err := readRegular(files[name], left)
		if err != nil {
			problems = append(problems, &fault.ConfigError{Where: "files." + name,
				Reason: fmt.Sprintf("cannot be given to the guest (all files together may have %d bytes)", MaxFiles), Err: err})
			continue
		}
		left -= int64(len(content))
		contents[name] = content
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return contents, nil
}

// readAll reads a file that may grow meanwhile.
func readAll(f *os.File, path string, limit int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return content, nil
}
