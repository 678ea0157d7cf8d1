// Qubic drives a board of the open control system QubiC over the XML-RPC of its
// server. README.md beside this file is the manual.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o qubic.wasm .
package main

import (
	"os"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/batch"
	"github.com/conductorquantum/coda/guests/sdk/go/httpsend"
)

func init() {
	d := newDriver(os.DirFS("/device"), httpsend.Send)
	coda.Register(d)
	batch.Register(d.RunBatch)
}

func main() {} // never called: the file is a library
