package deadletter

import (
	"errors"
	"fmt"
	"io"
)

// A folder that is removed or moved away takes the names of the files in it:
// letters would go on to files that nobody finds again. The lock's file tells
// of it before a letter is written.

// anchor makes the folder anew where it is gone, and goes on as after an Open.
// The letters before are gone: whoever has removed them may have wanted that.
func (w *writer) anchor() error {
	g, ok := w.lock.(Witness)
	if !ok || !g.Gone() {
		return nil
	}
	err := w.fs.MkdirAll(w.dir)
	var lock io.Closer
	if err == nil {
		lock, err = w.fs.Lock(w.path(lockName), false)
	}
	if err != nil {
		return fmt.Errorf("the folder was removed or moved away while it was in use, and cannot be made anew: %w", err)
	}
	w.mu.Lock()
	before := w.held
	w.mu.Unlock()
	anew, err := openWriter(w.Store, w.nextID)
	if err != nil {
		return errors.Join(err, lock.Close()) // the next letter tries again
	}
	_, _ = w.active.Close(), w.lock.Close()
	anew.failing = w.failing
	*w = *anew
	w.lock = lock
	w.mu.Lock()
	defer w.mu.Unlock()
	w.options.Logger.Errorf("dead letters: the folder %s was removed or moved away while it was in use: it is made anew; it had %d letters and has %d now. To discard letters use mysql deadletters purge", w.dir, before, w.held)
	return nil
}
