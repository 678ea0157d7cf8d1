package executor

import "context"

// OpenUncaged is Open with children that are not confined, to compare with.
func OpenUncaged(ctx context.Context, cfg Config) (*Executor, error) { return open(ctx, cfg, uncaged) }

// OpenWith is Open with children that this subcommand starts.
func OpenWith(ctx context.Context, subcommand string, cfg Config) (*Executor, error) {
	return open(ctx, cfg, subcommand)
}
