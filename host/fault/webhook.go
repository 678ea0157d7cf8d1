package fault

// Disposition is what follows a POST that did not deliver its result.
type Disposition uint8

// The dispositions.
const (
	TryAgain    Disposition = iota // the receiver or the way to it is out of order for now
	SignAgain                      // the token was refused: sign anew, then try again
	Rejected                       // the body was refused: a few more attempts, then park it
	Park                           // no attempt can help: keep the body for the operator
	Misdirected                    // the way leads elsewhere: try again, and raise an alarm, since it takes a person to mend it
)

var dispositions = [...]string{"try again", "sign again", "rejected", "park", "misdirected"}

func (d Disposition) String() string {
	if int(d) < len(dispositions) {
		return dispositions[d]
	}
	return "unknown"
}
