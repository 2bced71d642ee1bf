package ekuiper

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Post hands rows to eKuiper's source at url, in one body, as soon as that
// listens, for which it waits limit at most. eKuiper takes each row for a message.
func Post(url string, limit time.Duration, rows ...any) error {
	body, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	status := ""
	err = Wait(limit, func() (bool, error) {
		response, err := http.Post(url, "application/json", bytes.NewReader(body))
		if err != nil {
			status = err.Error()
			return false, nil //nolint:nilerr // nobody listens yet
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		status = response.Status
		return response.StatusCode == http.StatusOK, nil // 404 until the rule listens
	})
	if err != nil {
		return fmt.Errorf("post to %s: %w: %s", url, err, status)
	}
	return nil
}
