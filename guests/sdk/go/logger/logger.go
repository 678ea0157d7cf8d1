// Package logger lets an executor log with log/slog:
//
//	slog.SetDefault(logger.New())
//
// It is a package of its own because slog adds 500 kB to a module; coda.Log
// writes lines without it.
package logger

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
)

// New returns a logger that writes each record as one line to the node's log:
// the message, then the attributes as key=value. The node adds the time and the
// executor's name, and decides which levels it shows.
func New() *slog.Logger { return slog.New(NewHandler()) }

// Handler is a slog.Handler that feeds the node's log. Make one with NewHandler.
type Handler struct {
	attrs slog.Handler // writes to line what follows the message
	line  *line
}

// line is the one that is being written; handlers made of one another share it.
type line struct {
	sync.Mutex
	bytes.Buffer
}

// NewHandler returns a handler for slog.New.
func NewHandler() *Handler {
	l := new(line)
	return &Handler{line: l, attrs: slog.NewTextHandler(l, nil)}
}

// prefix is what the text handler writes before the attributes of a record
// without a time and a message.
const prefix = `level=INFO msg=""`

// Enabled is true for every level.
func (h *Handler) Enabled(context.Context, slog.Level) bool { return true }

// Handle writes a record.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	h.line.Lock()
	defer h.line.Unlock()
	h.line.Reset()
	bare := slog.NewRecord(time.Time{}, slog.LevelInfo, "", 0)
	r.Attrs(func(a slog.Attr) bool {
		bare.AddAttrs(a)
		return true
	})
	if err := h.attrs.Handle(ctx, bare); err != nil {
		return err
	}
	attrs := strings.TrimPrefix(strings.TrimSuffix(h.line.String(), "\n"), prefix)
	coda.Log(level(r.Level), r.Message+attrs)
	return nil
}

// WithAttrs returns a handler whose records have these attributes too.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{attrs: h.attrs.WithAttrs(attrs), line: h.line}
}

// WithGroup returns a handler whose later attributes stand in a group.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{attrs: h.attrs.WithGroup(name), line: h.line}
}

func level(l slog.Level) coda.Level {
	switch {
	case l < slog.LevelInfo:
		return coda.LevelDebug
	case l < slog.LevelWarn:
		return coda.LevelInfo
	case l < slog.LevelError:
		return coda.LevelWarn
	default:
		return coda.LevelError
	}
}
