package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
)

// maxPart bounds what a name shows of the rule and of the op, in bytes.
const maxPart = 24

// DirName returns the folder name of the journal of one action of one rule to
// one target, where target names server, database and table, and holds no
// secret. The name begins readably and ends in a hash of everything, so that
// two identities never share one, not even where capitals do not count, as on
// Windows. It is at most 100 bytes of a-z, 0-9 and '-'.
func DirName(rule, op string, instance int, target string) string {
	h := sha256.New()
	for _, part := range []string{rule, op, strconv.Itoa(instance), target} {
		var length [8]byte // so that no two lists of parts run into the same text
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	return readable(rule) + "-" + readable(op) + "-" + strconv.Itoa(instance) + "-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// readable keeps of text what every file system takes.
func readable(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		if b.Len() == maxPart {
			break
		}
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if n := b.Len(); n > 0 && b.String()[n-1] != '-' {
			b.WriteByte('-')
		}
	}
	if name := strings.Trim(b.String(), "-"); name != "" {
		return name
	}
	return "x"
}
