package main

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A value of XML-RPC is an int64, bool, string, float64, []byte, []any,
// map[string]any, or nil, the extension that the server allows.

// rpcFault is an answer that says what went wrong.
type rpcFault struct {
	code   int64
	reason string
}

func (f *rpcFault) Error() string { return fmt.Sprintf("fault %d: %s", f.code, f.reason) }

// appendCall writes a methodCall.
func appendCall(b []byte, method string, params ...any) ([]byte, error) {
	b = append(b, "<?xml version='1.0'?>\n<methodCall><methodName>"...)
	b = append(append(b, method...), "</methodName><params>"...)
	for _, param := range params {
		var err error
		if b, err = appendValue(append(b, "<param>"...), param); err != nil {
			return nil, err
		}
		b = append(b, "</param>"...)
	}
	return append(b, "</params></methodCall>\n"...), nil
}

func appendValue(b []byte, value any) (_ []byte, err error) {
	b = append(b, "<value>"...)
	switch v := value.(type) {
	case nil:
		b = append(b, "<nil/>"...)
	case bool:
		digit := byte('0')
		if v {
			digit = '1'
		}
		b = append(append(append(b, "<boolean>"...), digit), "</boolean>"...)
	case int64:
		kind := "int"
		if v != int64(int32(v)) {
			kind = "i8"
		}
		b = fmt.Appendf(b, "<%s>%d</%s>", kind, v, kind)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%g cannot be written in XML-RPC", v)
		}
		b = append(strconv.AppendFloat(append(b, "<double>"...), v, 'f', -1, 64), "</double>"...)
	case string:
		b, err = appendText(append(b, "<string>"...), v)
		b = append(b, "</string>"...)
	case []byte:
		b = append(base64.StdEncoding.AppendEncode(append(b, "<base64>"...), v), "</base64>"...)
	case []any:
		b = append(b, "<array><data>"...)
		for _, item := range v {
			if b, err = appendValue(b, item); err != nil {
				return nil, err
			}
		}
		b = append(b, "</data></array>"...)
	case map[string]any:
		b = append(b, "<struct>"...)
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if b, err = appendText(append(b, "<member><name>"...), name); err != nil {
				return nil, err
			}
			if b, err = appendValue(append(b, "</name>"...), v[name]); err != nil {
				return nil, err
			}
			b = append(b, "</member>"...)
		}
		b = append(b, "</struct>"...)
	default:
		return nil, fmt.Errorf("XML-RPC has no %T", value)
	}
	return append(b, "</value>"...), err
}

// appendText refuses what XML has no way to write, where the library would write
// something else.
func appendText(b []byte, text string) ([]byte, error) {
	if strings.ContainsFunc(text, func(r rune) bool {
		return r == '\uFFFD' || r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\uFFFE' || r == '\uFFFF'
	}) {
		return nil, fmt.Errorf("the text %.40q cannot be written in XML", text)
	}
	var escaped bytes.Buffer
	_ = xml.EscapeText(&escaped, []byte(text)) // a Buffer takes everything
	return append(b, escaped.Bytes()...), nil
}

// parseResponse reads a methodResponse, strictly: nothing in it may be unknown, missing
// or twice. An answer that is a fault is an *rpcFault.
func parseResponse(text []byte) (value any, err error) {
	p := &xmlParser{xml.NewDecoder(bytes.NewReader(text))}
	value, err = p.response()
	if _, raised := errors.AsType[*rpcFault](err); raised || err == nil {
		if _, end := p.token(); !errors.Is(end, io.EOF) {
			return nil, p.at(errors.New("something follows the answer"))
		}
		return value, err
	}
	return nil, p.at(err)
}

const maxXMLDepth = 32

type xmlParser struct{ decoder *xml.Decoder }

func (p *xmlParser) at(err error) error {
	return fmt.Errorf("byte %d: %w", p.decoder.InputOffset(), err)
}

func (p *xmlParser) response() (value any, err error) {
	if err := p.open("methodResponse"); err != nil {
		return nil, err
	}
	switch name, err := p.next(); {
	case err != nil:
		return nil, err
	case name == "params":
		if err := p.open("param"); err != nil {
			return nil, err
		}
		if value, err = p.value(0); err != nil {
			return nil, err
		}
		return value, p.closeAll("param", "params", "methodResponse")
	case name == "fault":
		raw, err := p.value(0)
		if err != nil {
			return nil, err
		}
		if err := p.closeAll("fault", "methodResponse"); err != nil {
			return nil, err
		}
		members, _ := raw.(map[string]any)
		code, isCode := members["faultCode"].(int64)
		reason, isReason := members["faultString"].(string)
		if !isCode || !isReason {
			return nil, errors.New("a fault needs faultCode and faultString")
		}
		return nil, &rpcFault{code, reason}
	default:
		return nil, fmt.Errorf("<%s> stands where <params> or <fault> should", name)
	}
}

// token is the next start, end or text that is not white. Its text is valid until the
// next one.
func (p *xmlParser) token() (xml.Token, error) {
	for {
		token, err := p.decoder.Token()
		if err != nil {
			return nil, err
		}
		if t, ok := token.(xml.CharData); ok && len(bytes.TrimSpace(t)) == 0 {
			continue
		}
		if kept, err := plainToken(token); kept || err != nil {
			return token, err
		}
	}
}

// plainToken reports whether a token matters, and refuses what XML-RPC has no use for.
func plainToken(token xml.Token) (bool, error) {
	switch t := token.(type) {
	case xml.StartElement:
		if len(t.Attr) > 0 || t.Name.Space != "" {
			return false, fmt.Errorf("<%s> has attributes or a name space", t.Name.Local)
		}
		return true, nil
	case xml.Directive:
		return false, errors.New("a directive, which nothing here needs")
	case xml.EndElement, xml.CharData:
		return true, nil
	}
	return false, nil
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
		return "", fmt.Errorf("the text %.20q stands between elements", string(t))
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return "", err
}

func (p *xmlParser) open(name string) error {
	got, err := p.next()
	if err == nil && got != name {
		err = fmt.Errorf("<%s> stands where <%s> should", got, name)
		if got == "" {
			err = fmt.Errorf("<%s> is missing", name)
		}
	}
	return err
}

func (p *xmlParser) closeAll(names ...string) error {
	for _, name := range names {
		got, err := p.next()
		if err == nil && got != "" {
			err = fmt.Errorf("<%s> stands where </%s> should", got, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// text reads up to the end of the element, or to a child of it.
func (p *xmlParser) text() (text []byte, child string, err error) {
	for {
		token, err := p.decoder.Token()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, "", err
		}
		if _, err := plainToken(token); err != nil {
			return nil, "", err
		}
		switch t := token.(type) {
		case xml.CharData:
			text = append(text, t...)
		case xml.StartElement:
			return text, t.Name.Local, nil
		case xml.EndElement:
			return text, "", nil
		}
	}
}

// leaf is the rest of an element that holds only text.
func (p *xmlParser) leaf(name string) ([]byte, error) {
	text, child, err := p.text()
	if err == nil && child != "" {
		err = fmt.Errorf("<%s> stands in <%s>", child, name)
	}
	return text, err
}

// value reads a whole <value>.
func (p *xmlParser) value(depth int) (any, error) {
	if err := p.open("value"); err != nil {
		return nil, err
	}
	return p.inValue(depth)
}

// inValue reads what follows <value>, and </value>.
func (p *xmlParser) inValue(depth int) (value any, err error) {
	if depth == maxXMLDepth {
		return nil, fmt.Errorf("values are nested more than %d deep", maxXMLDepth)
	}
	text, kind, err := p.text()
	switch {
	case err != nil:
		return nil, err
	case kind == "":
		return string(text), nil // a string, without saying so
	case len(bytes.TrimSpace(text)) > 0:
		return nil, fmt.Errorf("the text %.20q stands before <%s>", text, kind)
	case kind == "array":
		value, err = p.array(depth)
	case kind == "struct":
		value, err = p.members(depth)
	default:
		if text, err = p.leaf(kind); err == nil {
			value, err = scalar(kind, text)
		}
	}
	if err != nil {
		return nil, err
	}
	return value, p.closeAll("value")
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
			return values, p.closeAll("array")
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
		if err := p.open("name"); err != nil {
			return nil, err
		}
		text, err := p.leaf("name")
		if err != nil {
			return nil, err
		}
		name := string(text)
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("the member %.40q is there twice", name)
		}
		if members[name], err = p.value(depth + 1); err != nil {
			return nil, err
		}
		if err := p.closeAll("member"); err != nil {
			return nil, err
		}
	}
}

func scalar(kind string, text []byte) (any, error) {
	trimmed := string(bytes.TrimSpace(text[:min(len(text), 64)])) // of what is short, all
	wrong := fmt.Errorf("%.40q is no %s", text, kind)
	if kind != "string" && kind != "base64" && len(text) > 64 {
		return nil, wrong
	}
	switch kind {
	case "string":
		return string(text), nil
	case "nil":
		if trimmed != "" {
			return nil, wrong
		}
		return nil, nil
	case "int", "i4", "i8":
		bits := 32
		if kind == "i8" {
			bits = 64
		}
		v, err := strconv.ParseInt(trimmed, 10, bits)
		if err != nil {
			return nil, wrong
		}
		return v, nil
	case "boolean":
		if trimmed != "0" && trimmed != "1" {
			return nil, wrong
		}
		return trimmed == "1", nil
	case "double":
		v, err := strconv.ParseFloat(trimmed, 64)
		if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
			return nil, wrong
		}
		return v, nil
	case "base64":
		return decodeBase64(text)
	}
	return nil, fmt.Errorf("<%s> is no type that is known here", kind)
}

// decodeBase64 takes the line breaks that Python writes. It overwrites the text.
func decodeBase64(text []byte) ([]byte, error) {
	packed := text[:0]
	for _, c := range text {
		if c != '\n' && c != '\r' && c != ' ' && c != '\t' {
			packed = append(packed, c)
		}
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(packed)))
	n, err := base64.StdEncoding.Strict().Decode(data, packed)
	if err != nil {
		return nil, errors.New("the base64 is damaged")
	}
	return data[:n], nil
}
