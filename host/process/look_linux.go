package process

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"syscall"
)

// look reads about a process in /proc, see proc(5). The start is in clock
// ticks since the boot. The error is fs.ErrNotExist where there is none, or only a
// dead one that nobody asked how it ended, as where nothing does what init is for.
func look(pid int) (facts, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	var status []byte
	if err == nil {
		status, err = os.ReadFile(dir + "/status")
	}
	if errors.Is(err, syscall.ESRCH) { // it ended while it was read
		err = fs.ErrNotExist
	}
	if err != nil {
		return facts{}, err
	}
	start, err := startTime(stat)
	if err != nil {
		return facts{}, fmt.Errorf("%s/stat: %w", dir, err)
	}
	if isDead(status) {
		return facts{}, fs.ErrNotExist
	}
	uid, err := effectiveUser(status)
	if err != nil {
		return facts{}, fmt.Errorf("%s/status: %w", dir, err)
	}
	return facts{start: start, uid: uid}, nil
}

// startTime is field 22. Field 2, the program's name, may hold blanks and
// parentheses, so fields are counted from its end.
func startTime(stat []byte) (string, error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const at = 22 - 3
	if len(fields) <= at {
		return "", errors.New("field 22 is missing")
	}
	return string(fields[at]), nil
}

func effectiveUser(status []byte) (int, error) {
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("Uid:")); ok {
			if users := bytes.Fields(rest); len(users) > 1 {
				return strconv.Atoi(string(users[1]))
			}
		}
	}
	return 0, errors.New("no line names the user")
}

// isDead reports whether none of a process's threads runs any more. Where only the
// first one has ended, the state of the process is that of a dead one too.
func isDead(status []byte) bool {
	zombie, alone := false, false
	for line := range bytes.Lines(status) {
		switch words := bytes.Fields(line); {
		case len(words) < 2:
		case string(words[0]) == "State:":
			zombie = string(words[1]) == "Z" || string(words[1]) == "X"
		case string(words[0]) == "Threads:":
			alone = string(words[1]) == "1"
		}
	}
	return zombie && alone
}

// bootID tells this boot of this machine from all others.
var bootID = sync.OnceValue(func() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return string(bytes.TrimSpace(id))
})
