package conformance

// Failures are the checks that failed, as "group: name".
func (r *Report) Failures() []string {
	var names []string
	for _, c := range r.Checks {
		if c.Status == Failed {
			names = append(names, c.Group+": "+c.Name)
		}
	}
	return names
}
