package host

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/fault"
)

// DevConfig says what Dev runs.
type DevConfig struct {
	Executor string // a built-in's name or a path; "": the device file's
	Device   config.Device
	RedisURL string // "": a Redis inside this process
	Cloud    string // host and port of the cloud; port 0: any that is free
	Node     string // of the node's probes
	Version  string // as Config.Version
	Log      *slog.Logger

	Ready func(DevAddress) // called once, when the node takes jobs
	Kill  <-chan struct{}  // as Config.Kill
}

// DevAddress is where the parts of Dev can be reached.
type DevAddress struct {
	Address
	Cloud string // base URL
	Redis string // URL with its password
}

// Dev runs a cloud in a box and a node of it, provisioned with a one-time token
// like any other, until ctx ends. What they keep is gone afterwards.
func Dev(ctx context.Context, cfg DevConfig) error {
	host, port, err := splitAddress(cfg.Node)
	if err != nil {
		return err
	}
	state, err := os.MkdirTemp("", "coda-dev-")
	if err != nil {
		return &fault.NodeError{Op: "dev", Reason: "no temporary directory can be made", Err: err}
	}
	defer os.RemoveAll(state)

	cloud, err := devcloud.New(devcloud.Config{RedisURL: cfg.RedisURL, Log: cfg.Log})
	if err != nil {
		return err
	}
	defer cloud.Close()
	url, err := cloud.Start(cfg.Cloud)
	if err != nil {
		return err
	}

	s := config.Defaults()
	s.WebappURL, s.NodeToken = url, config.Secret(cloud.Token())
	s.StateDir, s.Host, s.Port = state, host, port
	s.Executor = cfg.Executor
	s.VPN.Required = false
	return Run(ctx, Config{
		Settings: s, Device: cfg.Device, Version: cfg.Version, Log: cfg.Log, Kill: cfg.Kill,
		Ready: func(a Address) {
			if cfg.Ready != nil {
				cfg.Ready(DevAddress{Address: a, Cloud: url, Redis: cloud.RedisURL()})
			}
		},
	})
}

func splitAddress(address string) (string, int, error) {
	host, text, err := net.SplitHostPort(address)
	if err == nil {
		var port int
		if port, err = strconv.Atoi(text); err == nil {
			return host, port, nil
		}
	}
	return "", 0, &fault.ConfigError{Where: address, Reason: "is no address: write host:port", Err: err}
}
