package main

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"

	"github.com/conductorquantum/coda/host"
	"github.com/spf13/cobra"
)

// completeRef completes an executor: the built-in names, .wasm files, and the
// folders on the way to them. A shell that is told to look for files itself would
// leave out the names.
func completeRef(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	var found []string
	for _, name := range host.Builtins() {
		if strings.HasPrefix(name, typed) {
			found = append(found, name+"\tbuilt in")
		}
	}
	directive := cobra.ShellCompDirectiveNoFileComp
	folder, start := filepath.Split(typed)
	entries, _ := os.ReadDir(cmp.Or(folder, ".")) // a folder that cannot be read has nothing to offer
	for _, entry := range entries {
		name := entry.Name()
		switch {
		case !strings.HasPrefix(name, start), start == "" && name[0] == '.':
		case entry.IsDir():
			found = append(found, folder+name+string(filepath.Separator))
			directive |= cobra.ShellCompDirectiveNoSpace
		case filepath.Ext(name) == ".wasm":
			found = append(found, folder+name)
		}
	}
	return found, directive
}

// completeCircuit completes files of IR and of OpenQASM.
func completeCircuit(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"json", "qasm"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeDevice completes device files.
func completeDevice(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"toml", "yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}

// firstArgument completes the first argument and no other.
func firstArgument(with cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return with(cmd, args, typed)
	}
}

// completes sets how a flag's value is completed. A flag that is not there is a
// mistake in this program.
func completes(cmd *cobra.Command, flag string, with cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, with); err != nil {
		panic(err)
	}
}

func (c *cli) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Write the script that completes commands in a shell",
		Long: `Write the script that completes commands in a shell: bash, zsh, fish or
powershell. Bash needs the package bash-completion.`,
		Example: `  source <({{name}} completion bash)                          for this session
  {{name}} completion bash > /etc/bash_completion.d/{{name}}     for every one
  {{name}} completion zsh > "${fpath[1]}/_{{name}}"
  {{name}} completion fish > ~/.config/fish/completions/{{name}}.fish
  {{name}} completion powershell | Out-String | Invoke-Expression`,
		Args:      oneArgument("SHELL"),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(c.stdout, true)
			case "zsh":
				return root.GenZshCompletion(c.stdout)
			case "fish":
				return root.GenFishCompletion(c.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(c.stdout)
			}
			return misused(cmd, "there is no completion for %q, only for %s", args[0], strings.Join(shells, ", "))
		},
	}
}
