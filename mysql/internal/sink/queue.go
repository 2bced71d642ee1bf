package sink

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/delivery"
	"ekuiper-mysql/mysql/internal/journal"
)

// journals is the folder of all journals below the one that outlives the plugin.
const journals = "journal"

// lockWait bounds the wait for a former process to let go of a journal: it has
// been killed, and the kernel is quick.
const lockWait = 2 * time.Second

// openQueue opens the queue of one identity: on disk, or in memory where the
// rule says so.
func (o *Outboxes) openQueue(id identity, c *config.Config, log api.Logger) (journal.Queue, error) {
	if !c.Journal {
		return journal.NewMemory(c.MaxQueueBytes), nil
	}
	dir, err := o.journalDir(id)
	if err != nil {
		return nil, fmt.Errorf("the journal: %w; or set the property journal to off", err)
	}
	options := journal.Options{
		Dir:      dir,
		Identity: fmt.Sprintf(identityText, id.rule, id.op, id.instance, id.destination()),
		MaxBytes: c.MaxJournalBytes, MaxAge: c.MaxJournalAge, SyncEvery: c.Fsync, Log: log, Budget: o.messages,
		Full: map[string]journal.Policy{"block": journal.Block, "dropOldest": journal.DropOldest, "refuse": journal.Refuse}[c.WhenFull],
	}
	wait, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		d, err := journal.Open(options)
		if err == nil {
			o.orphans.note(options.Dir, log)
			return d, nil
		}
		if !errors.Is(err, journal.ErrLocked) {
			return nil, err
		}
		select {
		case <-again.C:
		case <-wait.Done():
			return nil, err
		}
	}
}

// journalDir is the folder of one identity's journal.
func (o *Outboxes) journalDir(id identity) (string, error) {
	folder, err := o.folder()
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, journals, journal.DirName(id.rule, id.op, id.instance, id.destination())), nil
}

// destination names server, database and table.
func (id identity) destination() string { return id.target + "/" + id.table }

// messages is a journal as delivery sees it.
type messages struct{ journal.Queue }

func (m messages) Next() (delivery.Message, bool) {
	j, ok := m.Queue.Next()
	if !ok {
		return delivery.Message{}, false
	}
	d := delivery.Message{First: j.First, Data: j.Data, Replayed: j.Replayed}
	accepted := j.Accepted()
	d.Accepted, d.Nanos = uint32(accepted.Unix()), accepted.UnixNano()
	if j.Replayed {
		replayed := j // its own, or each message would be allocated
		d.Settled = replayed.Settled
	}
	return d, true
}

func (m messages) Settle(fate delivery.Fate, from, to uint64) {
	m.Queue.Settle(fateOf(fate), journal.Span{From: from, To: to})
}

func fateOf(fate delivery.Fate) journal.Fate {
	switch fate {
	case delivery.SetAside:
		return journal.SetAside
	case delivery.Superseded:
		return journal.Superseded
	}
	return journal.Stored
}

// SettleAll settles rows that lie apart with one write, where fates do not alternate.
func (m messages) SettleAll(all []delivery.Settlement) {
	var spans []journal.Span
	for from := 0; from < len(all); {
		to := from
		spans = spans[:0]
		for ; to < len(all) && all[to].Fate == all[from].Fate; to++ {
			spans = append(spans, journal.Span{From: all[to].From, To: all[to].To})
		}
		m.Queue.Settle(fateOf(all[from].Fate), spans...)
		from = to
	}
}
