package link

import "slices"

// Change is what a burst of events came to.
type Change struct {
	Before, After State // not to be written to

	Links     bool // interfaces came, went, or changed but for their addresses
	Addresses bool // interfaces got or lost addresses
	Routes    bool // routes came or went; of those that go with their interface the kernel does not tell

	// Missed: the system told of more than this could take in. Everything was read
	// anew, and what came and went in between is not known.
	Missed bool

	broken map[string]bool // could be used at one moment of the burst, and not at a later one
}

// Lost reports whether an interface that could be used no longer can, or could not
// for a moment: it is gone, down, without an address, or its name is another
// device's now.
func (c Change) Lost(name string) bool {
	before, after := c.Before[name], c.After[name]
	return before.Usable() && (!after.Usable() || after.Index != before.Index || c.broken[name])
}

// Gained reports whether an interface can be used that could not before, or that
// was lost for a moment.
func (c Change) Gained(name string) bool {
	return c.After[name].Usable() && (!c.Before[name].Usable() || c.Lost(name))
}

// compare makes a change of what was and what is.
func compare(before, after State) Change {
	c := Change{Before: before, After: after, Links: len(before) != len(after)}
	for name, now := range after {
		was, found := before[name]
		c.Links = c.Links || !found || !was.same(now)
		c.Addresses = c.Addresses || !slices.Equal(was.Addrs, now.Addrs)
	}
	for name, was := range before {
		if _, found := after[name]; !found {
			c.Links = true
			c.Addresses = c.Addresses || len(was.Addrs) > 0
		}
	}
	return c
}

// same compares all but the addresses.
func (i Interface) same(other Interface) bool {
	return i.Index == other.Index && i.Name == other.Name && i.Up == other.Up && i.Tun == other.Tun
}

// any reports whether there is something to tell.
func (c Change) any() bool { return c.Links || c.Addresses || c.Routes || c.Missed }
