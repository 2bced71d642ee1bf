//go:build linux

package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	plugin "ekuiper-mysql"
)

// place is where a system is tried.
type place struct {
	system
	root    string // the repository
	dir     string // the system's own folder
	shared  string // that of all systems
	address string // the database's
}

// step is what the host prints of a step.
type step struct {
	Name   string `json:"step"`
	Detail string `json:"detail"`
	Error  string `json:"error"`
}

// prove packs, unpacks and runs, and tells what came of it.
func (p *place) prove(units bool) (o outcome) {
	o.system = p.system
	if err := errors.Join(os.RemoveAll(p.dir), os.MkdirAll(p.dir, 0o755)); err != nil {
		return o.fail("folder", err)
	}
	executable, err := p.unpack(&o)
	if err != nil {
		return o.fail("package", err)
	}
	if p.by == nothing {
		return o
	}
	enter, err := p.runner()
	if err != nil {
		return o.fail("start", err)
	}
	host := filepath.Join(p.dir, "host")
	if p.os == "windows" {
		host += ".exe"
	}
	command := p.command("go", "build", "-o", host, "./test/platforms/host")
	if p.os == "windows" {
		command.Env = append(command.Env, p.environment()...)
	}
	if out, err := command.CombinedOutput(); err != nil {
		return o.fail("build the host", fmt.Errorf("%w\n%s", err, out))
	}
	data := filepath.Join(p.dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return o.fail("folder", err)
	}
	o.steps, err = p.play(enter, host, p.name(executable), p.name(data))
	if err != nil {
		return o.fail("host", err)
	}
	if units {
		o.units, err = p.units(enter)
		if err != nil {
			return o.fail("unit tests", err)
		}
	}
	return o
}

// command is a command in the repository.
func (p *place) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir, c.Env = p.root, os.Environ()
	return c
}

// name is a path as the system calls it.
func (p *place) name(path string) string {
	if p.by == wine {
		return "Z:" + strings.ReplaceAll(path, "/", `\`)
	}
	return path
}

// unpack makes the zip and unpacks it as eKuiper does. It returns the
// executable that mysql.json names.
func (p *place) unpack(o *outcome) (string, error) {
	args := []string{"-o", p.dir, p.os, p.arch}
	if p.arm != "" {
		args = append(args, p.arm)
	}
	command := p.command("./package.sh", args...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, stderr.String())
	}
	path := strings.TrimSpace(string(out))
	archive, err := zip.OpenReader(path)
	if err != nil {
		return "", err
	}
	defer archive.Close()
	folder := filepath.Join(p.dir, "plugins", "portable", plugin.Name)
	for _, file := range archive.File {
		if err := unpackFile(file, folder); err != nil {
			return "", err
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, plugin.Name+".json"))
	if err != nil {
		return "", err
	}
	var descriptor plugin.Descriptor
	if err := json.Unmarshal(text, &descriptor); err != nil {
		return "", fmt.Errorf("%s.json: %w", plugin.Name, err)
	}
	executable := filepath.Join(folder, descriptor.Executable)
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	o.zipBytes = info.Size()
	if info, err = os.Stat(executable); err == nil {
		o.bytes = info.Size()
	}
	return executable, err
}

func unpackFile(file *zip.File, folder string) error {
	path := filepath.Join(folder, filepath.FromSlash(file.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	in, err := file.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, file.Mode())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// play has the mock host take its steps.
func (p *place) play(enter []string, host, executable, data string) ([]step, error) {
	args := append(slices.Clone(enter), host, "-plugin", executable, "-data", data, "-address", p.address)
	command := p.command(args[0], args[1:]...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	failed := command.Run()
	var steps []step
	for lines := json.NewDecoder(&stdout); ; {
		var s step
		err := lines.Decode(&s)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the host's answer: %w\n%s", err, stderr.String())
		}
		steps = append(steps, s)
		if s.Error != "" {
			failed = errors.Join(failed, fmt.Errorf("%s: %s", s.Name, s.Error))
		}
	}
	if failed != nil {
		return steps, fmt.Errorf("%w\n%s", failed, stderr.String())
	}
	return steps, nil
}
