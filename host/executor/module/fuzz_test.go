package module_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/executor/module"
)

// stricter are the reasons for which Parse may refuse what wazero takes: it is newer
// than WebAssembly 2.0, or it is invalid and wazero does not look.
var stricter = []string{
	"is not of WebAssembly 2.0",
	"which this host's compiler misreads",
	"a block's type is a negative number",
	"data count section: ends in the middle", // wazero takes an empty one for none
}

// FuzzParse holds Parse against wazero, and Admit and Clamp against what they promise.
func FuzzParse(f *testing.F) {
	whole, err := os.ReadFile("testdata/full-backend.wasm")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(executor().bytes())
	f.Add(standard().bytes())
	f.Add(file(section(0, join(text("producers"), []byte{1}, text("language"), []byte{1}, text("C"), text("99")))))
	f.Add(file(section(5, []byte{1, 0, 1}), section(12, []byte{1}), section(11, []byte{1, 1, 2, 'h', 'i'})))
	f.Add([]byte("(module)"))
	for seed := range uint64(8) {
		b, _ := randomModule(rand.New(rand.NewPCG(seed, 2)))
		f.Add(b)
	}
	limits := config.Limits{}.OrDefaults()
	f.Fuzz(func(t *testing.T, b []byte) {
		before := allocated()
		m, err := module.Parse(b)
		// A byte of a file makes an import or an export at most, and a name with it.
		if used := allocated() - before; used > 1<<20+256*uint64(len(b)) {
			t.Fatalf("%d bytes are allocated for %d", used, len(b))
		}
		bad, typed := errors.AsType[*module.Error](err)
		if err != nil && (!typed || bad.Offset > len(b) || m != nil) {
			t.Fatalf("%T %v", err, err)
		}
		if cheap(b, m) {
			v, refusal := compile(interpreter(), b)
			switch {
			case refusal == nil && err == nil:
				agree(t, m, v)
			case refusal == nil && !bad.Over && !expected(err):
				t.Fatalf("wazero takes it: %v", err)
			}
		}
		if err != nil {
			return
		}
		if m.Code.Bodies != len(m.Functions) || m.Code.Bytes+m.Data.Bytes > len(b) {
			t.Fatalf("%+v is more than %d bytes hold", m, len(b))
		}
		admit(t, b, m, &limits)
		clamp(t, b, m)
	})
}

// admit checks that Admit says the same of a module each time, in few words.
func admit(t *testing.T, b []byte, m *module.Module, limits *config.Limits) {
	_, c, err := module.Admit(b, limits)
	if _, again, err2 := module.Admit(b, limits); (err == nil) != (err2 == nil) || (c == nil) != (again == nil) {
		t.Fatalf("first %v, then %v", err, err2)
	}
	if err != nil {
		if len(err.Error()) > 4096 {
			t.Fatalf("a message of %d bytes", len(err.Error()))
		}
		return
	}
	if c.Run.Name == "" || c.Open.Name == "" || c.Realloc == "" || c.Memory == "" || len(c.Imports) != len(m.Imports) {
		t.Fatalf("incomplete: %+v", c)
	}
}

// clamp checks that Clamp changes the maxima of tables and nothing else, and that
// there is nothing to do for it a second time.
func clamp(t *testing.T, b []byte, m *module.Module) {
	const most = 1000
	clamped := module.Clamp(b, most)
	if again := module.Clamp(clamped, most); !bytes.Equal(again, clamped) {
		t.Fatalf("clamped twice: % x", again)
	}
	after, err := module.Parse(clamped)
	if err != nil {
		t.Fatalf("clamped: %v", err)
	}
	for i, table := range after.Tables {
		want := m.Tables[i]
		if limit := max(want.Min, most); !want.HasMax || want.Max > limit {
			want.Max, want.HasMax = limit, true
		}
		if table != want {
			t.Fatalf("table %d is %+v, want %+v", i, table, want)
		}
	}
	if len(after.Tables) != len(m.Tables) || after.Code != m.Code || after.Data != m.Data || after.Elements != m.Elements ||
		len(after.Exports) != len(m.Exports) || len(after.Imports) != len(m.Imports) {
		t.Fatalf("%+v, and it was %+v", after, m)
	}
}

func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}

func expected(err error) bool {
	for _, reason := range stricter {
		if strings.Contains(err.Error(), reason) {
			return true
		}
	}
	return false
}

// cheap reports whether wazero can be asked about a file: it allocates by the counts
// that a file declares. Those that Parse took are true, but for locals; in another
// file none may be large.
func cheap(b []byte, m *module.Module) bool {
	if m != nil {
		return m.Code.MostLocals < 1e5 && m.LeastMemory() <= 4<<30
	}
	run := 0
	for _, c := range b {
		if run++; c < 0x80 {
			run = 0
		}
		if run == 3 {
			return false
		}
	}
	return true
}
