package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/daemon"
	"github.com/spf13/cobra"
)

// nodeStatus is what can be said of a node without asking the cloud.
type nodeStatus struct {
	Daemon       string          `json:"daemon"` // running, stopping or stopped
	Foreground   bool            `json:"foreground"`
	PID          *int            `json:"pid"`
	Doubt        string          `json:"doubt,omitempty"` // why the PID is not known
	Since        *time.Time      `json:"since"`
	Version      string          `json:"version,omitempty"`
	Endpoint     string          `json:"endpoint,omitempty"`
	Ready        *host.Readiness `json:"ready"`
	ReadyError   string          `json:"ready_error,omitempty"`
	StateDir     string          `json:"state_dir"`
	LogFile      string          `json:"log_file"`
	LogExists    bool            `json:"log_exists"`
	Executor     string          `json:"executor"`
	VPNInterface *string         `json:"vpn_iface"` // the tunnel's, of the node that runs, or that one would take
}

func (c *cli) statusCommand() *cobra.Command {
	p := newPlace()
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "status [flags]",
		Short:   "Show whether a node runs on this machine, and how it is",
		GroupID: forOperators,
		Long: `Show whether a node runs on the state directory, in the background or in the
foreground, and what it says of itself.

The status is 0 if one runs and 1 if none does.`,
		Example: `  {{name}} status
  {{name}} status --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.settings()
			if err != nil {
				return err
			}
			return c.status(cmd.Context(), s, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	p.register(cmd)
	return cmd
}

func (c *cli) status(ctx context.Context, s config.Settings, asJSON bool) error {
	found, err := daemon.Look(s.StateDir)
	if err != nil {
		return err
	}
	n := describeNode(ctx, s, &found)
	if asJSON {
		err = c.printJSON(n)
	} else {
		c.stdout.banner("STATUS", n.rows())
	}
	if err == nil && !found.Running {
		err = errReported
	}
	return err
}

func describeNode(ctx context.Context, s config.Settings, found *daemon.Status) *nodeStatus {
	n := &nodeStatus{
		Daemon: "stopped", StateDir: s.StateDir, Endpoint: found.Address, Version: found.Version, Doubt: found.Doubt,
		LogFile: cmp.Or(found.LogPath, daemon.DefaultLog(s.StateDir)),
	}
	_, err := os.Stat(n.LogFile)
	n.LogExists = err == nil
	if !found.Running {
		n.Executor = wouldRun(s)
		if name := host.ForeignTunnel(s); name != "" {
			n.VPNInterface = &name
		}
		return n
	}
	n.Daemon = "running"
	if found.Stopping {
		n.Daemon = "stopping"
	}
	n.Foreground = found.LogPath == ""
	if found.PID != 0 {
		n.PID = &found.PID
	}
	if !found.Since.IsZero() {
		n.Since = &found.Since
	}
	if found.Address == "" {
		n.ReadyError = "it does not serve yet"
		return n
	}
	ready, err := host.AskReady(ctx, found.Address)
	if err != nil {
		n.ReadyError = err.Error()
		return n
	}
	n.Ready, n.Executor = &ready, ready.Executor
	if ready.VPN != nil && ready.VPN.Interface != "" {
		n.VPNInterface = &ready.VPN.Interface
	}
	return n
}

// wouldRun names the executor that a node would take.
func wouldRun(s config.Settings) string {
	var device config.Device
	if s.DeviceConfig != "" {
		var err error
		if device, err = config.LoadDevice(s.DeviceConfig); err != nil {
			return ""
		}
	}
	choice, err := host.Choose(s, device)
	if err != nil {
		return ""
	}
	return choice.Name
}

func (n *nodeStatus) rows() [][2]string {
	yes := map[bool]string{true: "yes", false: "no"}
	rows := [][2]string{{"DAEMON", n.Daemon}}
	if n.Foreground {
		rows[0][1] += ", in the foreground"
	}
	pid := "-"
	switch {
	case n.PID != nil:
		pid = strconv.Itoa(*n.PID)
	case n.Doubt != "":
		pid = "unknown: " + n.Doubt
	}
	rows = append(rows, [2]string{"PID", pid})
	if n.Since != nil {
		rows = append(rows, [2]string{"SINCE", n.Since.Local().Format(time.DateTime)})
	}
	if n.Endpoint != "" {
		rows = append(rows, [2]string{"ENDPOINT", n.Endpoint})
	}
	switch r := n.Ready; {
	case r != nil:
		ready := yes[r.Ready]
		if r.Reason != "" {
			ready += ": " + r.Reason
		}
		job := "-"
		if r.CurrentJob != nil {
			job = *r.CurrentJob
		}
		rows = append(rows, [2]string{"READY", ready}, [2]string{"REDIS", map[bool]string{true: "healthy", false: "not healthy"}[r.RedisHealthy]},
			[2]string{"VPN STATE", r.VPNState}, [2]string{"CURRENT JOB", job})
		if r.Warning != "" {
			rows = append(rows, [2]string{"WARNING", r.Warning})
		}
		if r.Device != nil {
			rows = append(rows, [2]string{"HARDWARE", describeHardware(r.Device)})
		}
		if len(r.Endpoints) > 0 {
			rows = append(rows, [2]string{"ENDPOINTS", describeEndpoints(r.Endpoints)})
		}
		if r.Outbox != nil {
			rows = append(rows, [2]string{"OUTBOX", describeOutbox(r.Outbox)})
		}
	case n.ReadyError != "":
		rows = append(rows, [2]string{"READY", "unknown: " + n.ReadyError})
	}
	iface := "not detected"
	if n.VPNInterface != nil {
		iface = *n.VPNInterface
	}
	rows = append(rows,
		[2]string{"STATE DIR", n.StateDir},
		[2]string{"LOG FILE", n.LogFile},
		[2]string{"LOG EXISTS", yes[n.LogExists]},
		[2]string{"EXECUTOR", cmp.Or(n.Executor, "unknown")},
		[2]string{"VPN IFACE", iface},
	)
	if n.Ready != nil && n.Ready.VPN != nil {
		rows = append(rows, tunnelRows(n.Ready.VPN)...)
	}
	return rows
}

// describeHardware is what a node says of hardware that can be brought to rest.
func describeHardware(d *host.HardwareState) string {
	if d.Safe {
		return "safe"
	}
	text := "may not be at rest"
	if d.Since != nil {
		text += " since " + d.Since.Local().Format(time.DateTime)
	}
	return text + ": " + d.Reason
}

// describeEndpoints is what became of the grants, in one line.
func describeEndpoints(all []host.EndpointState) string {
	texts := make([]string, len(all))
	for i, e := range all {
		texts[i] = e.Name + " " + plural(int(e.Calls), "call")
		if e.Errors > 0 {
			texts[i] += " (" + strconv.FormatUint(e.Errors, 10) + " failed)"
		}
	}
	return strings.Join(texts, ", ")
}

// describeOutbox is what a node says of outcomes that nobody has taken yet.
func describeOutbox(o *host.Undelivered) string {
	if o.Waiting+o.Parked == 0 {
		return "empty"
	}
	text := fmt.Sprintf("%d waiting, %d parked, %s", o.Waiting, o.Parked, binary(int(o.Bytes)))
	if o.Oldest != nil {
		text += ", the oldest for " + age(*o.Oldest)
	}
	return text
}

// tunnelRows are what a node says of the tunnel that it needs.
func tunnelRows(v *host.Tunnel) [][2]string {
	var rows [][2]string
	row := func(label, value string) {
		if value != "" {
			rows = append(rows, [2]string{label, value})
		}
	}
	row("VPN ADDRESS", strings.Join(v.Addresses, ", "))
	row("VPN SERVER", v.Server)
	since := "-"
	if v.Since != nil {
		since = v.Since.Local().Format(time.DateTime)
	}
	row("VPN SINCE", since)
	if v.Managed {
		row("VPN RESTARTS", strconv.Itoa(v.Restarts))
	} else {
		row("VPN MADE BY", "somebody else (CODA_NODE_AUTO_VPN=false)")
	}
	lastError := v.LastError
	if lastError != "" && v.LastAt != nil {
		lastError += ", at " + v.LastAt.Local().Format(time.DateTime)
	}
	row("VPN ERROR", lastError)
	return rows
}
