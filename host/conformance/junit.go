package conformance

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// Property is a name and a value that go with a report in JUnit's XML.
type Property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitSuites struct {
	XMLName xml.Name   `xml:"testsuites"`
	Suite   junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string      `xml:"name,attr"`
	Tests      int         `xml:"tests,attr"`
	Failures   int         `xml:"failures,attr"`
	Errors     int         `xml:"errors,attr"`
	Skipped    int         `xml:"skipped,attr"`
	Time       string      `xml:"time,attr"` // seconds
	Timestamp  string      `xml:"timestamp,attr"`
	Properties []Property  `xml:"properties>property"`
	Cases      []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure"`
	Error   *junitMessage `xml:"error"`
	Skipped *junitMessage `xml:"skipped"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the report in the XML that continuous integration reads after
// JUnit: one suite of that name, one case for each check, its class being the group. Why
// it could not be tested, where it could not, is a case that ends in an error.
func (r *Report) WriteJUnit(w io.Writer, name string, at time.Time, untested string, properties []Property) error {
	suite := junitSuite{
		Name: clean(name), Tests: len(r.Checks), Failures: r.Count(Failed), Skipped: r.Count(Skipped),
		Time: fmt.Sprintf("%.6f", r.Seconds), Timestamp: at.UTC().Format("2006-01-02T15:04:05"),
	}
	for _, p := range properties {
		suite.Properties = append(suite.Properties, Property{p.Name, clean(p.Value)})
	}
	for _, c := range r.Checks {
		out := junitCase{
			Class: "coda." + c.Group, Name: c.Name, Time: fmt.Sprintf("%.6f", c.Seconds),
			Output: clean(strings.Join(c.Remarks, "\n")),
		}
		switch c.Status {
		case Failed:
			out.Failure = &junitMessage{clean(c.Got), clean(fmt.Sprintf("asked: %s\ngot:   %s\nrule:  %s", c.Asked, c.Got, c.Rule))}
		case Skipped:
			out.Skipped = &junitMessage{Message: clean(c.Reason)}
		}
		suite.Cases = append(suite.Cases, out)
	}
	if untested != "" {
		suite.Tests, suite.Errors = suite.Tests+1, 1
		suite.Cases = append(suite.Cases, junitCase{
			Class: "coda", Name: "tested", Time: fmt.Sprintf("%.6f", 0.0), Error: &junitMessage{Message: clean(untested)},
		})
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(junitSuites{Suite: suite}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// clean replaces what XML cannot hold, and what a terminal would obey.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r == 0xfffe || r == 0xffff {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}
