package openvpn

import (
	"context"
	"fmt"
	"os"
)

// Lack is one thing that this node needs to run OpenVPN and has not.
type Lack struct {
	What string `json:"what"` // what is missing, and how that shows
	Do   string `json:"do"`   // how to mend it
}

func (l Lack) String() string { return l.What + ": " + l.Do }

// Missing returns what is missing to run the OpenVPN at a path, as Find returns it,
// from the thread and network namespace of the caller; nothing if all is there. It
// changes nothing; of OpenVPN it runs `--version`, for at most 5 s. A tunnel that
// someone else manages needs none of this.
func Missing(ctx context.Context, program string) []Lack {
	var found []Lack
	if lack := missingProgram(ctx, program); lack != nil {
		found = append(found, *lack)
		program = ""
	}
	return append(found, missingPrivileges(program)...)
}

func missingProgram(ctx context.Context, program string) *Lack {
	if program == "" {
		return &Lack{"openvpn is neither on PATH nor where systems put it", advice}
	}
	if _, err := os.Stat(program); err != nil {
		return &Lack{fmt.Sprintf("openvpn cannot be used: %v", err), advice}
	}
	major, minor, err := version(ctx, program)
	if err != nil {
		return &Lack{fmt.Sprintf("the version of %s is not known: %v", program, err),
			"put OpenVPN " + oldest + " or newer there, which this user may run"}
	}
	if major < oldestMajor || major == oldestMajor && minor < oldestMinor {
		return &Lack{fmt.Sprintf("%s is OpenVPN %d.%d, older than %s", program, major, minor, oldest),
			"install a newer one, of openvpn.net if the system has none"}
	}
	return nil
}
