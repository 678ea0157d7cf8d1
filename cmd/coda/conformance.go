package main

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/conformance"
)

// showConformance writes what the checks of an executor found, for people.
func (c *cli) showConformance(v *verdict) {
	s := &sheet{width: c.stdout.width}
	limits, usual := maps.Clone(v.Limits), config.DefaultLimits.ByKey()
	where := ""
	if v.Path == "" {
		where = indent + "built in"
	}
	fmt.Fprintf(&s.b, "%s%s\n", c.stdout.paint(bold, printable(v.Ref)), c.stdout.paint(dim, where))
	s.line("sha256", "%s", v.SHA256)
	s.line("tested", "%s, by coda %s, %s", v.Date.Format(time.RFC3339), v.Coda, v.Contract)
	if v.DeviceFile != "" {
		s.line("settings", "of %s, sha256 %s", v.DeviceFile, v.Settings)
	}
	if v.Grants != "" {
		s.line("grants", "sha256 %s", v.Grants)
	}
	maps.DeleteFunc(limits, func(key, value string) bool { return value == usual[key] })
	if len(limits) > 0 {
		s.line("limits", "%s", shownLimits(limits))
	}
	if len(v.Only) > 0 {
		s.line("only", "%s", strings.Join(v.Only, ", "))
	}
	if v.Device != nil {
		s.line("device", "%s", describe(v.Device))
	}
	if v.Physics != "" {
		s.line("physics", "%s: %s", v.Physics, v.Why)
	}
	if v.Compared > 0 {
		s.line("", "%s compared; a right executor fails by chance in at most %.0e of runs", plural(v.Compared, "outcome"),
			math.Pow10(int(math.Ceil(math.Log10(v.FalseAlarm)))))
	}
	s.b.WriteByte('\n')
	for i := range v.Checks {
		c.showCheck(&s.b, &v.Checks[i])
	}
	if len(v.Budgets) > 0 {
		s.b.WriteByte('\n')
	}
	for _, b := range v.Budgets {
		s.line(b.Name, "%s of %s used, %.1f %% left", amount(b.Used, b.Unit), amount(b.Limit, b.Unit), 100-b.Percent())
	}
	fmt.Fprintf(&s.b, "\n%d passed, %d failed, %d skipped; %s in %s\n",
		v.Passed, v.Failed, v.Skipped, plural(v.Jobs, "job"), amount(v.Seconds, "seconds"))
	c.stdout.printf("%s", s.b.String())
}

func (c *cli) showCheck(b *strings.Builder, check *conformance.Check) {
	status := fmt.Sprintf("%-9s", check.Status)
	switch check.Status {
	case conformance.Failed:
		status = c.stdout.paint(bold, fmt.Sprintf("%-9s", "FAILED"))
	case conformance.Skipped:
		status = c.stdout.paint(dim, status)
	}
	line := fmt.Sprintf("%-14s%s", check.Group, printable(check.Name))
	fmt.Fprintf(b, "  %s%s\n", status, line)
	detail := func(label, text string) {
		if text != "" {
			fmt.Fprintf(b, "%27s %s\n", label, printable(text))
		}
	}
	detail("asked", check.Asked)
	detail("got", check.Got)
	detail("rule", check.Rule)
	detail("since", check.Reason)
	for _, remark := range check.Remarks {
		detail("note", remark)
	}
}

// amount writes an amount with its unit.
func amount(n float64, unit string) string {
	switch {
	case unit == "bytes":
		return binary(int(n))
	case unit != "seconds":
		return fmt.Sprintf("%.0f %s", n, unit)
	case n < 1:
		return fmt.Sprintf("%.3g ms", 1000*n)
	default:
		return fmt.Sprintf("%.3g s", n)
	}
}
