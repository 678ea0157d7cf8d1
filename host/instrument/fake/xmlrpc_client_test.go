package fake

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
)

// parseResponse reads a methodResponse. Its fault is a *xmlFault.
func parseResponse(text []byte) (value any, err error) {
	p := &xmlParser{decoder: xml.NewDecoder(bytes.NewReader(text))}
	var fault *xmlFault
	err = p.document(func() error {
		if err := p.open("methodResponse"); err != nil {
			return err
		}
		name, err := p.next()
		switch {
		case err != nil:
			return err
		case name == "params":
			values, err := p.list("param", "params")
			if err != nil {
				return err
			}
			if len(values) != 1 {
				return fmt.Errorf("%d values are not one", len(values))
			}
			value = values[0]
		case name == "fault":
			raw, err := p.value(0)
			if err != nil {
				return err
			}
			members, _ := raw.(map[string]any)
			code, isCode := members["faultCode"].(int64)
			reason, isReason := members["faultString"].(string)
			if !isCode || !isReason {
				return errors.New("a fault needs faultCode and faultString")
			}
			fault = &xmlFault{int(code), reason}
			if err := p.close("fault"); err != nil {
				return err
			}
		default:
			return fmt.Errorf("<%s> is neither <params> nor <fault>", name)
		}
		return p.close("methodResponse")
	})
	if err == nil && fault != nil {
		return nil, fault
	}
	return value, err
}

func callXML(method string, params ...any) []byte {
	b := append([]byte(xmlHead+"<methodCall><methodName>"), method...)
	b = append(b, "</methodName><params>"...)
	for _, param := range params {
		b = append(appendValue(append(b, "<param>"...), param), "</param>"...)
	}
	return append(b, "</params></methodCall>\n"...)
}
