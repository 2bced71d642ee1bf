// Package settings reads what the operator decides for the whole plugin: from
// the environment of eKuiper, or from the file mysql.yaml in the folder that
// outlives the plugin, where setting a variable would mean a new container or
// service file. The environment wins. What is wrong is told and left at its
// default: no setting is worth a plugin that does not run.
package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/connections"
	"ekuiper-mysql/mysql/internal/memory"
)

// File is the name of the file.
const File = "mysql.yaml"

// maxFile bounds it, and a file with a token, in bytes.
const maxFile = 64 << 10

// leastToken is how short a token may be, in bytes: it is all that keeps others
// from bringing dead letters back.
const leastToken = 16

// Settings are all of them.
type Settings struct {
	Metrics        string // address of metrics and page, host:port; empty: nowhere
	MaxConnections int    // to one server
	Memory         int64  // bytes of messages and batches
	Token          Token  // that lets the page bring dead letters back; empty: it may not
}

// Token is a secret. It does not print.
type Token string

// String hides it.
func (t Token) String() string {
	if t == "" {
		return ""
	}
	return "(hidden)"
}

// GoString hides it.
func (t Token) GoString() string { return strconv.Quote(t.String()) }

// The variables that give the token.
const (
	tokenVariable     = "EKUIPER_MYSQL_TOKEN"
	tokenFileVariable = "EKUIPER_MYSQL_TOKEN_FILE"
)

// setting is one of them by its name in the file and in the environment.
type setting struct {
	key, variable string
	allowed       string
	secret        bool
	read          func(*Settings, string) error // errNotAllowed, or why it cannot be had
}

var errNotAllowed = errors.New("is not allowed")

var all = []setting{
	{"metrics", "EKUIPER_MYSQL_METRICS", "host:port, such as 127.0.0.1:9112", false, func(s *Settings, text string) error {
		if !isAddress(text) {
			return errNotAllowed
		}
		s.Metrics = text
		return nil
	}},
	{"maxConnections", connections.Setting, "a number of connections, 1 to 100000", false, func(s *Settings, text string) error {
		n, err := connections.ParseLimit(text)
		if s.MaxConnections = n; err != nil {
			return errNotAllowed
		}
		return nil
	}},
	{"memory", memory.Setting, "a number of bytes, 1MiB to 1024GiB, such as 256MiB", false, func(s *Settings, text string) error {
		n, err := memory.ParseLimit(text)
		if s.Memory = n; err != nil {
			return errNotAllowed
		}
		return nil
	}},
	{"token", tokenVariable, fmt.Sprintf("at least %d letters, digits and signs without spaces", leastToken), true, func(s *Settings, text string) error {
		if !isToken(text) {
			return errNotAllowed
		}
		s.Token = Token(text)
		return nil
	}},
	{"tokenFile", tokenFileVariable, fmt.Sprintf("the whole path of a file with a token, at least %d letters, digits and signs without spaces", leastToken), false, func(s *Settings, text string) error {
		token, err := readToken(text)
		if path := (*fs.PathError)(nil); errors.As(err, &path) {
			err = path.Err // the path is told beside
		}
		if err != nil {
			return fmt.Errorf("cannot be used (%w)", err)
		}
		if !isToken(token) {
			return errors.New("cannot be used (what it holds is no token)")
		}
		s.Token = Token(token)
		return nil
	}},
}

// Keys are the names in the file.
func Keys() []string {
	var keys []string
	for _, s := range all {
		keys = append(keys, s.key)
	}
	return keys
}

// Variables are the names in the environment, in the order of Keys.
func Variables() []string {
	var names []string
	for _, s := range all {
		names = append(names, s.variable)
	}
	return names
}

// Read returns the settings, and what is wrong: for each one error that names
// it, its value unless that is a secret, and what is allowed. folder is the one
// that outlives the plugin.
func Read(getenv func(string) string, folder func() (string, error)) (Settings, []error) {
	s := Settings{MaxConnections: connections.Usual, Memory: memory.Usual}
	var wrong []error
	inFile, path := map[string]string{}, ""
	if dir, err := folder(); err == nil {
		path = filepath.Join(dir, File)
		if inFile, err = readFile(path); err != nil {
			wrong = append(wrong, err)
		}
	}
	if getenv(tokenVariable) != "" || getenv(tokenFileVariable) != "" { // two ways to give one thing
		delete(inFile, "token")
		delete(inFile, "tokenFile")
	}
	for _, one := range all {
		from, text := "environment variable "+one.variable, getenv(one.variable)
		if text == "" {
			from, text = path+": "+one.key, inFile[one.key]
		}
		if text == "" {
			continue
		}
		err := one.read(&s, text)
		if err == nil {
			continue
		}
		shown := strconv.Quote(text)
		if one.secret || len(text) > 100 {
			shown = "the value"
		}
		wrong = append(wrong, fmt.Errorf("%s: %s %w: use %s; the default is used", from, shown, err, one.allowed))
	}
	return s, wrong
}

// readFile returns the file's values by name, those that are none left out. It
// may be missing. The error has all that is wrong.
func readFile(path string) (map[string]string, error) {
	text, info, err := readTrusted(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s is passed over: %w", path, err)
	}
	values, wrong := parse(text)
	if values["token"] != "" && !secluded(info) {
		delete(values, "token")
		wrong = append(wrong, "token: others can read the file, so it is not used: chmod 600 it, or name a file with tokenFile")
	}
	if len(wrong) > 0 {
		return values, fmt.Errorf("%s: %s", path, strings.Join(wrong, "; "))
	}
	return values, nil
}

// readTrusted reads a file that nobody else can have written.
func readTrusted(path string) ([]byte, fs.FileInfo, error) {
	notOne := fmt.Errorf("it is to be a file of at most %d bytes", maxFile)
	info, err := os.Stat(path) // opening a pipe would wait for a writer
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, notOne
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, nil, notOne
	}
	if err := trusted(info); err != nil {
		return nil, nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	return text, info, err
}

// parse returns the values of a mapping of names to plain values, and what is
// wrong with the rest. It quotes no value, which may be a secret in the wrong place.
func parse(text []byte) (values map[string]string, wrong []string) {
	var document, next yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(text))
	err := documents.Decode(&document)
	if errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0 {
		return nil, nil // empty, or comments alone
	}
	if err != nil {
		return nil, []string{"it is no YAML, or not of lines such as metrics: 127.0.0.1:9112"}
	}
	if err := documents.Decode(&next); !errors.Is(err, io.EOF) {
		wrong = append(wrong, "there is more than one document: what follows the line --- amid them is not read")
	}
	top := document.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, append(wrong, "it is to have lines such as metrics: 127.0.0.1:9112")
	}
	values = map[string]string{}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		_, twice := values[key.Value]
		switch {
		case !known(key.Value):
			wrong = append(wrong, unknown(key))
		case twice:
			wrong = append(wrong, fmt.Sprintf("%s is there twice, in line %d again: the first is used", key.Value, key.Line))
		case value.Kind != yaml.ScalarNode:
			wrong = append(wrong, fmt.Sprintf("%s in line %d is to be one value", key.Value, value.Line))
		case value.Tag == "!!null":
			values[key.Value] = ""
		default:
			values[key.Value] = value.Value
		}
	}
	return values, wrong
}

func known(key string) bool {
	for _, s := range all {
		if s.key == key {
			return true
		}
	}
	return false
}

func unknown(key *yaml.Node) string {
	text := fmt.Sprintf("line %d: there is no setting of that name; allowed: %s", key.Line, strings.Join(Keys(), ", "))
	if n := config.Nearest(key.Value, Keys()); n != "" {
		text = fmt.Sprintf("line %d: there is no setting %s; did you mean %s? Allowed: %s", key.Line, key.Value, n, strings.Join(Keys(), ", "))
	}
	return text
}

// isAddress tells whether text is host:port. Whether the host is one of this
// machine shows when it is listened at.
func isAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || strings.ContainsAny(host, "/@? ") {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && (n > 0 || host != "")
}

func isToken(text string) bool {
	if len(text) < leastToken || len(text) > 1024 {
		return false
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// readToken reads a file of the operator's, without the line end at its end.
// Its errors quote nothing that was read.
func readToken(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", errors.New("the path is not whole")
	}
	info, err := os.Stat(path) // opening a pipe would wait for a writer
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return "", errors.New("it is no file, or too large")
	}
	b, err := os.ReadFile(path)
	return strings.TrimRight(string(b), "\r\n"), err
}
