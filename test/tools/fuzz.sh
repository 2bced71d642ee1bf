#!/bin/sh
# Runs every fuzz target of the modules given as arguments for FUZZTIME each.
set -eu

time=${FUZZTIME:-60s}
failed=
for module in "$@"; do
	cd "$module"
	for package in $(go list ./...); do
		dir=$(go list -f '{{.Dir}}' "$package")
		for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$dir"/*_test.go 2>/dev/null); do
			echo "== $package $target ($time)"
			go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package" || failed="$failed $package:$target"
		done
	done
	cd "$OLDPWD"
done
if [ -n "$failed" ]; then
	echo "fuzz: findings in$failed" >&2
	exit 1
fi
