//go:build unix

package marker

import (
	"os"

	"ekuiper-mysql/mysql/internal/pages"
)

func newArea(f *os.File) (area, error) {
	p, err := pages.Map(f, 0, fileSize)
	if err != nil {
		return nil, err
	}
	return p, f.Close()
}
