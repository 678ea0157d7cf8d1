package host_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The table of the README names every package below this folder, every file of this
// one, and nothing that is not there.
func TestTheTableOfFolders(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "\n| folder | what |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	quoted := regexp.MustCompile("`[^` ]+`")
	var named []string // packages, and patterns of files
	for row := range strings.Lines(table) {
		columns := strings.SplitN(row, "|", 3)
		if len(columns) != 3 {
			t.Fatalf("no row: %q", row)
		}
		folders := quoted.FindAllString(columns[1], -1)
		for i, folder := range folders {
			folders[i] = strings.Trim(folder, "`")
			if info, err := os.Stat(folders[i]); err != nil || !info.IsDir() {
				t.Errorf("the table has a folder %s: %v", folders[i], err)
			}
		}
		named = append(named, folders...)
		for _, word := range quoted.FindAllString(columns[2], -1) {
			word = strings.Trim(word, "`")
			if path.Ext(word) != ".go" {
				for _, folder := range folders {
					named = append(named, path.Join(folder, word))
				}
				continue
			}
			if files, err := filepath.Glob(path.Join(append(folders, word)...)); err != nil || len(files) == 0 {
				t.Errorf("the table has a file %s: %v", word, err)
			}
			if len(folders) == 0 {
				named = append(named, word)
			}
		}
	}
	has := func(what string) bool {
		for _, name := range named {
			if is, err := path.Match(name, what); err == nil && is {
				return true
			}
		}
		return false
	}
	missing := map[string]bool{}
	err = filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		file = filepath.ToSlash(file)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "testdata" || file == "testkit"):
			return fs.SkipDir
		case path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go"):
		case path.Dir(file) == ".":
			missing[file] = !has(file)
		default:
			missing[path.Dir(file)] = !has(path.Dir(file))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(missing) < 40 {
		t.Errorf("only %d files and packages were seen", len(missing))
	}
	for what, is := range missing {
		if is {
			t.Errorf("the table does not have %s", what)
		}
	}
}
