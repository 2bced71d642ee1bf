package memory

import (
	"fmt"
	"strings"
	"testing"
)

// TestShares: however many users there are, each that takes what it may
// settles at the same share, and all together stay within the limit.
func TestShares(t *testing.T) {
	for _, users := range []int{1, 2, 10, 200, 5000} {
		b := New(64 << 20)
		using := make([]int64, users)
		for range 5000 { // a message at a time
			for i := range using {
				step := int64(1 << 10)
				if using[i] > b.Share() {
					step = -step
				}
				b.Use(step)
				using[i] += step
			}
		}
		if b.Used() > 64<<20 {
			t.Errorf("%d users have %d bytes", users, b.Used())
		}
		fair := int64(64<<20) / int64(users+parts)
		for i, n := range using {
			if n < fair*9/10 || n > fair*11/10 {
				t.Fatalf("user %d of %d has %d bytes, of which %d are its share", i, users, n, fair)
			}
		}
	}
}

func TestSpent(t *testing.T) {
	b := New(1 << 20)
	b.Use(3 << 20)
	if b.Share() != 0 {
		t.Errorf("%d bytes of what is spent", b.Share())
	}
	b.Use(-3 << 20)
	if b.Used() != 0 || b.Share() != 1<<20/parts {
		t.Errorf("%d used, %d to have", b.Used(), b.Share())
	}
}

func TestParseLimit(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
	}{
		{"", Usual},
		{"1048576", 1 << 20},
		{"1MiB", 1 << 20},
		{"256MiB", 256 << 20},
		{"2 GiB", 2 << 30},
		{"2048KiB", 2 << 20},
		{"1024GiB", 1 << 40},
		{"1025GiB", 0},
		{"9999999999999GiB", 0},
		{"1048575", 0},
		{"0", 0},
		{"-5MiB", 0},
		{"much", 0},
		{"MiB", 0},
		{"1MB", 0},
	} {
		got, err := ParseLimit(c.text)
		if c.want == 0 {
			if err == nil || got != Usual || !strings.Contains(err.Error(), Setting) || !strings.Contains(err.Error(), fmt.Sprintf("%q", c.text)) {
				t.Errorf("%q: %d, %v", c.text, got, err)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%q: %d, %v; want %d", c.text, got, err, c.want)
		}
	}
}
