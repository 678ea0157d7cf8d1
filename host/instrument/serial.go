package instrument

import (
	"context"
	"net"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"go.bug.st/serial"
)

// serialWire is a serial line. Its reads wake up to look at ctx; its writes, which the
// system may hold for as long as the other side does not listen, are left alone.
type serialWire struct {
	port serial.Port
	out  blocking
}

const serialTick = 20 * time.Millisecond

var (
	parities = map[string]serial.Parity{"none": serial.NoParity, "odd": serial.OddParity, "even": serial.EvenParity,
		"mark": serial.MarkParity, "space": serial.SpaceParity}
	stops = map[string]serial.StopBits{"1": serial.OneStopBit, "2": serial.TwoStopBits}
)

func openSerial(ctx context.Context, path string, line config.SerialLine, leave func() func()) (wire, error) {
	mode := &serial.Mode{BaudRate: line.Baud, DataBits: line.DataBits, Parity: parities[line.Parity], StopBits: stops[line.StopBits]}
	port, err := within(ctx, func() (serial.Port, error) { return serial.Open(path, mode) })
	if err != nil {
		return nil, err
	}
	w := &serialWire{port: port, out: blocking{rw: port, leave: leave}}
	w.out.nudge = func() { _ = port.ResetOutputBuffer() }
	return w, nil
}

func (w *serialWire) read(ctx context.Context, p []byte) (int, error) {
	for !w.out.left.Load() {
		wait := serialTick
		if deadline, ok := ctx.Deadline(); ok {
			wait = max(0, min(wait, time.Until(deadline)))
		}
		if err := w.port.SetReadTimeout(wait); err != nil {
			return 0, err
		}
		if n, err := w.port.Read(p); n > 0 || err != nil {
			return n, err
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
	}
	return 0, net.ErrClosed
}

func (w *serialWire) write(ctx context.Context, p []byte) (int, error) { return w.out.write(ctx, p) }

func (w *serialWire) close() { w.out.close() }
