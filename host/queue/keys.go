package queue

// Keys names everything that a node touches in Redis (protocol, 9.1). Ids go
// into names unescaped, as the cloud writes them.
type Keys struct {
	Stream string // jobs for this QPU
	Group  string // the nodes that share them
	Dead   string // messages that can never be processed or delivered
}

// KeysOf are the names for a QPU.
func KeysOf(qpuID string) Keys {
	prefix := "qpu:" + qpuID + ":"
	return Keys{Stream: prefix + "jobs", Group: prefix + "workers", Dead: prefix + "dead"}
}

// StatusKey is the hash that tells how a job stands.
func StatusKey(jobID string) string { return "qpu:job:" + jobID + ":status" }

// CancelKey exists once the cloud has cancelled a job, whatever its value.
func CancelKey(jobID string) string { return "qpu:job:cancelled:" + jobID }

// DecisionKey is the hash that holds a job's outcome from the moment it stands for
// every node until the cloud has it.
func DecisionKey(jobID string) string { return "qpu:job:" + jobID + ":decision" }
