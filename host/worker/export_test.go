package worker

// SetRandom has a worker spread its waits by these numbers, in [0, 1).
func (w *Worker) SetRandom(random func() float64) { w.random = random }
