package fake

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A value of XML-RPC is an int64, bool, string, float64, []byte, []any,
// map[string]any, or nil, the extension that the lab's server allows. The executor that
// speaks with it, guests/qubic, reads them in its own code: two that shared a mistake
// would agree on it.

const maxXMLDepth = 64

// parseCall reads a methodCall, strictly: nothing in it may be unknown, missing or
// twice.
func parseCall(text []byte) (method string, params []any, err error) {
	p := &xmlParser{decoder: xml.NewDecoder(bytes.NewReader(text))}
	err = p.document(func() error {
		if err := p.open("methodCall"); err != nil {
			return err
		}
		if method, err = p.leaf("methodName"); err != nil {
			return err
		}
		if strings.Trim(method, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/") != "" || method == "" {
			return fmt.Errorf("%q is no method's name", method)
		}
		if name, err := p.next(); err != nil || name == "" {
			return err // a call without params
		} else if name != "params" {
			return fmt.Errorf("<%s> stands where <params> may", name)
		}
		params, err = p.list("param", "params")
		if err != nil {
			return err
		}
		return p.close("methodCall")
	})
	return method, params, err
}

// xmlFault is an answer that says what went wrong.
type xmlFault struct {
	code   int
	reason string
}

func (f *xmlFault) Error() string { return fmt.Sprintf("fault %d: %s", f.code, f.reason) }

type xmlParser struct{ decoder *xml.Decoder }

// document reads one element and makes sure that nothing follows it.
func (p *xmlParser) document(read func() error) error {
	if err := read(); err != nil {
		return fmt.Errorf("byte %d: %w", p.decoder.InputOffset(), err)
	}
	if _, err := p.token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("byte %d: something follows the document", p.decoder.InputOffset())
	}
	return nil
}

// token is the next start, end or text that is not white.
func (p *xmlParser) token() (xml.Token, error) {
	for {
		token, err := p.decoder.Token()
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if len(t.Attr) > 0 {
				return nil, fmt.Errorf("<%s> has attributes", t.Name.Local)
			}
			return t, nil
		case xml.EndElement:
			return t, nil
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return t, nil
			}
		case xml.Directive:
			return nil, errors.New("a directive, which nothing here needs")
		}
	}
}

// next is the name of the element that starts, or "" where the surrounding one ends.
func (p *xmlParser) next() (string, error) {
	token, err := p.token()
	switch t := token.(type) {
	case xml.StartElement:
		return t.Name.Local, nil
	case xml.EndElement:
		return "", nil
	case xml.CharData:
		return "", fmt.Errorf("text %.20q stands between elements", string(t))
	}
	return "", unexpected(err)
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (p *xmlParser) open(name string) error {
	switch got, err := p.next(); {
	case err != nil:
		return err
	case got == "":
		return fmt.Errorf("<%s> is missing", name)
	case got != name:
		return fmt.Errorf("<%s> stands where <%s> should", got, name)
	}
	return nil
}

func (p *xmlParser) close(name string) error {
	switch got, err := p.next(); {
	case err != nil:
		return err
	case got != "":
		return fmt.Errorf("<%s> stands where </%s> should", got, name)
	}
	return nil
}

// leaf is the text of an element that holds nothing else.
func (p *xmlParser) leaf(name string) (string, error) {
	if err := p.open(name); err != nil {
		return "", err
	}
	text, child, err := p.text()
	if err == nil && child != "" {
		err = fmt.Errorf("<%s> stands in <%s>", child, name)
	}
	return text, err
}

// text reads up to the end of the element, or to a child of it.
func (p *xmlParser) text() (text, child string, err error) {
	var b strings.Builder
	for {
		token, err := p.decoder.Token()
		if err != nil {
			return "", "", unexpected(err)
		}
		switch t := token.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.StartElement:
			if len(t.Attr) > 0 {
				return "", "", fmt.Errorf("<%s> has attributes", t.Name.Local)
			}
			return b.String(), t.Name.Local, nil
		case xml.EndElement:
			return b.String(), "", nil
		case xml.Directive:
			return "", "", errors.New("a directive, which nothing here needs")
		}
	}
}

// list reads the elements up to the end of the surrounding one, with a value each.
func (p *xmlParser) list(element, in string) (values []any, err error) {
	for {
		name, err := p.next()
		switch {
		case err != nil:
			return nil, err
		case name == "":
			return values, nil
		case name != element:
			return nil, fmt.Errorf("<%s> stands in <%s>", name, in)
		}
		value, err := p.value(0)
		if err != nil {
			return nil, err
		}
		if err := p.close(element); err != nil {
			return nil, err
		}
		values = append(values, value)
	}
}

// value reads a whole <value>.
func (p *xmlParser) value(depth int) (any, error) {
	if err := p.open("value"); err != nil {
		return nil, err
	}
	return p.inValue(depth)
}

// inValue reads what follows <value>, and </value>.
func (p *xmlParser) inValue(depth int) (any, error) {
	if depth == maxXMLDepth {
		return nil, fmt.Errorf("values are nested more than %d deep", maxXMLDepth)
	}
	text, kind, err := p.text()
	switch {
	case err != nil:
		return nil, err
	case kind == "":
		return text, nil // a string, without saying so
	case strings.TrimSpace(text) != "":
		return nil, fmt.Errorf("text %.20q stands before <%s>", text, kind)
	}
	var value any
	switch kind {
	case "array":
		value, err = p.array(depth)
	case "struct":
		value, err = p.members(depth)
	default:
		var child string
		if text, child, err = p.text(); err == nil && child != "" {
			err = fmt.Errorf("<%s> stands in <%s>", child, kind)
		}
		if err == nil {
			value, err = scalar(kind, text)
		}
	}
	if err != nil {
		return nil, err
	}
	return value, p.close("value")
}

func (p *xmlParser) array(depth int) (any, error) {
	if err := p.open("data"); err != nil {
		return nil, err
	}
	values := []any{}
	for {
		name, err := p.next()
		switch {
		case err != nil:
			return nil, err
		case name == "":
			return values, p.close("array")
		case name != "value":
			return nil, fmt.Errorf("<%s> stands in <data>", name)
		}
		value, err := p.inValue(depth + 1)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
}

func (p *xmlParser) members(depth int) (any, error) {
	members := map[string]any{}
	for {
		element, err := p.next()
		switch {
		case err != nil:
			return nil, err
		case element == "":
			return members, nil
		case element != "member":
			return nil, fmt.Errorf("<%s> stands in <struct>", element)
		}
		name, err := p.leaf("name")
		if err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("member %q is there twice", name)
		}
		if members[name], err = p.value(depth + 1); err != nil {
			return nil, err
		}
		if err := p.close("member"); err != nil {
			return nil, err
		}
	}
}

func scalar(kind, text string) (any, error) {
	wrong := fmt.Errorf("%.40q is no %s", text, kind)
	switch kind {
	case "string":
		return text, nil
	case "nil":
		if strings.TrimSpace(text) != "" {
			return nil, wrong
		}
		return nil, nil
	case "int", "i4", "i8":
		bits := 32
		if kind == "i8" {
			bits = 64
		}
		v, err := strconv.ParseInt(strings.TrimSpace(text), 10, bits)
		if err != nil {
			return nil, wrong
		}
		return v, nil
	case "boolean":
		switch strings.TrimSpace(text) {
		case "0":
			return false, nil
		case "1":
			return true, nil
		}
		return nil, wrong
	case "double":
		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
			return nil, wrong
		}
		return v, nil
	case "base64":
		data, err := base64.StdEncoding.Strict().DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil {
			return nil, wrong
		}
		return data, nil
	}
	return nil, fmt.Errorf("<%s> is no type that is known here", kind)
}

// appendValue writes a value. One that XML-RPC cannot hold is a mistake in this
// package.
func appendValue(b []byte, value any) []byte {
	b = append(b, "<value>"...)
	switch v := value.(type) {
	case nil:
		b = append(b, "<nil/>"...)
	case bool:
		b = fmt.Appendf(b, "<boolean>%d</boolean>", flag(v))
	case int:
		b = fmt.Appendf(b, "<int>%d</int>", v)
	case int64:
		b = fmt.Appendf(b, "<int>%d</int>", v)
	case float64:
		b = append(strconv.AppendFloat(append(b, "<double>"...), v, 'f', -1, 64), "</double>"...)
	case string:
		b = append(appendText(append(b, "<string>"...), v), "</string>"...)
	case []byte:
		b = append(base64.StdEncoding.AppendEncode(append(b, "<base64>"...), v), "</base64>"...)
	case []any:
		b = append(b, "<array><data>"...)
		for _, item := range v {
			b = appendValue(b, item)
		}
		b = append(b, "</data></array>"...)
	case map[string]any:
		var names []string
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		b = append(b, "<struct>"...)
		for _, name := range names {
			b = append(appendText(append(b, "<member><name>"...), name), "</name>"...)
			b = append(appendValue(b, v[name]), "</member>"...)
		}
		b = append(b, "</struct>"...)
	default:
		panic(fmt.Sprintf("fake: XML-RPC has no %T", value))
	}
	return append(b, "</value>"...)
}

func appendText(b []byte, text string) []byte {
	var escaped bytes.Buffer
	_ = xml.EscapeText(&escaped, []byte(text)) // a Buffer takes everything
	return append(b, escaped.Bytes()...)
}

const xmlHead = "<?xml version='1.0'?>\n"

func responseXML(value any) []byte {
	b := append([]byte(xmlHead), "<methodResponse><params><param>"...)
	return append(appendValue(b, value), "</param></params></methodResponse>\n"...)
}

func faultXML(f *xmlFault) []byte {
	b := append([]byte(xmlHead), "<methodResponse><fault>"...)
	b = appendValue(b, map[string]any{"faultCode": f.code, "faultString": f.reason})
	return append(b, "</fault></methodResponse>\n"...)
}
