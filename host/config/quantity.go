package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// size reads an amount of memory: "256MiB", or a whole number of bytes.
func size(value any) (uint64, error) {
	text, ok := value.(string)
	if n, isNumber := value.(int64); isNumber {
		text, ok = strconv.FormatInt(n, 10), true
	}
	if !ok {
		return 0, fmt.Errorf(`must be a size such as "256MiB", not %s`, kind(value))
	}
	number, unit := text, uint64(1)
	for suffix, factor := range map[string]uint64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if cut, found := strings.CutSuffix(text, suffix); found {
			number, unit = strings.TrimRight(cut, " "), factor
		}
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%s is not a size; write bytes, or KiB, MiB or GiB as in \"256MiB\"", quote(text))
	}
	if n == 0 {
		return 0, errors.New("must be more than 0")
	}
	return n * unit, nil
}

// duration reads a time span with its unit: "60s", "1m30s".
func duration(value any) (time.Duration, error) {
	text, ok := value.(string)
	if !ok {
		return 0, fmt.Errorf(`must be a time with its unit, such as "60s", not %s`, kind(value))
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf(`%s is not a time; write a number and its unit, such as "60s"`, quote(text))
	}
	if d <= 0 {
		return 0, errors.New("must be more than 0")
	}
	return d, nil
}
