package journal

import (
	"encoding/hex"
	"os"
	"strings"
)

// boot reads the number that the kernel gives itself at random when it starts.
func boot() (id [16]byte) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return id
	}
	digits, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))
	if err == nil {
		copy(id[:], digits)
	}
	return id
}
