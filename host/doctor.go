package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/daemon"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/identity"
)

// Level says how much a finding matters.
type Level uint8

// The levels. With a Problem a node does not start or does not do its work.
const (
	OK Level = iota
	Warning
	Problem
)

var levels = [...]string{"ok", "warning", "problem"}

func (l Level) String() string { return levels[min(int(l), len(levels)-1)] }

// MarshalText writes the level's name.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Finding is one thing that Doctor looked at. It shows no secret.
type Finding struct {
	Check string `json:"check"` // what was looked at: "settings", "redis"
	Level Level  `json:"level"`
	What  string `json:"what"`
	Do    string `json:"do,omitempty"` // what to do about it
}

// DoctorConfig says what Doctor looks at.
type DoctorConfig struct {
	Environ []string // as os.Environ gives it
	Version string   // as Config.Version
	Temp    string   // where an older node kept its state; default the temporary directory
}

// Report is what Doctor found.
type Report struct {
	Settings config.Settings // as much as could be read
	Findings []Finding
}

// Count is how many findings have the level.
func (r *Report) Count(level Level) int {
	n := 0
	for _, f := range r.Findings {
		if f.Level == level {
			n++
		}
	}
	return n
}

// Doctor looks at all that a node needs, without one, and changes nothing: it
// redeems no token, writes no state and claims no job. What cannot be looked at
// is a finding too. Each exchange over the network ends after 5 s, and checks run
// side by side.
func Doctor(ctx context.Context, cfg DoctorConfig) Report {
	if cfg.Temp == "" {
		cfg.Temp = os.TempDir()
	}
	d := &doctor{temp: cfg.Temp, agent: UserAgent(cfg.Version)}
	findings := d.load(cfg.Environ)
	d.node, d.nodeErr = look(d.s.StateDir)
	d.ready = sync.OnceValues(func() (Readiness, error) { return AskReady(ctx, d.node.Address) })

	checks := []func(context.Context) []Finding{
		d.state, d.older, d.running, d.outbox, d.cloud, d.redis, d.executor, d.tunnel, d.sandbox,
	}
	results := make([][]Finding, len(checks))
	var all sync.WaitGroup
	for i, check := range checks {
		all.Go(func() { results[i] = check(ctx) })
	}
	all.Wait()
	for _, found := range results {
		findings = append(findings, found...)
	}
	hide := newScrubber(d.s)
	for i := range findings {
		findings[i].What, findings[i].Do = hide.Replace(findings[i].What), hide.Replace(findings[i].Do)
	}
	return Report{Settings: d.s, Findings: findings}
}

// doctor is what the checks share. None of them changes it.
type doctor struct {
	s         config.Settings
	device    config.Device
	deviceErr error
	temp      string
	agent     string
	node      daemon.Status
	nodeErr   error
	ready     func() (Readiness, error) // asks the node that runs, once
}

func look(stateDir string) (daemon.Status, error) {
	if stateDir == "" {
		return daemon.Status{}, nil
	}
	return daemon.Look(stateDir)
}

// load reads the settings and the device file.
func (d *doctor) load(environ []string) []Finding {
	var err error
	d.s, err = config.Load(environ, identity.Held)
	found := problems("settings", err)
	if err == nil && d.s.JWTPrivateKey != "" && d.s.NodeToken == "" {
		_, err = identity.ParseKey(d.s.JWTPrivateKey)
		if err != nil {
			found = append(found, Finding{Check: "settings", Level: Problem, What: err.Error(),
				Do: "restore the key, or connect with a new token"})
		}
	}
	if err == nil {
		how := "complete, for a reconnect"
		if d.s.NodeToken != "" {
			how = "complete, for a first log-on with the one-time token"
		}
		found = append(found, Finding{Check: "settings", What: how})
	}
	for _, warning := range d.s.Warnings {
		found = append(found, Finding{Check: "settings", Level: Warning, What: warning})
	}
	d.device = config.Device{Concurrency: 1}
	if d.s.DeviceConfig == "" {
		return append(found, Finding{Check: "device", What: "there is no device file, so the usual limits hold",
			Do: "write site/device.toml if the executor needs settings or more time or memory"})
	}
	device, err := config.LoadDevice(d.s.DeviceConfig)
	if err != nil {
		d.deviceErr = err
		return append(found, problems("device", err)...)
	}
	d.device = device
	return append(found, Finding{Check: "device", What: d.s.DeviceConfig})
}

// problems makes a finding of each error in err, which errors.Join may have made.
func problems(check string, err error) []Finding {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var found []Finding
		for _, err := range joined.Unwrap() {
			found = append(found, problems(check, err)...)
		}
		return found
	}
	do := ""
	if wrong, ok := errors.AsType[*fault.ConfigError](err); ok {
		switch do = "correct " + wrong.Where; wrong.Where {
		case "CODA_JWT_PRIVATE_KEY", "CODA_JWT_KEY_ID", "CODA_QPU_ID":
			do = "connect once with a token, which brings it"
		}
	}
	return []Finding{{Check: check, Level: Problem, What: err.Error(), Do: do}}
}

// NoStateDir says why it is not known where the state is, as where StateDir is empty.
const NoStateDir = "the settings, which say where the state is, cannot be read"

// notLookedAt is about what a log-on left, where nobody can say whether there was one.
func (d *doctor) notLookedAt(check string) Finding {
	return finding(check, Warning, "mend the settings first", "not looked at: %s", NoStateDir)
}

func finding(check string, level Level, do, format string, args ...any) Finding {
	return Finding{Check: check, Level: level, What: fmt.Sprintf(format, args...), Do: do}
}
