package packaging

import (
	"crypto/sha256"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// What follows holds executables to what docs/platforms.md says of them.

// isELF: for that processor, and without anything that an attacker likes or
// that a system may not have.
func isELF(machine elf.Machine) func(io.ReaderAt) error {
	return func(r io.ReaderAt) error {
		file, err := elf.NewFile(r)
		if err != nil {
			return err
		}
		var wrong []error
		if file.Machine != machine {
			wrong = append(wrong, fmt.Errorf("made for %v, want %v", file.Machine, machine))
		}
		stack := false
		for _, p := range file.Progs {
			switch {
			case p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC:
				wrong = append(wrong, fmt.Errorf("a segment %v: it would not run without a C library's loader", p.Type))
			case p.Type == elf.PT_GNU_STACK:
				stack = true
				if p.Flags&elf.PF_X != 0 {
					wrong = append(wrong, errors.New("the stack is executable"))
				}
			case p.Flags&elf.PF_W != 0 && p.Flags&elf.PF_X != 0:
				wrong = append(wrong, fmt.Errorf("a segment %v is writable and executable", p.Type))
			}
		}
		if !stack {
			wrong = append(wrong, errors.New("nothing says that the stack is not executable"))
		}
		if file.Section(".symtab") != nil || file.Section(".debug_info") != nil || file.Section(".zdebug_info") != nil {
			wrong = append(wrong, errors.New("it carries symbols"))
		}
		return errors.Join(wrong...)
	}
}

// isPE: placed anywhere in the whole address space, data not executable.
func isPE(machine uint16) func(io.ReaderAt) error {
	return func(r io.ReaderAt) error {
		file, err := pe.NewFile(r)
		if err != nil {
			return err
		}
		var wrong []error
		if file.Machine != machine {
			wrong = append(wrong, fmt.Errorf("made for machine %#x, want %#x", file.Machine, machine))
		}
		header, ok := file.OptionalHeader.(*pe.OptionalHeader64)
		if !ok {
			return errors.Join(append(wrong, errors.New("not of 64 bits"))...)
		}
		for flag, name := range map[uint16]string{
			pe.IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE:    "DYNAMIC_BASE",
			pe.IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA: "HIGH_ENTROPY_VA",
			pe.IMAGE_DLLCHARACTERISTICS_NX_COMPAT:       "NX_COMPAT",
		} {
			if header.DllCharacteristics&flag == 0 {
				wrong = append(wrong, fmt.Errorf("not %s", name))
			}
		}
		if file.FileHeader.Characteristics&pe.IMAGE_FILE_RELOCS_STRIPPED != 0 || header.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_BASERELOC].Size == 0 {
			wrong = append(wrong, errors.New("it cannot be placed elsewhere: there are no relocations"))
		}
		for _, s := range file.Sections {
			if s.Characteristics&pe.IMAGE_SCN_MEM_WRITE != 0 && s.Characteristics&pe.IMAGE_SCN_MEM_EXECUTE != 0 {
				wrong = append(wrong, fmt.Errorf("section %s is writable and executable", s.Name))
			}
		}
		return errors.Join(wrong...)
	}
}

// isMachO: placed anywhere, and signed ad hoc where the system asks for that.
func isMachO(cpu macho.Cpu) func(io.ReaderAt) error {
	return func(r io.ReaderAt) error {
		file, err := macho.NewFile(r)
		if err != nil {
			return err
		}
		var wrong []error
		if file.Cpu != cpu {
			wrong = append(wrong, fmt.Errorf("made for %v, want %v", file.Cpu, cpu))
		}
		if file.Flags&macho.FlagPIE == 0 {
			wrong = append(wrong, errors.New("not position-independent"))
		}
		const codeSignature = 0x1d
		signed := slices.ContainsFunc(file.Loads, func(l macho.Load) bool {
			raw := l.Raw()
			return len(raw) >= 4 && file.ByteOrder.Uint32(raw) == codeSignature
		})
		if cpu == macho.CpuArm64 && !signed {
			wrong = append(wrong, errors.New("not signed: macOS would kill it"))
		}
		return errors.Join(wrong...)
	}
}

// checkSums: every file of the zip but the list itself is in it, as it is.
func checkSums(t *testing.T, contents map[string][]byte) {
	t.Helper()
	listed := map[string]string{}
	for line := range strings.Lines(string(contents["SHA256SUMS"])) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !ok || listed[name] != "" {
			t.Errorf("SHA256SUMS has the line %q", line)
		}
		listed[name] = sum
	}
	for name, content := range contents {
		if name != "SHA256SUMS" && listed[name] != fmt.Sprintf("%x", sha256.Sum256(content)) {
			t.Errorf("SHA256SUMS has %q for %s, which is %x", listed[name], name, sha256.Sum256(content))
		}
	}
	if len(listed) != len(contents)-1 {
		t.Errorf("SHA256SUMS lists %d files of %d", len(listed), len(contents)-1)
	}
}

// checkBill: the bill of materials is of this executable, and what it lists has
// its licence in the zip.
func checkBill(t *testing.T, contents map[string][]byte, program []byte) {
	t.Helper()
	type component struct {
		Name, Version, Description string
		Hashes                     []struct{ Content string }
	}
	var bill struct {
		Metadata   struct{ Component component }
		Components []component
	}
	if err := json.Unmarshal(contents["sbom.cdx.json"], &bill); err != nil {
		t.Fatal(err)
	}
	self := bill.Metadata.Component
	if want := fmt.Sprintf("%x", sha256.Sum256(program)); len(self.Hashes) != 1 || self.Hashes[0].Content != want {
		t.Errorf("the bill is of %+v, not of the executable %s", self, want)
	}
	names := map[string]bool{}
	text := string(contents["THIRD_PARTY_LICENSES.txt"])
	for _, c := range bill.Components {
		names[c.Name] = true
		if !strings.Contains(text, c.Name+" "+c.Version+"\n") && c.Name != "stdlib" && !strings.Contains(c.Description, "plugin's own source tree") {
			t.Errorf("THIRD_PARTY_LICENSES.txt lacks %s %s", c.Name, c.Version)
		}
	}
	if !names["stdlib"] || !names["github.com/go-sql-driver/mysql"] || names["go.uber.org/goleak"] {
		t.Errorf("the bill lists %v", names)
	}
}
