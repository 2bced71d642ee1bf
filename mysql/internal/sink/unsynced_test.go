package sink

import (
	"context"
	"errors"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/journal"
	"ekuiper-mysql/test/stream"
)

// slowDisk syncs files only while it is told to.
type slowDisk struct {
	journal.FS
	asked chan struct{} // receives when a file is to be synced
	may   chan struct{} // closed: it is
}

type slowFile struct {
	journal.File
	disk *slowDisk
}

func (d *slowDisk) Create(path string) (journal.File, error) {
	f, err := d.FS.Create(path)
	if err != nil {
		return nil, err
	}
	return &slowFile{f, d}, nil
}

func (f *slowFile) Sync() error {
	select {
	case f.disk.asked <- struct{}{}:
	default:
	}
	<-f.disk.may
	return f.File.Sync()
}

// A message that was not synced in time is sent again, and not acknowledged
// before it is.
func TestMessageThatComesAgainIsSyncedFirst(t *testing.T) {
	disk := &slowDisk{FS: journal.OS, asked: make(chan struct{}, 1), may: make(chan struct{})}
	close(disk.may)
	queue, err := journal.Open(journal.Options{Dir: t.TempDir() + "/j", Identity: "i", MaxBytes: 1 << 20, FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	defer queue.Close()
	for len(disk.asked) > 0 {
		<-disk.asked
	}
	disk.may = make(chan struct{})
	s := New(nil)
	s.config = &config.Config{RequireAck: true, Journal: true}
	s.outbox.Store(&outbox{queue: queue})
	message := []byte(`{"id":1}`)
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := s.Collect(&stream.Context{Context: ctx}, message); !errors.Is(err, journal.ErrUnsynced) {
			t.Errorf("not synced yet: %v", err)
		}
		cancel()
	}
	close(disk.may)
	if err := s.Collect(&stream.Context{Context: t.Context()}, message); err != nil {
		t.Error(err)
	}
	if n := queue.Counts().Received; n != 1 {
		t.Errorf("%d rows received, want 1", n)
	}
}
