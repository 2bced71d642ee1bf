package delivery

import "sync/atomic"

// Health is what is known about one server, shared by all that write to it,
// so that one rule's finding spares the others the wait.
type Health struct {
	isDown   atomic.Bool
	progress atomic.Int64
}

// Down tells whether the server is known not to answer, or to refuse.
func (h *Health) Down() bool { return h.isDown.Load() }

// Progress grows with every answer of the server that moved rows.
func (h *Health) Progress() int64 { return h.progress.Load() }

// Suspect marks the server as down until it answers again: for one that does
// not answer at all, which no error tells of until a timeout.
func (h *Health) Suspect() { h.isDown.Store(true) }

func (h *Health) up() {
	h.progress.Add(1)
	if h.isDown.Load() {
		h.isDown.Store(false)
	}
}

func (h *Health) down() { h.isDown.Store(true) }
