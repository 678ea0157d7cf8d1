//go:build uncaged

package guest

// Uncaged is the subcommand under which a test's binary calls MainUncaged.
const Uncaged = "__uncaged"

// MainUncaged is Main without the cage, to compare the two. Only what is built
// with the tag uncaged has it: executor's tests, to measure what the cage costs.
func MainUncaged() int { return main(nil) }
