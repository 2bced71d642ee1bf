package connection

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"
)

// delayed is a source of messages that come one by one, each after its time.
type delayed []time.Duration

func (d *delayed) Read(b []byte) (int, error) {
	time.Sleep((*d)[0]) // of the bubble
	*d = (*d)[1:]
	message := binary.BigEndian.AppendUint64([]byte{1}, 1)
	return copy(b, append(message, 'x')), nil
}

// TestInletGivesWay: before a message that it had to wait for, and not before one
// that came at once, nor where messages are read in rounds.
func TestInletGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		came := delayed{time.Second, 0, awaited - 1, awaited, 0, time.Second}
		given := 0
		in := &Inlet{giveWay: func() { given++ }}
		wire := &pipe{stream: newStream(&came, inletBuffer)}
		for i, want := range []int{1, 1, 1, 2, 2, 2} {
			size, err := in.await(&inPipe{rounds: i == 5}, wire)
			if err == nil {
				_, err = wire.body(size, 0)
			}
			if err != nil {
				t.Fatal(err)
			}
			if given != want {
				t.Errorf("after message %d it gave way %d times, want %d", i, given, want)
			}
		}
	})
}
