package host

import (
	"testing"

	"github.com/conductorquantum/coda/host/executor/cage"
)

// TestDoctorNamesWhatIsMissing of the cage, and what that means.
func TestDoctorNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	found := caged(cage.Report{
		{Name: "resource limits"},
		{Name: "Landlock", Detail: "ABI version 3"},
		{Name: "seccomp", Missing: true, Detail: "function not implemented", Without: "all is open"},
	})
	if len(found) != 3 {
		t.Fatalf("%+v", found)
	}
	for i, want := range []Finding{
		{Level: OK, What: "resource limits: there"},
		{Level: OK, What: "Landlock is there, ABI version 3"},
		{Level: Warning, What: "seccomp is missing (function not implemented): all is open", Do: "use a kernel that has it; until then use executors that you trust"},
	} {
		want.Check = "sandbox"
		if found[i] != want {
			t.Errorf("%+v, want %+v", found[i], want)
		}
	}
}
