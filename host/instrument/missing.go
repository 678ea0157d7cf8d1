package instrument

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/conductorquantum/coda/host/config"
)

// example is what a grant of an interface looks like in a device file.
var example = map[string]string{
	"byte-stream": "[endpoints.NAME]\nurl = \"tcp://192.0.2.10:5025\"    # or tls, unix, serial, file",
	"http":        "[endpoints.NAME]\nurl = \"http://192.0.2.10:9095\"   # or https",
	"registers":   "[endpoints.NAME]\nurl = \"mmio:///dev/uio0?size=65536\"\nranges = [\"0x0000-0xffff rw\"]",
}

// Missing says which interfaces of the WIT a guest needs ("byte-stream", "http",
// "registers"; others are no hardware) that no endpoint is granted for, and which
// lines of the device file would grant one. It is empty where none is missing.
func Missing(needs []string, endpoints map[string]config.Endpoint) string {
	granted := map[string]bool{}
	for _, e := range endpoints {
		granted[e.Interface()] = true
	}
	var missing []string
	for _, need := range slices.Sorted(maps.Keys(example)) {
		if slices.Contains(needs, need) && !granted[need] {
			missing = append(missing, need)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	var text strings.Builder
	fmt.Fprintf(&text, "it needs %s, and no endpoint grants that; add to the device file, with the name that the executor asks for:", strings.Join(missing, " and "))
	for _, need := range missing {
		text.WriteString("\n\n" + example[need])
	}
	return text.String()
}
