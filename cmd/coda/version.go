package main

import (
	"cmp"
	"encoding/json"
	"runtime"
	"runtime/debug"

	"github.com/conductorquantum/coda/wit"
	"github.com/spf13/cobra"
)

// version is set by a release's build: -ldflags "-X main.version=v1.2.3".
var version string

// versions is what this program is made of.
type versions struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the source, where the build knew
	Modified bool   `json:"modified,omitempty"` // the source was not as committed
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Engine   string `json:"wazero"`
	Contract string `json:"contract"` // with executors
}

const engineModule = "github.com/tetratelabs/wazero"

func readVersions() versions {
	v := versions{
		Version:  version,
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Engine:   "unknown",
		Contract: wit.Package + "@" + wit.Version,
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Version = cmp.Or(v.Version, info.Main.Version)
		for _, dep := range info.Deps {
			if dep.Path == engineModule {
				v.Engine = dep.Version
			}
		}
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Revision = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	v.Version = cmp.Or(v.Version, "(devel)")
	return v
}

func (c *cli) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version [flags]",
		Short: "Show the version of this program and of what it is made of",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			return c.showVersion(asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func (c *cli) showVersion(asJSON bool) error {
	v := readVersions()
	if asJSON {
		return c.printJSON(v)
	}
	c.stdout.printf("%s %s\n", c.name, v.Version)
	if v.Revision != "" {
		c.stdout.printf("  revision  %s%s\n", v.Revision, map[bool]string{true: ", modified"}[v.Modified])
	}
	c.stdout.printf("  go        %s %s\n  wazero    %s\n  contract  %s\n", v.Go, v.Platform, v.Engine, v.Contract)
	return nil
}

// printJSON writes a value on a line of its own.
func (c *cli) printJSON(v any) error {
	encoder := json.NewEncoder(c.stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
