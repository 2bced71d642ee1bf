// Package storage says where on disk the plugin keeps what must outlive it. An
// update or removal of the plugin wipes its own folder, so nothing durable may
// lie there. It imports nothing of ours.
package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Setting is the environment variable that names the folder. It is the
// operator's: a rule cannot choose where the plugin writes.
const Setting = "EKUIPER_MYSQL_DATA"

// base is the variable by which eKuiper itself is told its folder.
const base = "KuiperBaseKey"

// folder is ours below eKuiper's data folder.
const folder = "mysql"

// levels is how far eKuiper's folder is above the plugin's working folder,
// <base>/plugins/portable/mysql.
const levels = 3

// ErrNowhere says that no lasting folder was found.
var ErrNowhere = errors.New("no folder that outlives the plugin was found")

// Folder returns the folder to keep things in, absolute, not yet made: what
// Setting names; else mysql in the data folder of eKuiper, which is below
// $KuiperBaseKey or three levels above the working folder. getenv and working
// are os.Getenv and os.Getwd.
func Folder(getenv func(string) string, working func() (string, error)) (string, error) {
	if dir := getenv(Setting); dir != "" {
		if !filepath.IsAbs(dir) {
			return "", fmt.Errorf("environment variable %s: %q is not an absolute path", Setting, dir)
		}
		return filepath.Clean(dir), nil
	}
	if dir := getenv(base); dir != "" && filepath.IsAbs(dir) {
		return filepath.Join(dir, "data", folder), nil
	}
	dir, err := working()
	if err != nil {
		return "", fmt.Errorf("find the working folder: %w", err)
	}
	for range levels {
		dir = filepath.Dir(dir)
	}
	data := filepath.Join(dir, "data")
	if info, err := os.Stat(data); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%w: %s is no folder; set the environment variable %s of eKuiper to one", ErrNowhere, data, Setting)
	}
	return filepath.Join(data, folder), nil
}
