package conformance

import (
	"context"
	"fmt"
)

// ample is how much of a budget may be used without a remark, in percent.
const ample = 80

func budgetChecks(*suite) []check {
	return []check{{"budgets", "within the limits", budgets}}
}

// budgets compares what the checks before used with the limits. What exceeds one is
// stopped by the host, so only a margin that is small is to be seen here.
func budgets(_ context.Context, s *suite) error {
	s.report.Budgets = append(s.report.Budgets, s.e.Budgets()...)
	if len(s.report.Budgets) == 0 {
		return skipped("nothing was measured")
	}
	for _, b := range s.report.Budgets {
		switch percent := b.Percent(); {
		case percent > 100:
			return &finding{
				asked: "all that was asked before", got: fmt.Sprintf("%s: %.4g of %.4g %s", b.Name, b.Used, b.Limit, b.Unit),
				rule: "the limits of the device file (guests/README.md, limits)",
			}
		case percent > ample:
			s.remark("%s: %.0f %% of its limit is used", b.Name, percent)
		}
	}
	return nil
}
