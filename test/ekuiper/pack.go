package ekuiper

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Pack builds the plugin for this machine and packs the zip that a user would
// install, into a folder that holds no other. It returns the zip's path.
func Pack(ctx context.Context, dir string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	command := exec.CommandContext(ctx, filepath.Join(root, "package.sh"), "-o", dir)
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("package.sh: %w\n%s", err, out)
	}
	zips, err := filepath.Glob(filepath.Join(dir, "mysql_*.zip"))
	if err != nil || len(zips) != 1 {
		return "", fmt.Errorf("package.sh made %q, %w; want one zip", zips, err)
	}
	return zips[0], nil
}

// Extract copies one file of a zip, as an executable.
func Extract(archive, name, to string) error {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("open %s: %w", archive, err)
	}
	defer r.Close()
	in, err := r.Open(name)
	if err != nil {
		return fmt.Errorf("read %s: %w", archive, err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return fmt.Errorf("extract %s: %w", name, err)
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
