package zoo

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// bytesOf reads raw bytes as people write them. A # between blanks begins a comment. What stands there is
//
//	00 61 73 6d   bytes in hexadecimal digits
//	"text"        those of a text, without blanks
//	u:300         a number in LEB128
//	{ ... }       those within, after how many they are in LEB128
//	300*( ... )   those within, repeated
func bytesOf(text string) ([]byte, error) {
	var words []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(" "+line, " # ")
		words = append(words, strings.Fields(line)...)
	}
	b, rest, err := sequence(words, "")
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%s closes nothing", rest[0])
	}
	return b, err
}

func sequence(words []string, end string) (b []byte, rest []string, err error) {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		var inner []byte
		switch {
		case word == end:
			return b, words, nil
		case word == "{":
			if inner, words, err = sequence(words, "}"); err != nil {
				return nil, nil, err
			}
			b = append(binary.AppendUvarint(b, uint64(len(inner))), inner...)
		case strings.HasSuffix(word, "*("):
			n, err := strconv.Atoi(strings.TrimSuffix(word, "*("))
			if err != nil {
				return nil, nil, err
			}
			if inner, words, err = sequence(words, ")"); err != nil {
				return nil, nil, err
			}
			for range n {
				b = append(b, inner...)
			}
		case strings.HasPrefix(word, "u:"):
			n, err := strconv.ParseUint(word[2:], 10, 64)
			if err != nil {
				return nil, nil, err
			}
			b = binary.AppendUvarint(b, n)
		case strings.HasPrefix(word, `"`):
			b = append(b, strings.Trim(word, `"`)...)
		default:
			raw, err := hex.DecodeString(word)
			if err != nil {
				return nil, nil, err
			}
			b = append(b, raw...)
		}
	}
	if end != "" {
		return nil, nil, fmt.Errorf("there is no %s", end)
	}
	return b, nil, nil
}
