package abi

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// number is a JSON number: ±mantissa·10^exp where exact, else only its text.
type number struct {
	text     string
	mantissa uint64
	exp      int
	negative bool
	exact    bool
}

// maxDigits is how many decimal digits always fit in a mantissa.
const maxDigits = 19

// number reads the number at pos, which is at its sign or first digit.
func (s *scanner) number() (n number) {
	t, i := s.text, s.pos
	if t[i] == '-' {
		n.negative = true
		i++
	}
	start := i
	for ; i < len(t) && isDigit(t[i]); i++ {
		n.mantissa = n.mantissa*10 + uint64(t[i]-'0')
	}
	digits := i - start
	switch {
	case digits == 0 && (strings.HasPrefix(t[i:], "Infinity") || strings.HasPrefix(t[i:], "NaN")):
		s.fail(i, notFinite)
		return number{}
	case digits == 0:
		s.fail(i, "a digit must follow the minus sign")
		return number{}
	case t[start] == '0':
		if digits > 1 {
			s.fail(start, "a number must not start with a superfluous 0")
			return number{}
		}
		digits = 0
	}
	if i < len(t) && t[i] == '.' {
		i++
		start = i
		for ; i < len(t) && isDigit(t[i]); i++ {
			n.mantissa = n.mantissa*10 + uint64(t[i]-'0')
		}
		if i == start {
			s.fail(i, "a digit must follow the decimal point")
			return number{}
		}
		n.exp = start - i
		digits += i - start
	}
	if i < len(t) && t[i]|0x20 == 'e' {
		e, end := exponent(t, i+1)
		if end < 0 {
			s.fail(min(i+1, len(t)), "digits must follow the exponent's 'e'")
			return number{}
		}
		n.exp += e
		i = end
	}
	n.exact = digits <= maxDigits
	n.text = t[s.pos:i]
	s.pos = i
	return n
}

// exponent reads an optional sign and digits at i. The value saturates at 2^27,
// beyond any that a text of less than 100 MB can make good by its digits; end is
// -1 where there is no digit.
func exponent(t string, i int) (value, end int) {
	negative := false
	if i < len(t) && (t[i] == '+' || t[i] == '-') {
		negative = t[i] == '-'
		i++
	}
	start := i
	for ; i < len(t) && isDigit(t[i]); i++ {
		value = min(value*10+int(t[i]-'0'), 1<<27)
	}
	if i == start {
		return 0, -1
	}
	if negative {
		value = -value
	}
	return value, i
}

// Powers of ten that are exact, as float64 and as uint64.
var (
	floatPowers = [...]float64{
		1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
	}
	powers = [maxDigits + 1]uint64{
		1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
		1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
	}
)

// float returns the nearest float64, ties to even: what strconv.ParseFloat
// returns. It reports whether that is finite.
func (n *number) float() (float64, bool) {
	if !n.exact {
		return n.slowFloat()
	}
	var f float64
	switch {
	case n.mantissa>>53 == 0 && -22 <= n.exp && n.exp <= 0:
		// Both operands are exact, so that IEEE rounds only once.
		f = float64(n.mantissa) / floatPowers[-n.exp]
	case n.mantissa>>53 == 0 && 0 < n.exp && n.exp <= 22:
		f = float64(n.mantissa) * floatPowers[n.exp]
	case n.mantissa != 0 && -maxDigits <= n.exp && n.exp <= 0:
		f = quotient(n.mantissa, powers[-n.exp])
	default:
		return n.slowFloat()
	}
	if n.negative {
		f = -f
	}
	return f, true
}

func (n *number) slowFloat() (float64, bool) {
	f, err := strconv.ParseFloat(n.text, 64)
	return f, err == nil
}

// quotient returns a/b rounded to the nearest float64, ties to even. Neither may
// be 0.
//
// Angles have 16 or 17 digits, more than a float64's mantissa holds, so that the
// usual short cut of one floating-point division would round twice. One division
// of integers gives 64 bits of the quotient and, in its remainder, whether more
// follow; the result lies within 2^±64 and is never subnormal.
func quotient(a, b uint64) float64 {
	shiftA, shiftB := bits.LeadingZeros64(a), bits.LeadingZeros64(b)
	a, b = a<<shiftA, b<<shiftB
	exp := shiftB - shiftA // a/b of the arguments is a/b of these times 2^exp
	var low uint64
	if a >= b {
		a, low = a>>1, a<<63
		exp++
	}
	q, rest := bits.Div64(a, low, b) // in [2^63, 2^64), to be scaled by 2^(exp-64)
	mantissa := q >> 11
	const half = 1 << 10
	if cut := q & (1<<11 - 1); cut > half || cut == half && (rest != 0 || mantissa&1 == 1) {
		mantissa++ // may carry into the exponent, which is then right too
	}
	return math.Float64frombits(uint64(1023-1+exp-1)<<52 + mantissa)
}

// integer returns the number if it is a whole one, however it is written: 5, 5.0
// and 50e-1 are the same. Beyond int64 it saturates.
func (n *number) integer() (int64, bool) {
	if n.exact && n.exp == 0 && n.mantissa <= math.MaxInt64 {
		if n.negative {
			return -int64(n.mantissa), true
		}
		return int64(n.mantissa), true
	}
	return n.slowInteger()
}

func (n *number) slowInteger() (int64, bool) {
	text := strings.TrimPrefix(n.text, "-")
	digits, exp := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		digits = text[:i]
		exp, _ = exponent(text, i+1)
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	exp -= len(fraction)
	digits = strings.TrimLeft(whole+fraction, "0")
	short := strings.TrimRight(digits, "0")
	exp += len(digits) - len(short)
	switch {
	case short == "":
		return 0, true
	case exp < 0:
		return 0, false
	case len(short)+exp > maxDigits:
		return n.beyond(), true
	}
	v, err := strconv.ParseUint(short+strings.Repeat("0", exp), 10, 64)
	if err != nil || v > math.MaxInt64 {
		return n.beyond(), true
	}
	if n.negative {
		return -int64(v), true
	}
	return int64(v), true
}

func (n *number) beyond() int64 {
	if n.negative {
		return math.MinInt64
	}
	return math.MaxInt64
}
