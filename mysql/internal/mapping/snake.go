package mapping

import (
	"unicode"
	"unicode/utf8"
)

// appendSnake appends name as snake_case: deviceId is device_id, HTTPStatus is
// http_status. Only letter case parts words, and what is no letter stays.
func appendSnake(b []byte, name []byte) []byte {
	before := ' ' // any character that is no letter
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRune(name[i:])
		next, _ := utf8.DecodeRune(name[i+n:])
		if unicode.IsUpper(r) {
			if unicode.IsLower(before) || unicode.IsDigit(before) || unicode.IsUpper(before) && unicode.IsLower(next) {
				b = append(b, '_')
			}
			b = utf8.AppendRune(b, unicode.ToLower(r))
		} else {
			b = append(b, name[i:i+n]...)
		}
		before = r
		i += n
	}
	return b
}
