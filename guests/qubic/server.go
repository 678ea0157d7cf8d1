package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/httpsend"
)

// server is the one that the board has, of either age.
type server struct {
	send sender
	set  *settings
}

// runCircuitBatch runs the programs of a call for some of its shots. It returns the
// samples of each, by channel: of each channel exactly as many as were asked for. An
// error is an *rpcFault where the server raised one.
func (s *server) runCircuitBatch(c *call, shots uint64) ([]map[string][]byte, error) {
	set := s.set
	circuits := make([]any, len(c.programs))
	for i, p := range c.programs {
		circuits[i] = p.value()
	}
	params := []any{circuits, int64(shots), c.reads, set.timeoutPerShot,
		true, set.reloadFreq, set.reloadEnv, set.zeroBetweenReload}
	if set.older && set.fromServer {
		params = append(params, true)
	}
	request, err := appendCall(nil, "run_circuit_batch", params...)
	if err != nil {
		return nil, coda.Failf(coda.Internal, "the call of the QubiC server: %v", err)
	}
	answer, err := s.send.post("the QubiC server", set.endpoint, "/RPC2", "text/xml", request)
	if err != nil {
		return nil, err
	}
	if most := s.longest(c, shots); uint64(len(answer)) > most {
		return nil, coda.Failf(coda.Internal, "the QubiC server answered with %d bytes; what was asked for has at most %d", len(answer), most)
	}
	value, err := parseResponse(answer)
	if _, raised := errors.AsType[*rpcFault](err); raised {
		return nil, err
	}
	if err != nil {
		return nil, coda.Failf(coda.Internal, "the QubiC server's answer is no XML-RPC: %v", err)
	}
	var samples []map[string][]byte
	if set.older {
		samples, err = joined(c, shots, value)
	} else {
		samples, err = apart(c, shots, value)
	}
	if err != nil {
		return nil, coda.Failf(coda.Internal, "the QubiC server's answer: %v", err)
	}
	return samples, nil
}

// longest is more than the answer can have: samples in base64 with line breaks, and
// the elements around them. A fault's text fits as well.
func (s *server) longest(c *call, shots uint64) uint64 {
	most := uint64(64 << 10)
	for _, p := range c.programs {
		most += 1<<10 + p.samples()*shots*uint64(s.set.format().size)*3/2
		for name := range p.channels {
			most += 1<<10 + uint64(len(name))*6
		}
	}
	return most
}

// value is what a program is to XML-RPC.
func (p *program) value() any {
	if p.executable == nil {
		return p.assembly
	}
	binaries, channels := map[string]any{}, map[string]any{}
	for memory, data := range p.executable.ProgramBinaries {
		binaries[memory] = data
	}
	for name, c := range p.executable.ResultChannels {
		channels[name] = map[string]any{
			"mem_name": c.MemName, "board": c.Board, "reads_per_shot": int64(c.ReadsPerShot), "dtype": c.Dtype,
		}
	}
	return map[string]any{
		"program_binaries": binaries, "write_registers": p.executable.WriteRegisters, "result_channels": channels,
	}
}

// apart takes an answer that has a struct for each circuit.
func apart(c *call, shots uint64, value any) ([]map[string][]byte, error) {
	circuits, ok := value.([]any)
	if !ok || len(circuits) != len(c.programs) {
		return nil, fmt.Errorf("%s is no array of %d results", described(value), len(c.programs))
	}
	samples := make([]map[string][]byte, len(circuits))
	for i, p := range c.programs {
		members, ok := circuits[i].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("circuit %d: %s is no struct", i, described(circuits[i]))
		}
		if err := sameChannels(members, p.channels); err != nil {
			return nil, fmt.Errorf("circuit %d: %w", i, err)
		}
		samples[i] = map[string][]byte{}
		for name, reads := range p.channels {
			data, err := ofLength(members[name], s11, uint64(reads)*shots)
			if err != nil {
				return nil, fmt.Errorf("circuit %d, channel %s: %w", i, name, err)
			}
			samples[i][name] = data
		}
	}
	return samples, nil
}

// joined takes an answer that has one struct for all circuits, with the samples of one
// after the other.
func joined(c *call, shots uint64, value any) ([]map[string][]byte, error) {
	members, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s is no struct of cores; setting server: a server of today answers with an array", described(value))
	}
	channels := c.programs[0].channels // plan has seen to it that they agree
	if err := sameChannels(members, channels); err != nil {
		return nil, err
	}
	samples := make([]map[string][]byte, len(c.programs))
	for i := range samples {
		samples[i] = map[string][]byte{}
	}
	for name, reads := range channels {
		each := uint64(reads) * shots
		data, err := ofLength(members[name], complex128s, each*uint64(len(samples)))
		if err != nil {
			return nil, fmt.Errorf("core %s: %w", name, err)
		}
		size := int(each) * complex128s.size
		for i := range samples {
			samples[i][name] = data[i*size : (i+1)*size]
		}
	}
	return samples, nil
}

func sameChannels(members map[string]any, channels map[string]int) error {
	got := slices.Sorted(maps.Keys(members))
	want := slices.Sorted(maps.Keys(channels))
	if !slices.Equal(got, want) {
		return fmt.Errorf("it has the channels %.200q, where %q were asked for", got, want)
	}
	return nil
}

func ofLength(value any, f format, samples uint64) ([]byte, error) {
	data, ok := value.([]byte)
	if !ok {
		return nil, fmt.Errorf("%s is no base64", described(value))
	}
	if want := samples * uint64(f.size); uint64(len(data)) != want {
		return nil, fmt.Errorf("%d bytes, where %d samples have %d", len(data), samples, want)
	}
	return data, nil
}

func described(value any) string {
	switch v := value.(type) {
	case nil:
		return "nil"
	case []any:
		return fmt.Sprintf("an array of %d", len(v))
	case map[string]any:
		return "a struct"
	case []byte:
		return fmt.Sprintf("base64 of %d bytes", len(v))
	default:
		return fmt.Sprintf("%T", value)
	}
}

// faultKind is what a fault says of the job: most are about the program, and a few pass.
func (s *settings) faultKind(f *rpcFault) coda.FailureKind {
	reason := strings.ToLower(f.reason)
	if slices.ContainsFunc(s.unavailableFaults, func(word string) bool { return strings.Contains(reason, word) }) {
		return coda.Unavailable
	}
	return coda.Internal
}

// sender is httpsend.Send, or what stands in for it.
type sender func(endpoint string, r httpsend.Request) (httpsend.Response, error)

// post sends a request and returns the body of an answer that is well. A server that
// cannot be reached is unavailable, whatever the reason.
func (send sender) post(who, endpoint, path, contentType string, body []byte) ([]byte, error) {
	answer, err := send(endpoint, httpsend.Request{
		Method: "POST", Path: path, Header: [][2]string{{"Content-Type", contentType}}, Body: body,
	})
	if failed, ok := errors.AsType[*coda.IOError](err); ok && failed.Kind == coda.IOOther {
		return nil, coda.Failf(coda.Unavailable, "%s: %v", who, failed)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", who, err)
	}
	switch answer.Status {
	case 200:
		return answer.Body, nil
	case 429, 502, 503, 504: // too many requests; a gateway that finds nobody, or nobody in time
		return nil, coda.Failf(coda.Unavailable, "%s answered with the status %d", who, answer.Status)
	default:
		return nil, coda.Failf(coda.Internal, "%s answered with the status %d: %.200q", who, answer.Status, answer.Body)
	}
}
