package main

import (
	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/executor/module"
)

// inspection is what can be said of an executor's file.
type inspection struct {
	Ref       string     `json:"ref"`
	Path      string     `json:"path,omitempty"` // empty for a built-in
	Size      int        `json:"size"`           // in bytes
	SHA256    string     `json:"sha256"`
	Name      string     `json:"name,omitempty"` // that the module gives itself
	Languages []tool     `json:"languages,omitempty"`
	Tools     []tool     `json:"tools,omitempty"`
	Go        *goProgram `json:"go,omitempty"`

	Contract *contract       `json:"contract,omitempty"` // nil for what is no executor
	Exports  []export        `json:"exports"`
	Imports  []imported      `json:"imports"`
	Memory   *pages          `json:"memory,omitempty"`
	Tables   []table         `json:"tables"`
	Code     code            `json:"code"`
	Data     int             `json:"data_bytes"`
	Budgets  []module.Budget `json:"budgets,omitempty"` // that it is held against before it is compiled, with the usual limits
	Device   *abi.Device     `json:"device,omitempty"`
	Error    string          `json:"error,omitempty"` // why a node would not run it
}

// tool is what had a part in making the file.
type tool struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// goProgram is what Go's linker notes of a program. The version of Go itself
// stands among the languages.
type goProgram struct {
	Path   string `json:"path"`   // of the main package
	Module string `json:"module"` // and its version
}

type contract struct {
	Version  string   `json:"version"`
	Spelling string   `json:"spelling"` // "toolchain" or "standard"
	Batch    bool     `json:"batch"`
	Safety   bool     `json:"safety"`
	Grants   []string `json:"grants"` // interfaces that the operator has to grant
}

type export struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	Signature string `json:"signature,omitempty"` // of a function
	Interface string `json:"interface,omitempty"` // of the contract
	Function  string `json:"function,omitempty"`
	cleanup   bool   // after a function of the contract
}

type imported struct {
	Module    string `json:"module"`
	Name      string `json:"name"`
	Interface string `json:"interface,omitempty"` // of the contract
	Function  string `json:"function,omitempty"`
}

// pages are a memory's limits, in pages of 64 KiB.
type pages struct {
	Min uint32  `json:"min_pages"`
	Max *uint32 `json:"max_pages,omitempty"`
}

// table is a table's limits, in elements.
type table struct {
	Min uint32  `json:"min"`
	Max *uint32 `json:"max,omitempty"`
}

type code struct {
	Functions int `json:"functions"`
	Bytes     int `json:"bytes"`
}

// describe notes what the module declares.
func (in *inspection) describe(m *module.Module) {
	in.Name = m.Name
	for _, p := range m.Producers {
		made := tool{p.Name, p.Version}
		if p.Field == "language" {
			in.Languages = append(in.Languages, made)
		} else {
			in.Tools = append(in.Tools, made)
		}
	}
	if b := m.Go; b != nil {
		in.Go = &goProgram{Path: b.Path, Module: b.Main.Path}
		if b.Main.Version != "" {
			in.Go.Module += "@" + b.Main.Version
		}
	}
	in.Exports = []export{}
	for _, ex := range m.Exports {
		e := export{Name: ex.Name, Kind: ex.Kind.String()}
		if ex.Kind == module.KindFunc {
			e.Signature = ex.Type.String()
		}
		in.Exports = append(in.Exports, e)
	}
	in.Imports = []imported{}
	for _, im := range m.Imports {
		in.Imports = append(in.Imports, imported{Module: im.Module, Name: im.Field})
	}
	if len(m.Memories) > 0 {
		in.Memory = &pages{m.Memories[0].Min, most(m.Memories[0])}
	}
	in.Tables = []table{}
	for _, t := range m.Tables {
		in.Tables = append(in.Tables, table{t.Min, most(t.Limits)})
	}
	in.Code = code{m.Code.Bodies, m.Code.Bytes}
	in.Data = m.Data.Bytes
}

func most(l module.Limits) *uint32 {
	if !l.HasMax {
		return nil
	}
	return &l.Max
}

// judge notes how the module keeps the contract.
func (in *inspection) judge(k *module.Contract) {
	in.Contract = &contract{
		Version: k.Version, Spelling: "toolchain",
		Batch: k.Batch(), Safety: k.Safety(), Grants: append([]string{}, k.Needs...),
	}
	if k.Spelling == module.Standard {
		in.Contract.Spelling = "standard"
	}
	for _, f := range []struct {
		inter, name string
		as          module.Func
	}{
		{"executor", "open", k.Open}, {"executor", "run", k.Run},
		{"batch", "run-batch", k.RunBatch}, {"safety", "make-safe", k.MakeSafe},
	} {
		for i := range in.Exports {
			switch e := &in.Exports[i]; e.Name {
			case f.as.Name:
				e.Interface, e.Function = f.inter, f.name
			case f.as.Post:
				e.cleanup = true
			}
		}
	}
	for i, b := range k.Imports {
		in.Imports[i].Interface, in.Imports[i].Function = b.Interface, b.Function.Name
	}
}
