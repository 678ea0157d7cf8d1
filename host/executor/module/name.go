package module

import (
	"strconv"
	"strings"

	"github.com/conductorquantum/coda/wit"
)

// Spelling is one of the two ways in which the canonical ABI's names are written
// into a core module.
type Spelling uint8

// The spellings.
const (
	Toolchain Spelling = iota // "coda:executor/executor@0.1.0#run", as toolchains emit today
	Standard                  // "cm32p2|coda:executor/executor@0.1|run", of the canonical ABI's text
)

const (
	standardPrefix = "cm32p2|"
	postPrefix     = "cabi_post_"
	postSuffix     = "_post"
	dropPrefix     = "[resource-drop]"
	dropSuffix     = "_drop"
)

// ExportName is how a guest spells the export of a function.
func (s Spelling) ExportName(inter, function string) string {
	if s == Standard {
		return standardPrefix + wit.Package + "/" + inter + "@" + track(wit.Version) + "|" + function
	}
	return wit.Package + "/" + inter + "@" + wit.Version + "#" + function
}

// PostName is how a guest spells the clean-up after a function.
func (s Spelling) PostName(inter, function string) string {
	if s == Standard {
		return s.ExportName(inter, function) + postSuffix
	}
	return postPrefix + s.ExportName(inter, function)
}

// ImportName is how a guest spells the import of a function.
func (s Spelling) ImportName(inter, function string) (module, field string) {
	if inter == WASI {
		return WASI, function
	}
	if s == Standard {
		if resource, ok := strings.CutPrefix(function, dropPrefix); ok {
			function = resource + dropSuffix
		}
		return standardPrefix + wit.Package + "/" + inter + "@" + track(wit.Version), function
	}
	return wit.Package + "/" + inter + "@" + wit.Version, function
}

func (s Spelling) realloc() string    { return [...]string{"cabi_realloc", "cm32p2_realloc"}[s] }
func (s Spelling) memory() string     { return [...]string{"memory", "cm32p2_memory"}[s] }
func (s Spelling) initialize() string { return [...]string{"_initialize", "cm32p2_initialize"}[s] }

// name is the name of an export or import of our package, taken apart.
type name struct {
	spelling Spelling
	inter    string
	version  string // empty where none is given
	function string
	post     bool
}

// parseExport takes an export's name apart; false where it is not of our package.
func parseExport(s string) (name, bool) {
	var n name
	if rest, ok := strings.CutPrefix(s, standardPrefix); ok {
		inter, function, _ := strings.Cut(rest, "|")
		n, ok = parseInterface(inter)
		n.spelling = Standard
		n.function, n.post = strings.CutSuffix(function, postSuffix)
		return n, ok
	}
	rest, post := strings.CutPrefix(s, postPrefix)
	inter, function, _ := strings.Cut(rest, "#")
	n, ok := parseInterface(inter)
	n.function, n.post = function, post
	return n, ok
}

// parseImport takes the two names of an import apart.
func parseImport(module, field string) (name, bool) {
	inter, standard := strings.CutPrefix(module, standardPrefix)
	n, ok := parseInterface(inter)
	n.function = field
	if standard {
		n.spelling = Standard
		if resource, drop := strings.CutSuffix(field, dropSuffix); drop {
			n.function = dropPrefix + resource
		}
	}
	return n, ok
}

// parseInterface takes "coda:executor/config@0.1.0" apart.
func parseInterface(s string) (name, bool) {
	rest, ok := strings.CutPrefix(s, wit.Package+"/")
	if !ok {
		return name{}, false
	}
	inter, version, _ := strings.Cut(rest, "@")
	return name{inter: inter, version: version}, true
}

// track is what a version is compatible with: its first two numbers while the
// first is 0.
func track(version string) string {
	if i := strings.LastIndexByte(version, '.'); strings.Count(version, ".") == 2 {
		return version[:i]
	}
	return version
}

// supported reports whether this host serves a version: "0.1" or any "0.1.z",
// without a pre-release.
func supported(version string) bool {
	if track(version) != track(wit.Version) {
		return false
	}
	if version == track(wit.Version) {
		return true
	}
	_, ok := patch(version)
	return ok
}

// newer reports whether a version that is supported is of a later patch than ours.
func newer(version string) bool {
	theirs, ok := patch(version)
	ours, _ := patch(wit.Version)
	return ok && theirs > ours
}

// patch is the third number of a version.
func patch(version string) (uint64, bool) {
	_, digits, _ := strings.Cut(strings.TrimPrefix(version, track(version)), ".")
	n, err := strconv.ParseUint(digits, 10, 32)
	return n, err == nil
}
