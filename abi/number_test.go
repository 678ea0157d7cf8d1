package abi

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// scanNumber reads text as one whole number.
func scanNumber(text string) (number, bool) {
	s := scanner{text: text}
	if c := s.peek(); s.pos != 0 || c != '-' && !isDigit(c) {
		return number{}, false
	}
	n := s.number()
	return n, s.bad == nil && s.pos == len(text)
}

// checkFloat holds number.float to strconv.ParseFloat, bit for bit.
func checkFloat(t *testing.T, text string) {
	t.Helper()
	n, ok := scanNumber(text)
	if !ok {
		t.Fatalf("%s: not read as a number", text)
	}
	want, err := strconv.ParseFloat(text, 64)
	got, finite := n.float()
	if finite != (err == nil) || math.Float64bits(got) != math.Float64bits(want) {
		t.Fatalf("%s: got %v (finite: %t), want %v", text, got, finite, want)
	}
}

var floats = []string{
	"0", "-0", "0.0", "-0.0e9", "1", "-1.5", "0.1", "1e22", "1e23", "9007199254740991", "9007199254740992", "9007199254740993",
	"9007199254740993.0", "9007199254740993.00", "9007199254740995", "4503599627370497.5", "4503599627370496.5", "18014398509481988.0",
	"9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "99999999999999999999",
	"1844674407370955161.5", "9999999999999999999", "999999999999999999.9", "0.9999999999999999999", "0.99999999999999999999",
	"1.5707963267948966", "3.141592653589793", "-3.1415926535897932384626", "0.0000000000000000001", "0.1234567890123456789",
	"1.7976931348623157e308", "1.7976931348623159e308", "1e309", "-1e400", "5e-324", "2e-324", "1e-400", "2.2250738585072014e-308",
	"0.00000000000000000000000000000123", "1000000000000000000000000000000", "1e-22", "1e-23", "123456789012345678e-19", "1E+2", "1e-00000000000000000003",
	"0e999999999999999999999", "1e999999999999999999999", "1e-999999999999999999999",
}

func TestFloat(t *testing.T) {
	t.Parallel()
	for _, text := range floats {
		checkFloat(t, text)
	}
	random := rand.New(rand.NewPCG(5, 6))
	for range 200_000 {
		digits := strconv.FormatUint(random.Uint64()>>random.IntN(60), 10)
		if point := random.IntN(len(digits)); point > 0 {
			digits = digits[:point] + "." + digits[point:]
		} else if random.IntN(2) == 0 {
			digits = "0." + strings.Repeat("0", random.IntN(4)) + digits
		}
		checkFloat(t, digits)
		checkFloat(t, "-"+digits+"e"+strconv.Itoa(random.IntN(60)-30))
	}
	// Values as writers have them, in their shortest exact form.
	for range 100_000 {
		checkFloat(t, strconv.FormatFloat((2*random.Float64()-1)*math.Pi, 'g', -1, 64))
		checkFloat(t, strconv.FormatFloat(random.NormFloat64()*1e9, 'f', 17-random.IntN(17), 64))
	}
}

// TestFloatTies takes numbers halfway between two floats, and those just beside.
func TestFloatTies(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 8))
	for range 20_000 {
		// 54 bits, the last one set: half a unit of the last place.
		tie := 1<<53 | random.Uint64()>>11 | 1
		for _, v := range []uint64{tie, tie - 1, tie + 1, tie << 3, tie<<3 - 1, tie<<3 + 1} {
			checkFloat(t, strconv.FormatUint(v, 10))
		}
		// Divided by two and by four it is one still.
		checkFloat(t, strconv.FormatUint(tie/2, 10)+".5")
		checkFloat(t, strconv.FormatUint(tie/4, 10)+[]string{".25", ".75"}[tie>>1&1])
	}
}

func FuzzFloat(f *testing.F) {
	for _, text := range floats {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, ok := scanNumber(text); ok {
			checkFloat(t, text)
		}
	})
}

func TestInteger(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "0.000": 0, "0e5": 0, "0e-999999999999": 0, "-0.0E+7": 0, "7": 7, "-7": -7,
		"5.0": 5, "1e1": 10, "50e-1": 5, "0.5e1": 5, "0.0005E4": 5, "120e-1": 12, "-3.000": -3,
		"5.00000000000000000000000000000000": 5, "0.00000000000000000000000000000005e32": 5,
		"9223372036854775807": math.MaxInt64, "9223372036854775807.0": math.MaxInt64, "-9223372036854775807": -math.MaxInt64,
		"9223372036854775808": math.MaxInt64, "-9223372036854775809": math.MinInt64, "9223372036854775808.0": math.MaxInt64,
		"18446744073709551616": math.MaxInt64, "1e19": math.MaxInt64, "-1e400": math.MinInt64, "1e999999999999": math.MaxInt64,
		"1000000000000000000": 1e18, "1e18": 1e18, "100000000000000000000000e-20": 1000,
	} {
		n, ok := scanNumber(text)
		if !ok {
			t.Fatalf("%s: not read as a number", text)
		}
		if got, ok := n.integer(); !ok || got != want {
			t.Errorf("%s: got %d (whole: %t), want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"0.5", "5.5", "1e-1", "-0.1", "5.00000000000000000000000000000001", "1e-400", "15e-1", "1e-999999999999"} {
		n, ok := scanNumber(text)
		if !ok {
			t.Fatalf("%s: not read as a number", text)
		}
		if got, ok := n.integer(); ok {
			t.Errorf("%s: got %d, want no integer", text, got)
		}
	}
	for _, text := range []string{"", "-", "00", "01", "-01", "1.", ".1", "1e", "1e+", "+1", "0x1", "1_0", "1.e1", "Infinity", "-Infinity", "NaN", " 1", "1 "} {
		if _, ok := scanNumber(text); ok {
			t.Errorf("%q: read as a number", text)
		}
	}
}
