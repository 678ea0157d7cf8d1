package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/instrument/fake"
	"github.com/spf13/cobra"
)

// instruments are the kinds of instrument that can be served.
var instruments = []struct{ name, about string }{
	{"scpi", "a quantum controller that speaks SCPI over TCP"},
	{"registers", "an FPGA's sequencer, memory-mapped"},
	{"xmlrpc", "a QubiC board's server, XML-RPC over HTTP"},
	{"echo", "sends back what it gets"},
}

type instrumentFlags struct {
	listen   text
	qubits   number
	seed     number
	shotTime timeFlag
	faults   faultsFlag
	json     bool
	verbose  bool
}

func (c *cli) instrumentCommand() *cobra.Command {
	f := instrumentFlags{
		listen:   text{word: "WHERE"},
		qubits:   number{value: 5, least: 1, most: fake.MaxQubits, set: true},
		seed:     number{most: math.MaxUint64},
		shotTime: timeFlag{value: 20 * time.Microsecond},
	}
	var kinds strings.Builder
	for _, i := range instruments {
		fmt.Fprintf(&kinds, "  %-10s %s\n", i.name, i.about)
	}
	cmd := &cobra.Command{
		Use:     "instrument [flags] KIND",
		Short:   "Serve an instrument that is not there, for executors that drive one",
		GroupID: forAuthors,
		Long: `Serve an instrument that is not there, for executors that drive one. It runs what
it is told on a small simulator, until Ctrl-C. What its endpoint is in a device
file goes to standard output. KIND is one of

` + kinds.String() + `
host/instrument/fake/README.md describes their protocols.

A fault is KIND[=TIME][:REQUEST][@WHEN]. The kinds are delay=TIME, drop (half of
an answer, then the connection closes), half (half of an answer, then nothing
more), garbage and silent. With REQUEST it hits only requests that begin so; WHEN
is the Nth of them (N), a range (N-M, N-, -M) or a share (P%), or else all.`,
		Example: `  {{name}} instrument scpi >> device.toml
  {{name}} instrument scpi --listen 127.0.0.1:5025 --fault 'half:FETC?@1' -v
  {{name}} instrument registers --listen /dev/shm/fpga --fault delay=2s@3-
  {{name}} instrument xmlrpc --qubits 3 --seed 1 --fault drop@5%`,
		Args: oneArgument("KIND"),
		ValidArgsFunction: firstArgument(func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, i := range instruments {
				names = append(names, i.name+"\t"+i.about)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(args[0]); err != nil {
				return misused(cmd, "%v", err)
			}
			return c.instrument(cmd.Context(), args[0], &f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&f.listen, "listen", "host:port, unix:PATH, or the file of registers (default a free one)")
	flags.Var(&f.qubits, "qubits", "how many it has")
	flags.Var(&f.seed, "seed", "of what it measures; the same one measures the same (default any)")
	flags.Var(&f.shotTime, "shot-time", "how long a shot takes")
	flags.Var(&f.faults, "fault", "what goes wrong; may be given more than once")
	flags.BoolVar(&f.json, "json", false, "one line of JSON in place of the lines of a device file")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show each request")
	for _, flag := range []string{"qubits", "seed", "shot-time"} {
		completes(cmd, flag, cobra.NoFileCompletions)
	}
	completes(cmd, "fault", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var kinds []string
		for _, kind := range fake.Kinds {
			if kind == fake.Delay {
				kind += "="
			}
			kinds = append(kinds, string(kind))
		}
		return kinds, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
	return cmd
}

// check refuses a kind that is not there, and a place that is none for it.
func (f *instrumentFlags) check(kind string) error {
	var names []string
	for _, i := range instruments {
		names = append(names, i.name)
	}
	path, socket := strings.CutPrefix(f.listen.value, "unix:")
	switch {
	case !slices.Contains(names, kind):
		return fmt.Errorf("there is no instrument %q, only %s", kind, strings.Join(names, ", "))
	case f.listen.value == "", kind == "registers" && !socket:
		return nil
	case kind == "registers":
		return errors.New("--listen: registers are a file, not a socket")
	case socket && kind == "xmlrpc":
		return errors.New("--listen: xmlrpc is served over TCP: want host:port")
	case socket && path == "":
		return errors.New("--listen: unix: names no path")
	case socket:
		return nil
	}
	if err := checkAddress(f.listen.value); err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	return nil
}

// served is an instrument at its place.
type served struct {
	Kind       string          `json:"kind"`
	URL        string          `json:"url"` // of an endpoint in a device file
	Qubits     int             `json:"qubits,omitempty"`
	Seed       uint64          `json:"seed"`
	Classifier json.RawMessage `json:"classifier,omitempty"` // of the readouts, as QubiC keeps it
}

// instrument serves one until it is told to stop.
func (c *cli) instrument(ctx context.Context, kind string, f *instrumentFlags) error {
	ctx, stop := untilInterrupted(ctx)
	defer stop()
	if !f.seed.set {
		f.seed.value = rand.Uint64N(1 << 53) // readers of JSON may have doubles only
	}
	cfg := fake.Config{
		Qubits: int(f.qubits.value), Seed: f.seed.value, ShotTime: f.shotTime.value, Faults: f.faults.value,
	}
	if f.verbose {
		cfg.Seen = func(r fake.Request) {
			if r.Fault != "" {
				r.Text += "  (" + r.Fault + ")"
			}
			c.stderr.printf("%s\n", printable(r.Text))
		}
	}
	s := &served{Kind: kind, Qubits: cfg.Qubits, Seed: cfg.Seed}
	serve, err := s.open(cfg, f.listen.value)
	if err != nil {
		return &fault.NodeError{Op: "instrument", Reason: "the " + kind + " cannot be served", Err: err}
	}
	c.showInstrument(s, f.json)
	return serve(ctx)
}

// open makes the instrument and takes its place.
func (s *served) open(cfg fake.Config, where string) (serve func(context.Context) error, err error) {
	if s.Kind == "registers" {
		return s.openRegisters(cfg, where)
	}
	var instrument interface {
		Serve(context.Context, net.Listener) error
	}
	scheme := "tcp"
	switch s.Kind {
	case "scpi":
		instrument, err = fake.NewSCPI(cfg)
	case "echo":
		s.Qubits = 0
		instrument, err = fake.NewEcho(cfg)
	default:
		scheme = "http"
		x, failed := fake.NewXMLRPC(fake.XMLRPCConfig{Config: cfg})
		if failed == nil {
			s.Classifier = x.Classifier()
		}
		instrument, err = x, failed
	}
	if err != nil {
		return nil, err
	}
	network, address := "tcp", where
	if path, socket := strings.CutPrefix(where, "unix:"); socket {
		network, scheme = "unix", "unix"
		if address, err = filepath.Abs(path); err != nil {
			return nil, err
		}
	} else if address == "" {
		address = anyAddress
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	s.URL = scheme + "://" + listener.Addr().String()
	return func(ctx context.Context) error { return instrument.Serve(ctx, listener) }, nil
}

func (s *served) openRegisters(cfg fake.Config, path string) (serve func(context.Context) error, err error) {
	r, err := fake.NewRegisters(fake.RegistersConfig{Config: cfg})
	if err != nil {
		return nil, err
	}
	if path == "" {
		path = filepath.Join(os.TempDir(), "coda-registers-"+strconv.Itoa(os.Getpid()))
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	if err := r.Open(path); err != nil {
		return nil, err
	}
	s.URL = r.URL(path)
	return r.Serve, nil
}

// showInstrument writes what an endpoint in a device file is.
func (c *cli) showInstrument(s *served, asJSON bool) {
	if asJSON {
		text, err := json.Marshal(s)
		if err != nil {
			panic(err) // plain types
		}
		c.stdout.printf("%s\n", text)
		return
	}
	c.stdout.printf("[endpoints.%s]\nurl = %s\n", s.Kind, tomlString(s.URL))
	if s.Kind == "registers" {
		c.stdout.printf("ranges = [\"0x0000-0x0043 rw\", \"0x0400-0xffff rw\"]\n")
	}
	c.stderr.printf("A simulated %s instrument, until Ctrl-C.\n", s.Kind)
}

// tomlString is a basic string of TOML, in which JSON's are.
func tomlString(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string
	}
	return string(quoted)
}

// timeFlag is a flag's value: a length of time.
type timeFlag struct{ value time.Duration }

func (t *timeFlag) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return errors.New("want a time, such as 20us or 1.5s")
	}
	t.value = d
	return nil
}

func (t *timeFlag) String() string { return t.value.String() }
func (*timeFlag) Type() string     { return "TIME" }

// faultsFlag is a flag's value, given once for each fault.
type faultsFlag struct{ value []fake.Fault }

func (f *faultsFlag) Set(text string) error {
	one, err := fake.ParseFault(text)
	if err == nil {
		f.value = append(f.value, one)
	}
	return err
}

func (*faultsFlag) String() string { return "" }
func (*faultsFlag) Type() string   { return "FAULT" }
