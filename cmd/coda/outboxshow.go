package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/control"
	"github.com/spf13/cobra"
)

func (c *cli) outboxShowCommand() *cobra.Command {
	p := newPlace()
	var asJSON, bodyOnly bool
	cmd := &cobra.Command{
		Use:     "show [flags] JOB",
		Short:   "Show an outcome that nobody has taken yet, and its body",
		GroupID: ofOutbox,
		Long: `Show what is known of an outcome that nobody has taken yet, and the exact body that is
posted. On a terminal what is not to be seen in it is spelt out; a file or a pipe gets
it as it is.

The status is 0, and 1 if there is no such outcome.`,
		Example: `  {{name}} outbox show JOB
  {{name}} outbox show --body JOB > body.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if asJSON && bodyOnly {
				return misused(cmd, "give either --json or --body")
			}
			return oneArgument("JOB")(cmd, args)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withOutbox(cmd.Context(), &p, func(ctx context.Context, box *host.Outbox) error {
				return c.outboxShow(ctx, box, args[0], asJSON, bodyOnly)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	cmd.Flags().BoolVar(&bodyOnly, "body", false, "the body alone")
	p.register(cmd)
	return cmd
}

func (c *cli) outboxShow(ctx context.Context, box *host.Outbox, jobID string, asJSON, bodyOnly bool) error {
	e, err := box.Find(ctx, jobID)
	if err != nil {
		return err
	}
	body, err := box.Body(ctx, jobID)
	if err != nil {
		return err
	}
	if asJSON {
		return c.printJSON(describeOutcome(&e, body))
	}
	shown := string(body)
	if c.stdout.terminal {
		shown = printable(shown)
	}
	if c.stdout.terminal || !bodyOnly {
		shown += "\n"
	}
	if !bodyOnly {
		c.showEntry(&e)
	}
	c.stdout.printf("%s", shown)
	return nil
}

// shownOutcome is an entry with its body, for programs.
type shownOutcome struct {
	control.Entry
	Body  *string `json:"body,omitempty"`
	Bytes []byte  `json:"body_base64,omitempty"` // of one that is no UTF-8, which JSON cannot hold
}

func describeOutcome(e *control.Entry, body []byte) shownOutcome {
	if !utf8.Valid(body) {
		return shownOutcome{Entry: *e, Bytes: body}
	}
	return shownOutcome{Entry: *e, Body: new(string(body))}
}

// originName is what the sheet calls a part of the provenance.
func originName(key string) string {
	switch key {
	case "sha256":
		return "exec sha256"
	case "started_at", "ended_at":
		return strings.TrimSuffix(key, "_at")
	default:
		return key
	}
}

func (c *cli) showEntry(e *control.Entry) {
	s := &sheet{width: c.stdout.width}
	when := func(t time.Time) string { return t.Local().Format(time.DateTime) }
	fmt.Fprintf(&s.b, "%s\n", c.stdout.paint(bold, printable(e.JobID)))
	s.line("kind", "%s", e.Kind)
	if e.Failure != "" {
		s.line("failure", "%s", e.Failure)
	}
	switch {
	case e.ParkedAt != nil:
		s.line("state", "%s since %s", e.State, when(*e.ParkedAt))
	case e.Due != nil:
		s.line("state", "%s, sent next %s (%s)", e.State, dueIn(*e.Due), when(*e.Due))
	}
	s.line("tries", "%d, of which %d were refused", e.Tries, e.Rejections)
	if e.LastError != "" {
		s.line("last error", "%s", e.LastError)
	}
	s.line("decided", "%s, after %s begun here", when(e.Decided), plural(e.Executions, "execution"))
	if e.Published == nil {
		s.line("published", "no: only this node knows it")
	} else {
		s.line("published", "%s", when(*e.Published))
	}
	s.line("to", "%s", e.URL)
	s.line("webhook id", "%s", e.WebhookID)
	s.line("message", "%s", e.MessageID)
	for _, key := range slices.Sorted(maps.Keys(e.Provenance)) {
		s.line(originName(key), "%s", e.Provenance[key])
	}
	s.line("body sha256", "%s", e.SHA256)
	s.line("body", "%d bytes:", e.Size)
	c.stdout.printf("%s", s.b.String())
}
