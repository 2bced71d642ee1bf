package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestExportedNamesAreDocumented walks the program and the SDK: every package
// and every exported name of theirs has a comment, in the SDK every exported
// field and method of an interface, too. A comment speaks for what follows it
// without an empty line between.
func TestExportedNamesAreDocumented(t *testing.T) {
	for _, top := range []string{"mysql", "sdk"} {
		for _, folder := range folders(t, filepath.Join(root, top)) {
			files := parse(t, folder)
			described := len(files) == 0
			for _, file := range files {
				described = described || file.Doc != nil
				for name, d := range exported(file) {
					if d.comment == nil && !obvious[d.method] && (d.within == "" || top == "sdk") {
						t.Errorf("%s: %s is exported and has no comment", fileSet.Position(d.at), name)
					}
				}
			}
			if !described {
				t.Errorf("%s: no file has a package comment", folder)
			}
		}
	}
}

var fileSet = token.NewFileSet()

// folders are all folders from top on.
func folders(t *testing.T, top string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			if entry.Name() == "testdata" {
				return fs.SkipDir
			}
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// parse reads a folder's Go files but its tests, whatever system they are for.
func parse(t *testing.T, folder string) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fileSet, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// obvious are methods whose name says it all.
var obvious = map[string]bool{"Error": true, "String": true, "Unwrap": true}

// declared is an exported name of a file.
type declared struct {
	comment *ast.CommentGroup // its own, that of its line or that of its group
	method  string            // its bare name, where it is one
	within  string            // the type that it is a field or method of
	at      token.Pos
}

// exported are a file's exported names.
func exported(file *ast.File) map[string]declared {
	names := map[string]declared{}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if !d.Name.IsExported() {
				continue
			}
			if d.Recv == nil {
				names[d.Name.Name] = declared{comment: d.Doc, at: d.Pos()}
			} else if of := receiver(d.Recv.List[0].Type); ast.IsExported(of) {
				names[of+"."+d.Name.Name] = declared{comment: d.Doc, method: d.Name.Name, at: d.Pos()}
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if spec.Name.IsExported() {
						names[spec.Name.Name] = declared{comment: first(spec.Doc, spec.Comment, d.Doc), at: spec.Pos()}
						members(names, spec, first(spec.Doc, d.Doc))
					}
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						if name.IsExported() {
							names[name.Name] = declared{comment: first(spec.Doc, spec.Comment, d.Doc), at: name.Pos()}
						}
					}
				}
			}
		}
	}
	return names
}

// members adds the exported fields or methods of a type. Its comment speaks for
// those of its first line too.
func members(names map[string]declared, of *ast.TypeSpec, comment *ast.CommentGroup) {
	var list *ast.FieldList
	switch t := of.Type.(type) {
	case *ast.StructType:
		list = t.Fields
	case *ast.InterfaceType:
		list = t.Methods
	default:
		return
	}
	line := func(at token.Pos) int { return fileSet.Position(at).Line }
	near := line(of.Pos()) // the line to which the comment reaches
	for _, field := range list.List {
		own := first(field.Doc, field.Comment)
		if own == nil && line(field.Pos()) <= near {
			own = comment
		}
		comment, near = own, line(field.End())+1
		for _, name := range field.Names {
			if name.IsExported() {
				names[of.Name.Name+"."+name.Name] = declared{comment: own, method: name.Name, within: of.Name.Name, at: name.Pos()}
			}
		}
	}
}

func first(groups ...*ast.CommentGroup) *ast.CommentGroup {
	for _, g := range groups {
		if g != nil {
			return g
		}
	}
	return nil
}

// receiver is the name of a method's type.
func receiver(of ast.Expr) string {
	switch of := of.(type) {
	case *ast.StarExpr:
		return receiver(of.X)
	case *ast.IndexExpr:
		return receiver(of.X)
	case *ast.IndexListExpr:
		return receiver(of.X)
	case *ast.Ident:
		return of.Name
	}
	return ""
}
