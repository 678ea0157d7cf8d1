package conformance

import "context"

func safetyChecks(*suite) []check {
	return []check{{"safety", "make-safe", makeSafe}}
}

// leave closes the executor, which leaves its hardware at rest. That is no check of
// its own unless it fails.
func (s *suite) leave(ctx context.Context) {
	err := s.e.Close()
	s.e = nil
	if err == nil {
		return
	}
	s.do(ctx, check{"safety", "at the end", func(context.Context, *suite) error {
		return &finding{
			asked: "make-safe, once the executor is closed", got: err.Error(),
			rule: "make-safe is called when a node stops as well (executor.wit, interface safety)", err: err,
		}
	}}, 0, 0)
}

// makeSafe brings the hardware to rest twice, each time in a fresh instance that
// was not opened, and runs a job afterwards.
func makeSafe(ctx context.Context, s *suite) error {
	if !s.subject.Safety {
		return skipped("the file does not export safety")
	}
	for _, asked := range []string{"make-safe, in a fresh instance", "make-safe, once more"} {
		if err := s.e.MakeSafe(ctx); err != nil {
			return &finding{
				asked: asked, got: err.Error(),
				rule: "make-safe brings the hardware to rest in a fresh, unopened instance (executor.wit, interface safety)", err: err,
			}
		}
	}
	return s.next(ctx, "make-safe")
}
