#!/bin/sh
# Checks format (gofumpt), go vet, staticcheck, that documents fit the code, and
# that the plugin compiles for every system. Arguments: the folder of the tools, then the modules.
set -eu

tools=$1
shift
failed=
fail() {
	echo "lint: $1" >&2
	failed=yes
}

unformatted=$(find . -name '*.go' -not -path './build/*' -not -path './dist/*' -print0 | xargs -0 "$tools/gofumpt" -l)
[ -z "$unformatted" ] || fail "not formatted (make fmt): $unformatted"
for module in "$@"; do
	echo "lint: $module"
	(cd "$module" && go vet ./...) || fail "go vet in $module"
	(cd "$module" && "$tools/staticcheck" ./...) || fail "staticcheck in $module"
done
go vet -tags profile ./mysql || fail "go vet of the build for profiles"
echo "lint: documents"
go test ./test/docs || fail "documents"
for system in windows/amd64 darwin/arm64 linux/386; do
	echo "lint: $system"
	for module in . sdk; do
		(cd "$module" && CGO_ENABLED=0 GOOS=${system%/*} GOARCH=${system#*/} go vet ./...) || fail "$module for $system"
	done
done
[ -z "$failed" ]
