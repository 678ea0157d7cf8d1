package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/conductorquantum/coda/guests"
	"github.com/spf13/cobra"
)

// ownModule is what this program is part of and what a project in Go requires.
const ownModule = "github.com/conductorquantum/coda"

func (c *cli) newCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "new COMMAND",
		Short:   "Start a project of one's own",
		GroupID: forAuthors,
		Args:    cobra.ArbitraryArgs,
		RunE:    c.noCommand,

		DisableFlagsInUseLine: true,
	}
	cmd.AddGroup(&cobra.Group{ID: ofNew, Title: "Commands:"})
	cmd.AddCommand(c.newExecutorCommand())
	return cmd
}

func (c *cli) newExecutorCommand() *cobra.Command {
	language := choice{of: []string{guests.Go, guests.C}, word: "LANGUAGE"}
	name := text{word: "NAME"}
	sdk := text{word: "FOLDER"}
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "executor --lang LANGUAGE [flags] DIR",
		Short:   "Write an executor that builds, to start from",
		GroupID: ofNew,
		Long: `Write an executor that builds, to start from: a simulator of a few qubits with its
tests, a device file, a circuit to try, and a README with the commands. DIR is made, or
is empty.

A project in Go requires the release of this program; a program that is no release
needs --sdk, a clone of its source. A project in C brings the SDK along.`,
		Example: `  {{name}} new executor --lang go backend
  {{name}} new executor --lang c --name fluxonium-7 lab/backend`,
		Args: oneArgument("DIR"),
		ValidArgsFunction: firstArgument(func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			p := &newProject{Dir: args[0], Language: language.value, Name: name.value, sdk: sdk.value, version: readVersions().Version}
			if p.Language == "" {
				return misused(cmd, "--lang is required: %s or %s", guests.Go, guests.C)
			}
			if err := p.check(); err != nil {
				return misused(cmd, "%v", err)
			}
			if err := p.write(); err != nil {
				return err
			}
			return c.showProject(p, asJSON)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&language, "lang", "go or c")
	flags.Var(&name, "name", "what the executor is called (default the folder's name)")
	flags.Var(&sdk, "sdk", "go: build against this clone of coda, not against a release")
	flags.BoolVar(&asJSON, "json", false, "as JSON")
	completes(cmd, "lang", language.complete)
	completes(cmd, "name", cobra.NoFileCompletions)
	completes(cmd, "sdk", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	})
	return cmd
}

// newProject is a project that is to be written.
type newProject struct {
	Dir      string   `json:"dir"`
	Language string   `json:"language"`
	Name     string   `json:"name"`
	Files    []string `json:"files"`
	Next     []string `json:"next"` // commands, in DIR

	sdk     string // a clone, or empty
	version string // of this program
}

var (
	projectName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	release     = regexp.MustCompile(`^v\d+\.\d+\.\d+(-(alpha|beta|rc)\.?\d+)?$`)
)

// check finds what is wrong with the command line, before anything is written.
func (p *newProject) check() error {
	if p.Name == "" {
		dir, err := filepath.Abs(p.Dir)
		if err != nil {
			return err
		}
		p.Name = filepath.Base(dir)
	}
	if !projectName.MatchString(p.Name) {
		return fmt.Errorf("the name %q has to start with a small letter and hold up to 63 small letters, digits, - and _: choose one with --name", p.Name)
	}
	switch {
	case p.Language != guests.Go && p.sdk != "":
		return fmt.Errorf("--sdk is for %s: a project in %s brings the SDK along", guests.Go, p.Language)
	case p.Language == guests.Go && p.sdk == "" && !release.MatchString(p.version):
		return fmt.Errorf("this program is %s, no release that a project could require: name a clone of its source with --sdk", p.version)
	case p.sdk != "":
		dir, err := filepath.Abs(p.sdk)
		if err != nil {
			return err
		}
		p.sdk = dir
		if mod, err := os.ReadFile(filepath.Join(dir, "go.mod")); err != nil || !strings.HasPrefix(string(mod), "module "+ownModule+"\n") {
			return fmt.Errorf("--sdk %s is no clone of coda: its go.mod is not that of %s", p.sdk, ownModule)
		}
	}
	return nil
}

// write makes the folder and its files. One that holds anything is left alone.
func (p *newProject) write() error {
	if entries, err := os.ReadDir(p.Dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: it has %s; name a new folder", p.Dir, entries[0].Name())
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(p.Dir, 0o777); err != nil {
		return err
	}
	files := guests.Project(p.Language, p.Name)
	p.Next = []string{"make"}
	if p.Language == guests.Go {
		files = append(files, guests.File{Name: "go.mod", Data: []byte(p.goMod())})
		p.Next = []string{"GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o backend.wasm ."}
		if p.sdk == "" {
			p.Next = append([]string{"go mod tidy"}, p.Next...)
		}
	}
	p.Next = append(p.Next, "coda inspect backend.wasm", "coda test --device device.toml --physics exact backend.wasm", "coda run --device device.toml circuit.json")
	for _, file := range files {
		if err := os.WriteFile(filepath.Join(p.Dir, file.Name), file.Data, 0o666); err != nil {
			return err
		}
		p.Files = append(p.Files, file.Name)
	}
	return nil
}

func (p *newProject) goMod() string {
	version, replace := p.version, ""
	if p.sdk != "" {
		version, replace = "v0.0.0", fmt.Sprintf("\nreplace %s => %s\n", ownModule, modPath(p.sdk))
	}
	return fmt.Sprintf("module example.com/%s\n\ngo %s\n\nrequire %s %s\n%s", p.Name, guests.GoVersion, ownModule, version, replace)
}

// modPath is a path as go.mod spells it, which quotes what is no plain word.
func modPath(path string) string {
	if strings.ContainsAny(path, " \"'`()[]{},\\") {
		return fmt.Sprintf("%q", path)
	}
	return path
}

func (c *cli) showProject(p *newProject, asJSON bool) error {
	if asJSON {
		return c.printJSON(p)
	}
	c.stdout.printf("%s: an executor in %s, %s\n\nNext:\n  cd %s\n", p.Dir, map[string]string{guests.Go: "Go", guests.C: "C"}[p.Language],
		strings.Join(p.Files, ", "), quoted(p.Dir))
	for _, command := range p.Next {
		c.stdout.printf("  %s\n", command)
	}
	return c.stdout.failure()
}

// quoted is a word as a shell takes it.
func quoted(word string) string {
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./_-") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
