package config

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/conductorquantum/coda/host/fault"
	"go.yaml.in/yaml/v3"
)

// document is a TOML or YAML file as plain Go values: tables are
// map[string]any, lists []any, scalars string, bool, int64 or float64 (dates
// and other types stay as the parser gives them).
type document struct {
	path string
	root map[string]any
	line func(key []string) int // of a key that exists; 0 where unknown
}

// A device file or a file of settings is written by hand.
const maxDocument = 1 << 20

func readTOML(path string) (*document, error) {
	text, err := readFile(path, maxDocument)
	if err != nil {
		return nil, &fault.ConfigError{Where: path, Reason: "cannot be read", Err: err}
	}
	return parseTOML(path, text)
}

func parseTOML(path string, text []byte) (*document, error) {
	d := &document{path: path, root: map[string]any{}}
	if _, err := toml.Decode(string(text), &d.root); err != nil {
		if syntax, ok := errors.AsType[toml.ParseError](err); ok {
			return nil, &fault.ConfigError{
				Where:  fmt.Sprintf("%s:%d", path, syntax.Position.Line),
				Reason: "is not TOML: " + tomlReason(syntax.Message),
			}
		}
		return nil, &fault.ConfigError{Where: path, Reason: "is not TOML", Err: err}
	}
	d.line = func(key []string) int { return tomlLine(string(text), key) }
	return d, nil
}

// repeated is what the parser repeats of a file: quoted, and longer than one
// character, or a number.
var repeated = regexp.MustCompile(`"(?:[^"\\]|\\.){2,}"|'[^'"\\]{2,}'|[-+]?[0-9][0-9_.eE+-]+`)

// tomlReason is the parser's message without what it repeats of a value, which is
// part of a secret where somebody left the quotes out. Names of keys stay.
func tomlReason(message string) string {
	if strings.HasPrefix(message, "expected value but found ") {
		return "a value is expected; text must stand in quotes"
	}
	if strings.HasPrefix(message, "Key ") {
		return message
	}
	return repeated.ReplaceAllLiteralString(message, "…")
}

// tomlLine finds the line of a key. The parser tells positions only in its
// errors, so it is made to fail at that key.
func tomlLine(text string, key []string) int {
	var table map[string]toml.Primitive
	meta, err := toml.Decode(text, &table)
	for ; err == nil; key = key[1:] {
		primitive := table[key[0]]
		if len(key) == 1 {
			var stop stopHere
			err = meta.PrimitiveDecode(primitive, &stop)
			break
		}
		table = nil
		err = meta.PrimitiveDecode(primitive, &table)
	}
	position, _ := errors.AsType[toml.ParseError](err)
	return position.Position.Line
}

type stopHere struct{}

func (*stopHere) UnmarshalTOML(any) error { return errors.New("found") }

func readYAML(path string) (*document, error) {
	text, err := readFile(path, maxDocument)
	if err != nil {
		return nil, &fault.ConfigError{Where: path, Reason: "cannot be read", Err: err}
	}
	return parseYAML(path, text)
}

func parseYAML(path string, text []byte) (*document, error) {
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return nil, &fault.ConfigError{Where: path, Reason: "is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	d := &document{path: path, root: map[string]any{}}
	lines := map[string]int{}
	d.line = func(key []string) int { return lines[dotted(key)] }
	if node.Kind == 0 { // nothing but comments
		return d, nil
	}
	// Decoding first lets the library bound what aliases expand to.
	if err := node.Decode(&d.root); err != nil {
		return nil, &fault.ConfigError{Where: path, Reason: "must be a mapping with text keys: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	d.root = plainTable(d.root)
	if len(node.Content) == 1 {
		yamlLines(node.Content[0], nil, lines)
	}
	return d, nil
}

// yamlLines notes the line of every key. Aliases are not followed.
func yamlLines(node *yaml.Node, at []string, lines map[string]int) {
	if node.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := append(slices.Clone(at), node.Content[i].Value)
		lines[dotted(key)] = node.Content[i].Line
		yamlLines(node.Content[i+1], key, lines)
	}
}

// plainTable gives YAML values the types that TOML values have.
func plainTable(table map[string]any) map[string]any {
	for key, value := range table {
		table[key] = plain(value)
	}
	return table
}

func plain(value any) any {
	switch v := value.(type) {
	case int:
		return int64(v)
	case map[string]any:
		return plainTable(v)
	case map[any]any:
		table := make(map[string]any, len(v))
		for key, value := range v {
			table[fmt.Sprint(key)] = plain(value)
		}
		return table
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return value
}

// fail is an error about a key: its file, line and dotted name.
func (d *document) fail(key []string, format string, args ...any) error {
	where := d.path
	if line := d.line(key); line > 0 {
		where += ":" + strconv.Itoa(line)
	}
	return &fault.ConfigError{Where: where + ": " + dotted(key), Reason: fmt.Sprintf(format, args...)}
}

// only refuses keys of a table that are not among names.
func (d *document) only(table map[string]any, at []string, names ...string) error {
	var problems []error
	for _, name := range sortedKeys(table) {
		if slices.Contains(names, name) {
			continue
		}
		hint := ""
		if meant := suggest(name, names); meant != "" {
			hint = "; did you mean " + dotted(append(slices.Clone(at), meant)) + "?"
		}
		problems = append(problems, d.fail(append(slices.Clone(at), name), "unknown%s", hint))
	}
	return errors.Join(problems...)
}

// table is the table at key, nil where there is none.
func (d *document) table(parent map[string]any, key ...string) (map[string]any, error) {
	value, ok := parent[key[len(key)-1]]
	if !ok || value == nil {
		return nil, nil
	}
	table, ok := value.(map[string]any)
	if !ok {
		return nil, d.fail(key, "must be a table, not %s", kind(value))
	}
	return table, nil
}

// text is the string at key, "" where there is none.
func (d *document) text(parent map[string]any, key ...string) (string, error) {
	value, ok := parent[key[len(key)-1]]
	if !ok || value == nil {
		return "", nil
	}
	text, ok := value.(string)
	if !ok {
		return "", d.fail(key, "must be text, not %s", kind(value))
	}
	return text, nil
}

// scalarText writes a value as the text that a guest, or an environment
// variable, would hold; lists and tables are JSON.
func scalarText(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", errors.New("is not a finite number")
		}
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case []any, []map[string]any, map[string]any:
		if !encodable(v) {
			return "", errors.New("holds a number that is not finite")
		}
		return string(encode(v)), nil
	case fmt.Stringer: // dates and times
		return v.String(), nil
	}
	return "", fmt.Errorf("has a type that is not supported: %s", kind(value))
}

func encodable(value any) bool {
	switch v := value.(type) {
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !encodable(item) })
	case []map[string]any:
		return !slices.ContainsFunc(v, func(item map[string]any) bool { return !encodable(item) })
	case map[string]any:
		for _, item := range v {
			if !encodable(item) {
				return false
			}
		}
	}
	return true
}

func kind(value any) string {
	switch value.(type) {
	case string:
		return "text"
	case bool:
		return "true or false"
	case int64, uint64:
		return "a whole number"
	case float64:
		return "a number with a fraction"
	case []any, []map[string]any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return fmt.Sprintf("%T", value)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func dotted(key []string) string { return strings.Join(key, ".") }
