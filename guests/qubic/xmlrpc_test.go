package main

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func response(value string) string {
	return "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value>" + value + "</value>\n</param>\n</params>\n</methodResponse>\n"
}

func TestValues(t *testing.T) {
	for _, tt := range []struct {
		text string
		want any
	}{
		{"<nil/>", nil},
		{"<nil></nil>", nil},
		{"<int>-7</int>", int64(-7)},
		{"<i4> 2147483647\n</i4>", int64(math.MaxInt32)},
		{"<i8>9007199254740993</i8>", int64(9007199254740993)},
		{"<boolean>1</boolean>", true},
		{"<double>-1.5e3</double>", -1500.0},
		{"bare &lt;text&gt; ", "bare <text> "},
		{"", ""},
		{"<string>a<!-- no --> &amp; b</string>", "a & b"},
		{"<base64>\nAAEC\nAwQ=\n</base64>", []byte{0, 1, 2, 3, 4}},
		{"<base64/>", []byte{}},
		{"<array><data>\n<value><int>1</int></value>\n<value>x</value>\n</data></array>", []any{int64(1), "x"}},
		{"<array><data/></array>", []any{}},
		{"<struct>\n<member>\n<name>Q0.rdlo</name>\n<value><base64>AA==</base64></value>\n</member>\n</struct>", map[string]any{"Q0.rdlo": []byte{0}}},
		{"<struct/>", map[string]any{}},
	} {
		got, err := parseResponse([]byte(response(tt.text)))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %#v, %v", tt.text, got, err)
		}
	}
}

func TestBadResponses(t *testing.T) {
	for _, text := range []string{
		"", "\x00\xff", "<html></html>", "<methodResponse>", "<methodResponse/>",
		"<methodResponse><params/></methodResponse>",
		"<methodResponse><params><param><value>a</value></param><param><value>b</value></param></params></methodResponse>",
		response("x") + "<more/>", response("x") + "text", response("x")[:60],
		"<!DOCTYPE a>" + response("x"),
		response("<int>1.5</int>"), response("<int>2147483648</int>"), response("<int></int>"), response("<i8>9223372036854775808</i8>"),
		response("<boolean>true</boolean>"), response("<double>nan</double>"), response("<double>1e999</double>"),
		response("<base64>AA=</base64>"), response("<base64>A*==</base64>"), response("<base64>AB==</base64>"), response("<base64>AAAA<b/></base64>"),
		response("<int a='1'>1</int>"), response("<x:int xmlns:x='y'>1</x:int>"), response("<date>1</date>"), response("<nil>x</nil>"),
		response("<int>1</int><int>2</int>"), response("x<int>1</int>"), response("<int>1</int>x"),
		response("<array><value>1</value></array>"), response("<array><data><int>1</int></data></array>"), response("<array><data>x</data></array>"),
		response("<struct><member><name>a</name></member></struct>"), response("<struct><member><value>a</value></member></struct>"),
		response("<struct><member><name>a</name><value>1</value></member><member><name>a</name><value>1</value></member></struct>"),
		response(strings.Repeat("<array><data><value>", 40) + strings.Repeat("</value></data></array>", 40)),
		"<methodResponse><fault><value>no</value></fault></methodResponse>",
		"<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>1</int></value></member></struct></value></fault></methodResponse>",
	} {
		value, err := parseResponse([]byte(text))
		if err == nil {
			t.Errorf("%q is %#v", text, value)
		}
		if _, raised := errors.AsType[*rpcFault](err); raised {
			t.Errorf("%q is a fault", text)
		}
	}
}

func TestFault(t *testing.T) {
	_, err := parseResponse([]byte("<?xml version='1.0'?><methodResponse><fault><value><struct>" +
		"<member><name>faultCode</name><value><int>1</int></value></member>" +
		"<member><name>faultString</name><value><string>&lt;class 'Exception'&gt;:no</string></value></member>" +
		"</struct></value></fault></methodResponse>"))
	if f, ok := errors.AsType[*rpcFault](err); !ok || f.code != 1 || f.reason != "<class 'Exception'>:no" {
		t.Errorf("got %v", err)
	}
}

func TestCall(t *testing.T) {
	got, err := appendCall(nil, "run_circuit_batch", []any{map[string]any{"b": []byte{1, 2}, "a<": "x&y"}}, int64(3), nil, 8.0, 5e-7, true, false, int64(1)<<40)
	if err != nil {
		t.Fatal(err)
	}
	want := "<?xml version='1.0'?>\n<methodCall><methodName>run_circuit_batch</methodName><params>" +
		"<param><value><array><data><value><struct><member><name>a&lt;</name><value><string>x&amp;y</string></value></member>" +
		"<member><name>b</name><value><base64>AQI=</base64></value></member></struct></value></data></array></value></param>" +
		"<param><value><int>3</int></value></param><param><value><nil/></value></param><param><value><double>8</double></value></param>" +
		"<param><value><double>0.0000005</double></value></param><param><value><boolean>1</boolean></value></param>" +
		"<param><value><boolean>0</boolean></value></param><param><value><i8>1099511627776</i8></value></param></params></methodCall>\n"
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, bad := range []any{math.NaN(), math.Inf(-1), "a\x00", "\xff", 1, []any{"\x01"}, map[string]any{"\x02": nil}, map[string]any{"a": 'x'}} {
		if text, err := appendCall(nil, "m", bad); err == nil {
			t.Errorf("%#v is %s", bad, text)
		}
	}
}

// FuzzResponse: what is accepted is the same when it is written and read once more.
func FuzzResponse(f *testing.F) {
	f.Add([]byte(response("<array><data><value><struct><member><name>Q0.rdlo</name><value><base64>AAAA</base64></value></member></struct></value></data></array>")))
	f.Add([]byte(response("<struct><member><name>0</name><value><double>1.5</double></value></member></struct>")))
	f.Add([]byte("<methodResponse><fault><value><int>1</int></value></fault></methodResponse>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		value, err := parseResponse(bytes.Clone(text))
		if err != nil {
			return
		}
		written, err := appendValue(nil, value)
		if err != nil {
			return // a text that XML reads as a replacement character
		}
		again, err := parseResponse([]byte("<methodResponse><params><param>" + string(written) + "</param></params></methodResponse>"))
		if err != nil || !reflect.DeepEqual(again, value) {
			t.Fatalf("%#v became %#v, %v", value, again, err)
		}
	})
}
