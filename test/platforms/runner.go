//go:build linux

package main

import (
	"debug/pe"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// enter becomes a command that sees a /tmp of its own, and whose kernel runs
// the executables of another processor by an emulator. Both end with it.
// Arguments: the folder that is to be /tmp, the folder that stays visible, what
// to tell the kernel of the emulator or nothing, and the command.
const enter = `set -e
tmp=$1 visible=$2 handler=$3
shift 3
if [ -n "$handler" ]; then
	mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
	printf '%s' "$handler" >/proc/sys/fs/binfmt_misc/register
fi
case $visible in
/tmp/*)
	mkdir -p "$tmp${visible#/tmp}"
	mount --rbind "$visible" "$tmp${visible#/tmp}"
	;;
esac
mount --rbind "$tmp" /tmp
exec "$@"
`

// runner returns the words to put before a command so that the system's
// executables run, and are all that it meets in /tmp.
func (p *place) runner() ([]string, error) {
	if p.by == wine {
		return []string{"wine"}, p.prepareWine()
	}
	// A socket's path is short: not below the system's own folder.
	tmp, err := os.MkdirTemp("", "platforms")
	if err != nil {
		return nil, err
	}
	script := filepath.Join(p.dir, "enter.sh")
	if err := os.WriteFile(script, []byte(enter), 0o755); err != nil {
		return nil, err
	}
	handler := ""
	if p.by == qemu {
		emulator, err := exec.LookPath("qemu-" + p.qemu + "-static")
		if err != nil {
			return nil, fmt.Errorf("%w; type: apt-get install -y --no-install-recommends qemu-user-static (or: make platforms)", err)
		}
		handler = p.handler(emulator)
	}
	// In a user namespace the kernel keeps the handlers of each (Linux 6.7 and
	// later), and any user may mount.
	words := []string{"unshare", "-Urm", "--propagation", "private", "/bin/sh", script, tmp, p.root, handler}
	if out, err := exec.Command(words[0], append(words[1:], "true")...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make namespaces for another /tmp and %s, which needs Linux 6.7 or later and the right to make user namespaces: %w: %s", p.by, err, out)
	}
	return words, nil
}

// prepareWine makes Wine's folder and mends what it lacks.
func (p *place) prepareWine() error {
	if _, err := exec.LookPath("wine"); err != nil {
		return fmt.Errorf("%w; type: apt-get install -y --no-install-recommends wine wine64 (or: make platforms)", err)
	}
	prefix := filepath.Join(p.shared, "wine")
	for name, value := range map[string]string{"WINEPREFIX": prefix, "WINEDEBUG": "-all", "WINEARCH": "win64", "DISPLAY": ""} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	system := filepath.Join(prefix, "drive_c", "windows", "system32")
	if _, err := os.Stat(filepath.Join(system, "ntdll.dll")); err != nil {
		if out, err := exec.Command("wineboot", "-i").CombinedOutput(); err != nil {
			return fmt.Errorf("wineboot: %w: %s", err, out)
		}
	}
	library := filepath.Join(system, "bcryptprimitives.dll")
	if _, err := os.Stat(library); errors.Is(err, os.ErrNotExist) {
		return os.WriteFile(library, forwarder("bcryptprimitives.dll", "ProcessPrng", "advapi32.SystemFunction036"), 0o644)
	}
	return nil
}

// endWine ends the server that Wine leaves behind, where it was prepared.
func endWine() {
	if os.Getenv("WINEPREFIX") != "" {
		_ = exec.Command("wineserver", "-k").Run()
	}
}

// forwarder is a library for 64-bit Windows with one function, which is
// another library's. Go's runtime takes its random numbers from a library that
// Wine 8 has not.
func forwarder(library, function, target string) []byte {
	const (
		headers, section, align = 0x200, 0x1000, 0x1000
		base                    = 0x180000000
	)
	var names strings.Builder
	const tables = 40 + 4 + 4 + 2 // the directory, then one function, name, ordinal
	place := func(name string) uint32 {
		at := section + tables + uint32(names.Len())
		names.WriteString(name + "\x00")
		return at
	}
	directory := struct {
		Flags, Time               uint32
		Major, Minor              uint16
		Library, Base             uint32
		Functions, Names          uint32
		FunctionAt, NameAt, OrdAt uint32
		Function, Name            uint32
		Ordinal                   uint16
	}{
		Library: place(library), Base: 1, Functions: 1, Names: 1,
		FunctionAt: section + 40, NameAt: section + 44, OrdAt: section + 48,
		Name: place(function), Function: place(target), // an address inside of the section forwards
	}
	content := append(packed(directory), names.String()...)
	size := uint32(len(content))
	raw := (size + headers - 1) / headers * headers

	var exports [16]pe.DataDirectory
	exports[0] = pe.DataDirectory{VirtualAddress: section, Size: size}
	image := make([]byte, 0x80)
	copy(image, "MZ")
	image[0x3c] = 0x80
	image = append(image, "PE\x00\x00"...)
	image = append(image, packed(pe.FileHeader{
		Machine: pe.IMAGE_FILE_MACHINE_AMD64, NumberOfSections: 1, SizeOfOptionalHeader: 240,
		Characteristics: pe.IMAGE_FILE_EXECUTABLE_IMAGE | pe.IMAGE_FILE_LARGE_ADDRESS_AWARE | pe.IMAGE_FILE_DLL,
	})...)
	image = append(image, packed(pe.OptionalHeader64{
		Magic: 0x20b, SizeOfInitializedData: raw, ImageBase: base, SectionAlignment: align, FileAlignment: headers,
		MajorOperatingSystemVersion: 6, MajorSubsystemVersion: 6, SizeOfImage: 2 * align, SizeOfHeaders: headers,
		Subsystem: pe.IMAGE_SUBSYSTEM_WINDOWS_CUI, DllCharacteristics: pe.IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE | pe.IMAGE_DLLCHARACTERISTICS_NX_COMPAT,
		SizeOfStackReserve: 1 << 20, SizeOfStackCommit: 1 << 12, SizeOfHeapReserve: 1 << 20, SizeOfHeapCommit: 1 << 12,
		NumberOfRvaAndSizes: 16, DataDirectory: exports,
	})...)
	name := [8]byte{}
	copy(name[:], ".edata")
	image = append(image, packed(pe.SectionHeader32{
		Name: name, VirtualSize: size, VirtualAddress: section, SizeOfRawData: raw, PointerToRawData: headers,
		Characteristics: pe.IMAGE_SCN_CNT_INITIALIZED_DATA | pe.IMAGE_SCN_MEM_READ,
	})...)
	image = append(image, make([]byte, headers-len(image))...)
	return append(image, append(content, make([]byte, raw-size)...)...)
}
