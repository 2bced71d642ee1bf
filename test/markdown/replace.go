package markdown

import (
	"fmt"
	"os"
	"strings"
)

// Replace puts text between the lines begin and end of a file, which measured
// tables are written between.
func Replace(path, begin, end, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("write the report: %s has no lines %q and %q", path, begin, end)
	}
	return os.WriteFile(path, []byte(before+begin+"\n\n"+text+"\n"+end+after), 0o644)
}
