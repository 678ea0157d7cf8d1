package module_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/executor/module"
)

// The guests of the tree: what Parse measured of each is what wazero compiles.
func TestGuestsAreSeenAlike(t *testing.T) {
	t.Parallel()
	guests, err := filepath.Glob("../../../guests/*/*.wasm")
	if err != nil || len(guests) < 3 {
		t.Fatalf("%d guests, %v", len(guests), err)
	}
	for _, path := range append(guests, "testdata/full-backend.wasm") {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		admitted(t, b)
	}
}

// Random functions, well typed by construction: wazero takes each, and the stack of
// operands is as high in Parse's eyes as in the generator's.
func TestRandomBodies(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		b, most := randomModule(rand.New(rand.NewPCG(seed, 1)))
		v, err := compile(compiler(), b)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		m, err := module.Parse(b)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		agree(t, m, v)
		if got := height(m); got != most {
			t.Fatalf("seed %d: the stack is %d high, and by the rules of typing %d\n% x", seed, got, most, b)
		}
	}
}

// choices are what a random body is made of, beside constants and blocks.
var choices = func() (all []signature) {
	for prefix, group := range map[byte][]signature{0: plain, 0xfc: afterMisc, 0xfd: afterVector} {
		for _, s := range group {
			for op := s.first; op <= s.last; op++ {
				encoded := []byte{byte(op)}
				if prefix != 0 {
					encoded = join([]byte{prefix}, num(op))
				}
				all = append(all, signature{immediate: join(encoded, s.immediate), types: s.types})
			}
		}
	}
	slices.SortFunc(all, func(a, b signature) int { return slices.Compare(a.immediate, b.immediate) })
	return all
}()

// signatures are the types of blocks and of the function: type 0 is the function's own.
var signatures = []string{"il:di", ":", ":i", "i:", "ii:ii", "v:l", "FE:EF", "ddd:", ":ffff"}

// writer writes a body and keeps the types of the operands as the specification's
// validation does (appendix "Validation Algorithm").
type writer struct {
	*rand.Rand
	code   []byte
	stack  []byte // letters
	labels []string
	base   []int // of each block that is open
	most   int
}

func randomModule(r *rand.Rand) ([]byte, int) {
	w := &writer{Rand: r, labels: []string{"di"}, base: []int{0}}
	w.some(30)
	w.leave("di")
	w.code = append(w.code, 0x0b)
	var types [][]byte
	for _, s := range signatures {
		before, after, _ := strings.Cut(s, ":")
		types = append(types, join([]byte{0x60}, typesOf(before), typesOf(after)))
	}
	// Parameters take the first local's place: local 0 is an i32 all the same.
	return around(types[0], types[1:], join([]byte{7}, locals, w.code)), w.most
}

func typesOf(text string) []byte {
	b := num(len(text))
	for i := range len(text) {
		b = append(b, byte(letters[text[i]]))
	}
	return b
}

// some writes up to n instructions.
func (w *writer) some(n int) {
	for range w.IntN(n + 1) {
		switch k := w.IntN(20); {
		case k < 10:
			c := choices[w.IntN(len(choices))]
			before, after, _ := strings.Cut(c.types, ":")
			w.emit(before, after, c.immediate)
		case k < 13:
			letter := "ilfdvFE"[w.IntN(7)]
			w.emit("", string(letter), constant(letter))
		case k < 17 && len(w.base) < 8:
			w.block(n / 2)
		case k == 17:
			w.branch()
		case k == 18: // call of the function itself, directly or by the table
			if w.IntN(2) == 0 {
				w.emit("il", "di", []byte{0x10, 0})
			} else {
				w.emit("ili", "di", []byte{0x11, 0, 0})
			}
		default:
			w.emit("", "", []byte{0x01})
		}
	}
}

// need brings values of the types to the top of the stack, if they are not there.
func (w *writer) need(types string) {
	if strings.HasSuffix(string(w.stack[w.base[len(w.base)-1]:]), types) {
		return
	}
	for i := range len(types) {
		w.code = append(w.code, constant(types[i])...)
		w.push(types[i : i+1])
	}
}

func (w *writer) emit(before, after string, code []byte) {
	w.need(before)
	w.code = append(w.code, code...)
	w.pop(len(before))
	w.push(after)
}

// condition writes what pops a number that stands above the operands.
func (w *writer) condition(code []byte) {
	w.code = join(w.code, constant('i'), code)
	w.push("i")
	w.pop(1)
}

func (w *writer) pop(n int) { w.stack = w.stack[:len(w.stack)-n] }

func (w *writer) push(types string) {
	w.stack = append(w.stack, types...)
	w.most = max(w.most, len(w.stack))
}

func (w *writer) block(n int) {
	op := byte(2 + w.IntN(3))
	t := 1 + w.IntN(len(signatures)-1)
	before, after, _ := strings.Cut(signatures[t], ":")
	blockType := num(t)
	if before == "" && len(after) < 2 && w.IntN(2) == 0 { // the short form
		blockType = []byte{0x40}
		if after != "" {
			blockType = []byte{byte(letters[after[0]])}
		}
	}
	w.need(before)
	if op == 4 {
		w.condition(nil)
	}
	w.code = join(w.code, []byte{op}, blockType)
	label := after
	if op == 3 {
		label = before
	}
	w.labels = append(w.labels, label)
	w.base = append(w.base, len(w.stack)-len(before))
	w.some(n)
	w.leave(after)
	if op == 4 && (before != after || w.IntN(2) == 0) { // without else, if has to give what it takes
		w.code = append(w.code, 0x05)
		w.stack = w.stack[:w.base[len(w.base)-1]]
		w.push(before)
		w.some(n)
		w.leave(after)
	}
	w.code = append(w.code, 0x0b)
	w.stack = w.stack[:w.base[len(w.base)-1]]
	w.labels, w.base = w.labels[:len(w.labels)-1], w.base[:len(w.base)-1]
	w.push(after)
}

// leave makes the stack what it has to be at a block's end.
func (w *writer) leave(after string) {
	base := w.base[len(w.base)-1]
	if string(w.stack[base:]) != after {
		for len(w.stack) > base {
			w.code = append(w.code, 0x1a)
			w.pop(1)
		}
		w.need(after)
	}
}

// branch goes out of a block, or may. After one that must, operands are what is asked
// for and the stack is as at the block's beginning.
func (w *writer) branch() {
	to := w.IntN(len(w.labels))
	label := w.labels[len(w.labels)-1-to]
	switch w.IntN(5) {
	case 0:
		w.need(label)
		w.condition([]byte{0x0d, byte(to)})
		return
	case 1:
		w.need(label)
		w.code = append(w.code, 0x0c, byte(to))
	case 2:
		w.need(label)
		w.condition([]byte{0x0e, 2, byte(to), byte(to), byte(to)})
	case 3:
		w.need("di")
		w.code = append(w.code, 0x0f)
	case 4:
		w.code = append(w.code, 0x00)
	}
	w.stack = w.stack[:w.base[len(w.base)-1]]
	if w.IntN(2) == 0 { // values of any type
		w.code = append(w.code, 0x6a)
		w.push("i")
	}
}
