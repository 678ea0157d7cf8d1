package guests

import (
	"bytes"
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// The files of a new executor's project, the same ones that are built and tested
// here.
//
//go:embed new/both/* new/go/* new/c/*
var project embed.FS

//go:embed sdk/c/coda.h sdk/c/coda.c sdk/c/coda_io.c
var sdkC embed.FS

// The languages of projects.
const (
	Go = "go"
	C  = "c"
)

// GoVersion is the version of the language that the SDK is written in; a test holds
// it to go.mod.
const GoVersion = "1.26.0"

// starter is the name in the files, which a project's own takes the place of.
const starter = "starter"

// File is a file of a project.
type File struct {
	Name string
	Data []byte
}

// Project returns the files of a new executor of that name, in order, without the
// go.mod of one in Go.
func Project(language, name string) []File {
	files := read(project, "new/both")
	files = append(files, read(project, path.Join("new", language))...)
	title := strings.ToUpper(name[:1]) + name[1:]
	for i := range files {
		if files[i].Name == "gitignore" { // as itself it would rule here
			files[i].Name = ".gitignore"
		}
		files[i].Data = bytes.ReplaceAll(files[i].Data, []byte(starter), []byte(name))
		files[i].Data = bytes.ReplaceAll(files[i].Data, []byte("Starter"), []byte(title))
	}
	if language == C {
		files = append(files, read(sdkC, "sdk/c")...)
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files
}

func read(from fs.ReadDirFS, folder string) []File {
	entries, err := from.ReadDir(folder)
	if err != nil {
		panic(err) // the files are part of the program
	}
	var files []File
	for _, entry := range entries {
		data, err := fs.ReadFile(from, path.Join(folder, entry.Name()))
		if err != nil {
			panic(err)
		}
		files = append(files, File{entry.Name(), data})
	}
	return files
}
