package logger_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/codatest"
	"github.com/conductorquantum/coda/guests/sdk/go/logger"
)

func TestLines(t *testing.T) {
	node := codatest.Start(t, nil)
	log := logger.New()
	log.Info("ready")
	log.Debug("armed", "channel", 3, "label", "two words")
	log.With("board", 7).WithGroup("awg").Warn("slow", "ms", 12.5, "err", errors.New("busy"))
	log.Error("level", "level", "mine", "msg", "", "time", "noon")
	log.Log(context.Background(), slog.LevelError+4, "worst")
	log.Log(context.Background(), slog.LevelDebug-4, "least")

	want := []codatest.Line{
		{Level: coda.LevelInfo, Message: "ready"},
		{Level: coda.LevelDebug, Message: `armed channel=3 label="two words"`},
		{Level: coda.LevelWarn, Message: "slow board=7 awg.ms=12.5 awg.err=busy"},
		{Level: coda.LevelError, Message: `level level=mine msg="" time=noon`},
		{Level: coda.LevelError, Message: "worst"},
		{Level: coda.LevelDebug, Message: "least"},
	}
	if got := node.Log(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
