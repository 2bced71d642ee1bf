package ekuiper

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// RESTError is an answer of the REST API other than 200 and 201.
type RESTError struct {
	Method, Path string
	Code         int
	Body         string
}

func (e *RESTError) Error() string {
	return fmt.Sprintf("%s %s: %d: %s", e.Method, e.Path, e.Code, strings.TrimSpace(e.Body))
}

// URL is the root of the REST API, such as "http://127.0.0.1:34567". It
// changes with Restart.
func (h *Host) URL() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return "http://" + h.rest
}

// Do sends one request and returns the answer's body; any answer other than
// 200 or 201 is a *RESTError. The body is sent as it is if it is a string or
// []byte, as JSON otherwise, and not at all if nil.
func (h *Host) Do(method, path string, body any) ([]byte, error) {
	return h.DoContext(context.Background(), method, path, body)
}

// DoContext is Do with a context; without one a request is bounded to 2 minutes.
func (h *Host) DoContext(ctx context.Context, method, path string, body any) ([]byte, error) {
	text, err := encode(body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	request, err := http.NewRequestWithContext(ctx, method, h.URL()+path, bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := h.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask eKuiper: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: read the answer: %w", method, path, err)
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusCreated {
		return nil, &RESTError{Method: method, Path: path, Code: response.StatusCode, Body: string(answer)}
	}
	return answer, nil
}

func encode(body any) ([]byte, error) {
	switch body := body.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(body), nil
	case []byte:
		return body, nil
	default:
		return json.Marshal(body)
	}
}

// Version is the host's version as GET / reports it.
func (h *Host) Version() (string, error) {
	answer, err := h.Do(http.MethodGet, "/", nil)
	if err != nil {
		return "", err
	}
	var about struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(answer, &about); err != nil {
		return "", fmt.Errorf("read the host's version: %w", err)
	}
	return about.Version, nil
}

// InstallPlugin installs a zip as a portable plugin. It returns when the
// plugin has shaken hands. The zip may lie anywhere: the host gets a copy.
func (h *Host) InstallPlugin(name, zip string) error {
	body, err := h.pluginBody(name, zip)
	if err != nil {
		return err
	}
	_, err = h.Do(http.MethodPost, "/plugins/portables", body)
	return err
}

// UpdatePlugin replaces an installed plugin: eKuiper kills the old process,
// removes its folder and starts the new one.
func (h *Host) UpdatePlugin(name, zip string) error {
	body, err := h.pluginBody(name, zip)
	if err != nil {
		return err
	}
	_, err = h.Do(http.MethodPut, "/plugins/portables/"+url.PathEscape(name), body)
	return err
}

func (h *Host) pluginBody(name, zip string) (any, error) {
	text, err := os.ReadFile(zip)
	if err != nil {
		return nil, fmt.Errorf("read the plugin's zip: %w", err)
	}
	visible := filepath.Join(h.Base, "zips", filepath.Base(zip))
	if err := os.WriteFile(visible, text, 0o644); err != nil {
		return nil, fmt.Errorf("copy the plugin's zip: %w", err)
	}
	return map[string]string{"name": name, "file": "file://" + filepath.ToSlash(visible)}, nil
}

// DeletePlugin removes a plugin; eKuiper kills its process.
func (h *Host) DeletePlugin(name string) error {
	_, err := h.Do(http.MethodDelete, "/plugins/portables/"+url.PathEscape(name), nil)
	return err
}

// PluginInfo is GET /plugins/portables/<name>: the installed descriptor.
func (h *Host) PluginInfo(name string) (map[string]any, error) {
	return h.getMap("/plugins/portables/" + url.PathEscape(name))
}

// PluginStatus is eKuiper's opinion of a plugin's process.
type PluginStatus struct {
	RefCount map[string]int `json:"refCount"` // symbols in use by rule
	Status   string         `json:"status"`   // initializing, running, error or stop
	ErrMsg   string         `json:"errMsg"`
}

// PluginStatus asks for a plugin's status. eKuiper 1.x does not have it.
func (h *Host) PluginStatus(name string) (PluginStatus, error) {
	var status PluginStatus
	answer, err := h.Do(http.MethodGet, "/plugins/portables/"+url.PathEscape(name)+"/status", nil)
	if err != nil {
		return status, err
	}
	if err := json.Unmarshal(answer, &status); err != nil {
		return status, fmt.Errorf("read the status of plugin %s: %w", name, err)
	}
	return status, nil
}

// PutSourceConfig stores a named source configuration (CONF_KEY).
func (h *Host) PutSourceConfig(source, key string, properties any) error {
	_, err := h.Do(http.MethodPut, "/metadata/sources/"+url.PathEscape(source)+"/confKeys/"+url.PathEscape(key), properties)
	return err
}

// PutConnection stores named connection properties, which eKuiper 2.x merges
// into a sink's action that names them by connectionSelector.
func (h *Host) PutConnection(sink, key string, properties any) error {
	_, err := h.Do(http.MethodPut, "/metadata/connections/"+url.PathEscape(sink)+"/confKeys/"+url.PathEscape(key), properties)
	return err
}

// PutSinkConfig stores a shared sink configuration (resourceId). 1.x merges it
// into an action that names it; 2.4.0 stores it and does nothing with it.
func (h *Host) PutSinkConfig(sink, key string, properties any) error {
	_, err := h.Do(http.MethodPut, "/metadata/sinks/"+url.PathEscape(sink)+"/confKeys/"+url.PathEscape(key), properties)
	return err
}

// CreateStream runs a CREATE STREAM statement.
func (h *Host) CreateStream(sql string) error {
	_, err := h.Do(http.MethodPost, "/streams", map[string]string{"sql": sql})
	return err
}

// DropStream removes a stream.
func (h *Host) DropStream(name string) error {
	_, err := h.Do(http.MethodDelete, "/streams/"+url.PathEscape(name), nil)
	return err
}

// CreateRule makes a rule from its document, which is a JSON text or anything
// that encodes to one. eKuiper starts it unless it has "triggered": false.
func (h *Host) CreateRule(document any) error {
	_, err := h.Do(http.MethodPost, "/rules", document)
	return err
}

// UpdateRule replaces a rule's document.
func (h *Host) UpdateRule(id string, document any) error {
	_, err := h.Do(http.MethodPut, "/rules/"+url.PathEscape(id), document)
	return err
}

// DeleteRule stops and removes a rule.
func (h *Host) DeleteRule(id string) error {
	_, err := h.Do(http.MethodDelete, "/rules/"+url.PathEscape(id), nil)
	return err
}

// StartRule starts a stopped rule.
func (h *Host) StartRule(id string) error { return h.ruleCommand(id, "start") }

// StopRule stops a rule.
func (h *Host) StopRule(id string) error { return h.ruleCommand(id, "stop") }

// RestartRule stops a rule and starts it again.
func (h *Host) RestartRule(id string) error { return h.ruleCommand(id, "restart") }

func (h *Host) ruleCommand(id, command string) error {
	_, err := h.Do(http.MethodPost, "/rules/"+url.PathEscape(id)+"/"+command, nil)
	return err
}

func (h *Host) getMap(path string) (map[string]any, error) {
	answer, err := h.Do(http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber()
	var document map[string]any
	if err := decoder.Decode(&document); err != nil {
		return nil, fmt.Errorf("read the answer of GET %s: %w", path, err)
	}
	return document, nil
}
