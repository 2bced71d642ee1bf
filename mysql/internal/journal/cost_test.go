package journal

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhatAPowerCutCosts writes 500 rows a second and cuts the power at a
// random moment: the rows that are gone are those of the last sync interval at
// most, none with Always, and none without a power cut.
func TestWhatAPowerCutCosts(t *testing.T) {
	const perSecond, cuts = 500, 20
	for _, every := range []time.Duration{Always, 100 * time.Millisecond, time.Second, 5 * time.Second} {
		most, sum := 0, 0
		for i := range cuts {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(uint64(i), 3))
				fs := newSimFS(rng)
				d, err := Open(Options{
					Dir: "j", Identity: "x", MaxBytes: 16 << 20, SyncEvery: every, FS: fs, intakeBytes: int64(i % 2 * 256 << 10),
				})
				if err != nil {
					t.Fatal(err)
				}
				written := 3000 + rng.IntN(3000)
				for n := range written {
					put(t, d, string(message(n, 100)))
					time.Sleep(time.Second / perSecond) // of the bubble
				}
				crash(d)
				fs.Restart(true)
				if d, err = Open(d.o); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = d.Close() }()
				gone := written - int(d.Counts().Pending)
				most, sum = max(most, gone), sum+gone
			})
		}
		t.Logf("fsync %v: %d power cuts cost %d rows at most, %.1f on average, at %d rows/s", every, cuts, most, float64(sum)/cuts, perSecond)
		if limit := int(every.Seconds()*perSecond) + 1; every == Always && most > 0 || most > limit {
			t.Errorf("fsync %v: %d rows are gone, at most %d may be", every, most, limit)
		}
	}
}
