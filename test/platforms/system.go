//go:build linux

package main

import (
	"debug/elf"
	"fmt"
	"runtime"
)

// system is what a zip is made for, and how it is run here.
type system struct {
	os, arch, arm string
	by            runner
	qemu          string      // the emulator's name for the processor
	class         elf.Class   // of its executables, for the kernel
	machine       elf.Machine // to know them by
}

// runner is what runs a system's executables on this machine.
type runner uint8

// The runners.
const (
	nothing runner = iota // they are built
	itself
	qemu
	wine
)

func (r runner) String() string {
	return [...]string{"not run", "run as it is", "run in qemu", "run in Wine"}[r]
}

// systems are those of make package-all.
func systems() []system {
	all := []system{
		{os: "linux", arch: "amd64", qemu: "x86_64", class: elf.ELFCLASS64, machine: elf.EM_X86_64},
		{os: "linux", arch: "386", qemu: "i386", class: elf.ELFCLASS32, machine: elf.EM_386},
		{os: "linux", arch: "arm64", qemu: "aarch64", class: elf.ELFCLASS64, machine: elf.EM_AARCH64},
		{os: "linux", arch: "arm", arm: "7", qemu: "arm", class: elf.ELFCLASS32, machine: elf.EM_ARM},
		{os: "linux", arch: "riscv64", qemu: "riscv64", class: elf.ELFCLASS64, machine: elf.EM_RISCV},
		{os: "windows", arch: "amd64", by: wine},
		{os: "windows", arch: "arm64"},
		{os: "darwin", arch: "amd64"},
		{os: "darwin", arch: "arm64"},
	}
	for i, s := range all {
		if s.os == "linux" {
			all[i].by = qemu
			if s.arch == runtime.GOARCH || s.arch == "386" && runtime.GOARCH == "amd64" {
				all[i].by = itself
			}
		}
	}
	return all
}

// label is how a zip's name ends.
func (s system) label() string {
	if s.arm != "" {
		return s.os + "_" + s.arch + "v" + s.arm
	}
	return s.os + "_" + s.arch
}

// environment is what makes go build for the system.
func (s system) environment() []string {
	env := []string{"CGO_ENABLED=0", "GOOS=" + s.os, "GOARCH=" + s.arch}
	if s.arm != "" {
		env = append(env, "GOARM="+s.arm)
	}
	return env
}

// handler is the line by which the kernel learns to run the system's
// executables by an emulator.
func (s system) handler(emulator string) string {
	m := int(s.machine)
	magic := fmt.Sprintf(`\x7fELF\x%02x\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x%02x\x%02x`, byte(s.class), m&0xff, m>>8)
	const mask = `\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`
	return fmt.Sprintf(":%s:M::%s:%s:%s:", "mysql-"+s.qemu, magic, mask, emulator)
}
