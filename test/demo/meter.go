package main

import "time"

// meter turns counts into a rate over the last seconds.
type meter struct {
	began   time.Time
	samples []sample // the last ones, oldest first
	moved   time.Time
}

type sample struct {
	at    time.Time
	count int64
}

// window is what a rate is averaged over: shorter ones jump about.
const window = 2 * time.Second

func newMeter(now time.Time) *meter {
	return &meter{began: now, moved: now, samples: []sample{{at: now}}}
}

func (m *meter) note(now time.Time, count int64) {
	if count != m.last().count {
		m.moved = now
	}
	m.samples = append(m.samples, sample{at: now, count: count})
	for len(m.samples) > 2 && now.Sub(m.samples[1].at) >= window {
		m.samples = m.samples[1:]
	}
}

// rate is in rows/s.
func (m *meter) rate() int64 {
	first, last := m.samples[0], m.last()
	span := last.at.Sub(first.at).Seconds()
	if span <= 0 {
		return 0
	}
	return int64(float64(last.count-first.count)/span + 0.5)
}

func (m *meter) last() sample { return m.samples[len(m.samples)-1] }

// elapsed is the time from the start to the last count.
func (m *meter) elapsed() time.Duration { return m.last().at.Sub(m.began) }

// still is how long the count has not changed.
func (m *meter) still() time.Duration { return m.last().at.Sub(m.moved) }
