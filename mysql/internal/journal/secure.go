package journal

import "errors"

// secure makes durable what a former run has written last, and may not have
// synced, or cut off: its numbers are followed by others from now on, and a
// sender that has not heard of it is told that it is kept. Where that fails it
// is as if the last message were another, and it is taken again; the next run
// is to try again.
func (d *Disk) secure() {
	var err error
	if d.state.stale { // else the names were synced with that of the new state file
		err = d.fs.SyncDir(d.o.Dir)
	}
	for _, s := range d.segments {
		if s.summarised || s.size == 0 || s.slot != nil { // what is in the intake counts as not synced
			continue
		}
		if e := d.secureSegment(s); e != nil {
			err = e
			s.plain = true // a summary would vouch for it
		}
	}
	if err != nil {
		d.log.Errorf("journal %s: what the run before has written last cannot be synced: %v", d.o.Dir, err)
		d.lastBytes = digest{}
		d.unsecured = true
		d.intake.off, d.intake.keep = true, true // it may have what the disk has not
	}
}

// secureSegment writes what the file has once more before it syncs it: a sync
// that failed in the run before, which was killed then, has left pages that
// pass for written and are not on the disk, and another sync would pass over
// them.
func (d *Disk) secureSegment(s *segment) error {
	file, err := d.fs.Reopen(s.path)
	if err != nil {
		return err
	}
	if err = writeAgain(file, s.size, d.reader.scan.window); err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

const badSector = 4096 // bytes that a disk refuses together

// writeAgain writes the first size bytes of file in their places, but for what
// cannot be read.
func writeAgain(file File, size int64, window []byte) error {
	if cap(window) == 0 {
		window = make([]byte, windowSize)
	}
	window = window[:cap(window)]
	for at := int64(0); at < size; {
		b := window[:min(int64(len(window)), size-at)]
		n, _ := file.ReadAt(b, at)
		if n < len(b) { // a bad place
			if n == 0 {
				at = min(at-at%badSector+badSector, size)
				continue
			}
			b = b[:n]
		}
		if _, err := file.WriteAt(b, at); err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}
