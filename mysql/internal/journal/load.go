package journal

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sort"
)

// maxState bounds a state file that is read, in bytes: there is nothing larger
// that we wrote.
const maxState = 1 << 28

// stateFile is a state file as it was found.
type stateFile struct {
	path    string
	number  uint64 // in its name
	data    []byte
	intact  bool // the snapshot is
	content snapshot
	entries int // where they begin
}

// readState reads all state files in names, oldest first.
func (d *Disk) readState(names []string) (files []*stateFile, err error) {
	for _, name := range names {
		number, ok := fileNumber(name, stateSuffix)
		if !ok {
			continue
		}
		f := &stateFile{path: filepath.Join(d.o.Dir, name), number: number}
		if f.data, err = d.readAll(f.path); err != nil {
			return nil, err
		}
		if f.content, f.entries, f.intact, err = parseSnapshot(f.data); err != nil {
			return nil, fmt.Errorf("%s: %w", f.path, err)
		}
		files = append(files, f)
	}
	sort.Slice(files, func(i, j int) bool { return files[i].number < files[j].number })
	return files, nil
}

func (d *Disk) readAll(path string) ([]byte, error) {
	f, err := d.fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil || size > maxState {
		return nil, err
	}
	data := make([]byte, size)
	n, err := f.ReadAt(data, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		// Bad sectors: what can be read is used, the rest is damage.
		d.log.Errorf("journal: %s cannot be read beyond byte %d: %v", path, n, err)
	}
	return data[:n], nil
}

// pickState chooses the snapshot to begin with: the last whole one, if possible
// of the journal that was asked for.
func (d *Disk) pickState(files []*stateFile) (known bool) {
	var best *stateFile
	for _, f := range files {
		d.state.generation = max(d.state.generation, f.number)
		if f.intact && (best == nil || f.content.identity == d.o.Identity || best.content.identity != d.o.Identity) {
			best = f
		}
	}
	if best == nil {
		return false
	}
	d.prior = best.content
	d.id, d.salt = best.content.journal, best.content.journal.salt()
	d.next = position{best.content.nextRecord, best.content.nextRow}
	d.counts, d.lastBytes = best.content.counts, best.content.lastBytes
	d.settled.list = best.content.settled
	return true
}

// loadEntries applies the entries of all of the journal's files. One that the
// snapshot knows changes nothing, so that the file before it does no harm, and
// helps where the snapshot is not the newest. clean says that the last run
// ended in order.
func (d *Disk) loadEntries(files []*stateFile) (clean bool) {
	for _, f := range files {
		if f.intact && f.content.journal != d.id {
			d.putAside(f.path, "it belongs to another journal")
			continue
		}
		var skipped int
		clean, skipped = d.applyEntries(f)
		switch {
		case len(f.data) == 0:
			d.outdated = append(d.outdated, f.path)
		case !f.intact:
			d.addDamage(f.path, 0, int64(len(f.data)))
			d.broken = append(d.broken, f.path)
		case skipped > 0:
			d.addDamage(f.path, int64(f.entries), int64(skipped))
			d.broken = append(d.broken, f.path)
		default:
			d.outdated = append(d.outdated, f.path)
		}
	}
	return clean
}

// applyEntries applies the entries of one file. skipped are the bytes between
// them that are none; what follows the last is the rest of a write.
func (d *Disk) applyEntries(f *stateFile) (clean bool, skipped int) {
	gap := 0
	for at := f.entries; at < len(f.data); {
		e, ok := parseEntry(f.data[at:], d.salt)
		if !ok {
			at++
			gap++
			continue
		}
		at += entrySize
		skipped, gap = skipped+gap, 0
		if clean = e.fate == closedMark; clean {
			d.next = position{max(d.next.record, e.span.From), max(d.next.row, e.span.To)}
			continue
		}
		d.settled.add(e.span, func(part Span) { d.counts[e.fate] += part.To - part.From })
		d.next.row = max(d.next.row, e.span.To)
	}
	return clean && gap == 0, skipped
}
