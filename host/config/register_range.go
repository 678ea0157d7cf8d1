package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// RegisterRange is a stretch of 32-bit registers that a guest may use.
type RegisterRange struct {
	First, Last uint64 // bytes: of the first word, and the last byte of the last word
	Read, Write bool
	Mask        uint32   // the bits that a written word may have
	Values      []uint32 // the only words that may be written; nil: all
}

// registerRanges reads a list whose items are "0x0000-0x00ff rw", or tables that
// also say which words may be written.
func (d *document) registerRanges(e *Endpoint, value any, at []string) error {
	var items []any
	switch list := value.(type) {
	case []any:
		items = list
	case []map[string]any: // TOML's [[endpoints.x.ranges]]
		for _, table := range list {
			items = append(items, table)
		}
	}
	if len(items) == 0 {
		return d.fail(at, `must be a list of ranges, such as ["0x0000-0x0fff rw"]`)
	}
	for i, item := range items {
		r, err := registerRange(item, e.Size)
		if err != nil {
			return d.fail(at, "range %d %v", i+1, err)
		}
		e.Ranges = append(e.Ranges, r)
	}
	slices.SortFunc(e.Ranges, func(a, b RegisterRange) int { return int(a.First) - int(b.First) })
	for i := 1; i < len(e.Ranges); i++ {
		if a, b := e.Ranges[i-1], e.Ranges[i]; b.First <= a.Last {
			return d.fail(at, "0x%04x is in two ranges", b.First)
		}
	}
	return nil
}

func registerRange(item any, size uint64) (RegisterRange, error) {
	r := RegisterRange{Mask: math.MaxUint32}
	text, short := item.(string)
	var access string
	if short {
		text, access, _ = strings.Cut(text, " ")
	} else {
		table, ok := item.(map[string]any)
		if !ok {
			return r, fmt.Errorf("must be text or a table, not %s", kind(item))
		}
		for _, key := range sortedKeys(table) {
			if known := []string{"range", "access", "mask", "values"}; !slices.Contains(known, key) {
				return r, fmt.Errorf("has the unknown key %s; it may have %s", quote(key), strings.Join(known, ", "))
			}
		}
		text, _ = table["range"].(string)
		access, _ = table["access"].(string)
		if err := r.words(table); err != nil {
			return r, err
		}
	}
	switch access = strings.TrimSpace(access); access {
	case "r", "w", "rw":
		r.Read, r.Write = strings.Contains(access, "r"), strings.Contains(access, "w")
	default:
		return r, errors.New("must say r, w or rw for what a guest may do")
	}
	if !r.Write && (r.Values != nil || r.Mask != math.MaxUint32) {
		return r, errors.New("says which words may be written, but none may be")
	}
	first, last, both := strings.Cut(text, "-")
	var err error
	if r.First, err = strconv.ParseUint(first, 0, 32); err != nil || r.First%4 != 0 {
		return r, errors.New(`must start at a multiple of 4, as "0x0000-0x00ff"`)
	}
	r.Last = r.First + 3
	if both {
		if r.Last, err = strconv.ParseUint(last, 0, 32); err != nil || r.Last < r.First || r.Last%4 != 3 {
			return r, errors.New(`must end with the last byte of a word, as "0x0000-0x00ff"`)
		}
	}
	if r.Last >= size {
		return r, fmt.Errorf("ends at 0x%04x, beyond the window of 0x%04x bytes", r.Last, size)
	}
	return r, nil
}

// words reads which words may be written.
func (r *RegisterRange) words(table map[string]any) error {
	if value, ok := table["mask"]; ok {
		mask, ok := value.(int64)
		if !ok || mask < 0 || mask > math.MaxUint32 {
			return errors.New("has a mask that is no number of 32 bits")
		}
		r.Mask = uint32(mask)
	}
	value, ok := table["values"]
	if !ok {
		return nil
	}
	list, ok := value.([]any)
	if !ok || len(list) == 0 {
		return errors.New("has values that are no list of numbers")
	}
	for _, item := range list {
		n, ok := item.(int64)
		if !ok || n < 0 || n > math.MaxUint32 {
			return errors.New("has a value that is no number of 32 bits")
		}
		if uint32(n)&^r.Mask != 0 {
			return fmt.Errorf("has the value 0x%x, which its mask does not allow", n)
		}
		r.Values = append(r.Values, uint32(n))
	}
	return nil
}

// MayWrite reports whether a word may be written into the range.
func (r *RegisterRange) MayWrite(word uint32) bool {
	return r.Write && word&^r.Mask == 0 && (r.Values == nil || slices.Contains(r.Values, word))
}
