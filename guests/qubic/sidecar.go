package main

import (
	"bytes"
	"encoding/json"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
)

// sidecar is the lab's compiler behind HTTP.
type sidecar struct {
	send sender
	set  *settings
}

// compileRequest is what it is sent.
type compileRequest struct {
	Version  int              `json:"version"` // of this protocol: 1
	Format   string           `json:"format"`  // "executable", or "raw_asm" for an older server
	Circuits []compileCircuit `json:"circuits"`
}

type compileCircuit struct {
	SourceHash string `json:"source_hash"`
	Gates      []gate `json:"gates"`
}

// compileAnswer has one program for each circuit, or {"error": "why not"}.
type compileAnswer struct {
	Programs []json.RawMessage `json:"programs"`
}

func (s *sidecar) compile(programs []*program) {
	request := compileRequest{Version: 1, Format: "executable"}
	if s.set.older {
		request.Format = "raw_asm"
	}
	for _, p := range programs {
		request.Circuits = append(request.Circuits, compileCircuit{p.job.Circuit.Metadata.SourceHash, p.gates})
	}
	answer, err := s.ask(&request)
	if err != nil {
		for _, p := range programs {
			p.err = err
		}
		return
	}
	for i, p := range programs {
		var refusal struct {
			Error *string `json:"error"`
		}
		if json.Unmarshal(answer.Programs[i], &refusal) == nil && refusal.Error != nil {
			p.err = coda.Failf(coda.Unsupported, "the compiler refuses the circuit: %s", *refusal.Error)
		} else if err := s.set.load(p, answer.Programs[i]); err != nil {
			p.err = coda.Failf(coda.Internal, "the compiler's program %d: %v", i, err)
		}
	}
}

func (s *sidecar) ask(request *compileRequest) (*compileAnswer, error) {
	if coda.IsCancelled() {
		return nil, coda.Failf(coda.Cancelled, "the job was cancelled before it was compiled")
	}
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	text, err := s.send.post("the compiler", s.set.compilerEndpoint, s.set.compilerPath, "application/json", body)
	if err != nil {
		return nil, err
	}
	var answer compileAnswer
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&answer); err != nil {
		return nil, coda.Failf(coda.Internal, "the compiler's answer: %v", err)
	}
	if len(answer.Programs) != len(request.Circuits) {
		return nil, coda.Failf(coda.Internal, "the compiler's answer has %d programs for %d circuits", len(answer.Programs), len(request.Circuits))
	}
	return &answer, nil
}
