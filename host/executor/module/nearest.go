package module

// nearest is the known name that was probably meant, or "" where none is close.
func nearest(s string, known []string) string {
	best, least := "", min(3, len(s)/2)+1
	for _, k := range known {
		if d := distance(s, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// farthest bounds the work: no name of the contract is longer.
const farthest = 64

// distance counts the letters to insert, delete or replace between two names.
func distance(a, b string) int {
	if len(a) > farthest || len(b) > farthest {
		return farthest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
