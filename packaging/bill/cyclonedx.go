package bill

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// The documents of CycloneDX 1.6, as far as they are used here:
// https://cyclonedx.org/docs/1.6/json/

type document struct {
	Schema       string        `json:"$schema"`
	Format       string        `json:"bomFormat"`
	Spec         string        `json:"specVersion"`
	Serial       string        `json:"serialNumber"`
	Version      int           `json:"version"`
	Metadata     metadata      `json:"metadata"`
	Components   []component   `json:"components"`
	Dependencies []dependency  `json:"dependencies"`
	Compositions []composition `json:"compositions"`
}

type metadata struct {
	Lifecycles []lifecycle `json:"lifecycles"`
	Component  component   `json:"component"`
}

type lifecycle struct {
	Phase string `json:"phase"`
}

type component struct {
	Type        string      `json:"type"`
	Ref         string      `json:"bom-ref"`
	Name        string      `json:"name"`
	Version     string      `json:"version"`
	Description string      `json:"description,omitempty"`
	Scope       string      `json:"scope,omitempty"`
	Hashes      []hash      `json:"hashes,omitempty"`
	Licences    []licence   `json:"licenses"`
	URL         string      `json:"purl,omitempty"`
	References  []reference `json:"externalReferences,omitempty"`
	Properties  []property  `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

// licence has one of both.
type licence struct {
	Licence    *licenceID `json:"license,omitempty"`
	Expression string     `json:"expression,omitempty"`
}

type licenceID struct {
	ID string `json:"id"`
}

type reference struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn"`
}

type composition struct {
	Aggregate  string   `json:"aggregate"`
	Assemblies []string `json:"assemblies"`
}

// settings of a build that say what the executable is, beside its parts.
var told = map[string]bool{
	"-buildmode": true, "-compiler": true, "CGO_ENABLED": true, "GOOS": true, "GOARCH": true,
	"GOAMD64": true, "GOARM": true, "GOARM64": true, "GO386": true, "GORISCV64": true,
}

// CycloneDX returns the bill of materials in CycloneDX 1.6 JSON. It carries no
// date, and a serial number that follows from the executable.
func (b *Bill) CycloneDX() ([]byte, error) {
	self := component{
		Type: "application", Ref: b.Name, Name: b.Name, Version: b.Version,
		Description: "MySQL sink and random source for LF Edge eKuiper, a portable plugin",
		Hashes:      []hash{{"SHA-256", b.Digest}}, Licences: licensed(b.Licence),
	}
	for _, s := range b.Settings {
		if told[s.Key] {
			self.Properties = append(self.Properties, property{"go:" + s.Key, s.Value})
		}
	}
	parts := make([]component, 0, len(b.Parts))
	refs := make([]string, 0, len(b.Parts))
	for _, p := range b.Parts {
		c := b.component(p)
		parts, refs = append(parts, c), append(refs, c.Ref)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(document{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", Spec: "1.6",
		Serial: serial(b.Digest), Version: 1,
		Metadata:     metadata{Lifecycles: []lifecycle{{"build"}}, Component: self},
		Components:   parts,
		Dependencies: []dependency{{self.Ref, refs}},
		Compositions: []composition{{"complete", []string{self.Ref}}},
	})
	if err != nil {
		return nil, fmt.Errorf("write the bill of materials: %w", err)
	}
	return out.Bytes(), nil
}

func (b *Bill) component(p Part) component {
	c := component{Type: "library", Name: p.Path, Version: p.Version, Scope: "required", Licences: licensed(p.Licence)}
	switch {
	case p.Local:
		// Scanners must not take it for the module whose name it has.
		c.Ref, c.Version = p.Path, b.Version
		c.Description = "written anew in the plugin's own source tree, under the name of the module that it stands in for"
	case p.Path == "std":
		c.Version = strings.TrimPrefix(p.Version, "go")
		c.URL = "pkg:golang/stdlib@" + c.Version
		c.Ref, c.Name = c.URL, "stdlib"
		c.Description = "Go's standard library and runtime"
	default:
		c.URL = "pkg:golang/" + strings.ToLower(p.Path) + "@" + p.Version // as package URLs have it
		c.Ref = c.URL
		c.Hashes = []hash{{"SHA-256", p.Sum}}
		c.Properties = []property{{"go:sum", "the hash is that of go.sum, of the kind h1: over the names and contents of all files"}}
	}
	if p.Homepage != "" {
		c.References = []reference{{"website", p.Homepage}}
	}
	return c
}

// licensed is an SPDX expression as CycloneDX has it.
func licensed(expression string) []licence {
	if strings.Contains(expression, " ") {
		return []licence{{Expression: expression}}
	}
	return []licence{{Licence: &licenceID{expression}}}
}

// serial makes a UUID (of version 8: made as its maker likes) from a digest in
// hexadecimal.
func serial(digest string) string {
	d := []byte(digest[:32])
	d[12], d[16] = '8', "89ab"[d[16]%4]
	return fmt.Sprintf("urn:uuid:%s-%s-%s-%s-%s", d[:8], d[8:12], d[12:16], d[16:20], d[20:])
}
