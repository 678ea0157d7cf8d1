//go:build !race

package executor_test

// raced reports whether the race detector is on: its runtime reserves address
// space on a scale that no limit of ours is made for.
const raced = false
