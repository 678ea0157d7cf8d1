package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// parse reads text into the field that v describes. Its errors are reasons to
// stand behind the variable's name; they quote the text unless it may be secret.
func (v *Variable) parse(s *Settings, text string) error {
	switch field := v.field(s).(type) {
	case *string:
		*field = text
	case *Secret:
		*field = Secret(text)
	case *bool:
		b, err := parseBool(text)
		if err != nil {
			return err
		}
		*field = b
	case *int:
		n, err := v.number(text)
		if err != nil {
			return err
		}
		*field = n
	case *time.Duration:
		n, err := v.number(text)
		if err != nil {
			return err
		}
		*field = time.Duration(n) * time.Second
	case *[]string:
		list, err := parseList(text)
		if err != nil {
			return err
		}
		*field = list
	case *map[string]Secret:
		headers, err := parseHeaders(text)
		if err != nil {
			return err
		}
		*field = headers
	default:
		panic(fmt.Sprintf("config: variable %s has a field of type %T", v.Name(), field))
	}
	if v.check != nil {
		return v.check(s)
	}
	return nil
}

func (v *Variable) number(text string) (int, error) {
	n, err := parseInt(text)
	if err != nil {
		return 0, err
	}
	if n < v.min || n > v.max {
		if v.max == maxSeconds {
			return 0, fmt.Errorf("%d is out of range: at least %d", n, v.min)
		}
		return 0, fmt.Errorf("%d is out of range: %d to %d", n, v.min, v.max)
	}
	return n, nil
}

// wholeNumber also takes what the node before this one took: blanks around,
// underscores between digits and a zero fraction.
var wholeNumber = regexp.MustCompile(`^([+-]?[0-9]+(?:_[0-9]+)*)(?:\.0+)?$`)

func parseInt(text string) (int, error) {
	m := wholeNumber.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, fmt.Errorf("%s is not a whole number", quote(text))
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(m[1], "_", ""), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s is out of range", quote(text))
	}
	return int(n), nil
}

func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "t", "yes", "y", "on", "1":
		return true, nil
	case "false", "f", "no", "n", "off", "0":
		return false, nil
	}
	return false, fmt.Errorf("%s is neither true nor false", quote(text))
}

// parseList reads a JSON array of strings; null is the empty list.
func parseList(text string) ([]string, error) {
	var items []*string
	if err := json.Unmarshal([]byte(text), &items); err != nil {
		return nil, errors.New(`must be a JSON array of strings, such as ["a", "b"]`)
	}
	var list []string
	for _, item := range items {
		if item == nil {
			return nil, errors.New("has a null among its strings")
		}
		list = append(list, *item)
	}
	return list, nil
}

// parseHeaders reads a JSON object of strings; null is the empty map. Values
// may be secret, so no error quotes one.
func parseHeaders(text string) (map[string]Secret, error) {
	var members map[string]*string
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		return nil, errors.New(`must be a JSON object of strings, such as {"name": "value"}`)
	}
	headers := make(map[string]Secret, len(members))
	for _, name := range sortedKeys(members) {
		value := members[name]
		if !headerName.MatchString(name) {
			return nil, fmt.Errorf("%s cannot be the name of a header", quote(name))
		}
		if value == nil || strings.ContainsFunc(*value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return nil, fmt.Errorf("header %s has a value that cannot be sent", name)
		}
		for other := range headers {
			if strings.EqualFold(other, name) {
				return nil, fmt.Errorf("names one header twice, %s and %s", other, name)
			}
		}
		headers[name] = Secret(*value)
	}
	return headers, nil
}

var headerName = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")

// quote shortens what people see of a wrong value.
func quote(text string) string {
	const most = 60
	if r := []rune(text); len(r) > most {
		return strconv.Quote(string(r[:most]) + "…")
	}
	return strconv.Quote(text)
}
