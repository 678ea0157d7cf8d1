package devcloud

import (
	"slices"
	"testing"
)

func TestTheSameSeedHitsTheSameRequests(t *testing.T) {
	t.Parallel()
	const n, share = 10_000, 0.3
	draw := func(seed uint64) (hits []int) {
		var p plan
		if _, err := p.add(Fault{Endpoint: "webhook", Reset: true, Share: share, Seed: seed}); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if p.hit("webhook") != nil {
				hits = append(hits, i)
			}
		}
		return hits
	}
	first := draw(1)
	if !slices.Equal(first, draw(1)) {
		t.Error("the same seed hits other requests")
	}
	if slices.Equal(first, draw(2)) {
		t.Error("another seed hits the same requests")
	}
	if len(first) < 2800 || len(first) > 3200 { // four standard deviations
		t.Errorf("%d of %d requests were hit, with a chance of %g", len(first), n, share)
	}
}
