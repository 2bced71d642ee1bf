package journal

import (
	"os"
	"path/filepath"
	"sort"
)

// intake reads the intake's file. A running journal may be writing to it: what
// looks damaged is read again.
func (w *walk) intake() (data []byte) {
	for range 5 {
		var err error
		if data, err = os.ReadFile(filepath.Join(w.dir, intakeName)); err != nil {
			return nil
		}
		damaged := false
		slots, _ := findSlots(data)
		for _, s := range slots {
			_, _, between := slotRecords(data, s.owner.salt(), s)
			damaged = damaged || s.damaged || len(between) > 0
		}
		if !damaged {
			break
		}
	}
	return data
}

// readNotes looks whether it is known how old rows are.
func (w *walk) readNotes(names []string) error {
	for _, name := range names {
		if _, ok := fileNumber(name, clockSuffix); !ok {
			continue
		}
		data, there, err := w.file(name)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		if _, ok := parseNote(data); !ok {
			w.damage(name, 0, max(len(data), 1))
		}
	}
	return nil
}

// readIntake visits the messages of the intake that no segment holds, in what was
// read of it earlier and later. After a power cut nothing in it counts as damaged.
func (w *walk) readIntake(earlier, later []byte) error {
	type place struct {
		record
		data []byte
	}
	var all []place
	for again, data := range [][]byte{earlier, later} {
		slots, _ := findSlots(data)
		for _, s := range slots {
			records, at, between := slotRecords(data, w.salt, s)
			for i, r := range records {
				all = append(all, place{r, data[at[i]+recordHead : at[i]+r.size()]})
			}
			if again == 0 || OS.Boot() != w.base.boot { // the same damage is in both
				continue
			}
			for _, g := range between {
				w.in.Damaged += g.bytes
				w.damage(intakeName, int(g.off), int(g.off+g.bytes))
			}
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].number < all[j].number })
	for _, p := range all {
		if p.number < w.nextDone {
			continue
		}
		w.in.Counts.DiskBytes += p.size()
		if err := w.visit(p.record, p.data); err != nil {
			return err
		}
	}
	return nil
}
