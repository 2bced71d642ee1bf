#!/bin/sh
# Looks for known vulnerabilities in what is linked in, of this code and of the
# modules that it uses. Arguments: govulncheck, then the modules' folders. VULNDB
# is the database, an address or file:// and a folder that was copied before;
# without it, govulncheck's own. Ends with 0 where nothing is found, with 3 where
# something is, with 2 where that is not known: a database that was not read is
# no pass.
set -eu

tool=$1
shift
out=$(mktemp)
trap 'rm -f "$out"' EXIT
found=
for module in "$@"; do
	echo "vulncheck: $module"
	code=0
	"$tool" -C "$module" ${VULNDB:+-db "$VULNDB"} ./... >"$out" 2>&1 || code=$?
	cat "$out"
	case $code in
	0) ;;
	3) found="$found $module" ;;
	*)
		if grep -qiE 'fetching vulnerabilities|creating client|read .*index|no such host|connection refused|dial tcp|HTTP GET' "$out"; then
			echo "vulncheck: NOT CHECKED: the database of vulnerabilities cannot be read (${VULNDB:-that of govulncheck}). Where the network does not reach it, copy it and name the copy: make vulncheck VULNDB=file:///path/to/vulndb" >&2
		else
			echo "vulncheck: NOT CHECKED: govulncheck has failed, see above" >&2
		fi
		exit 2
		;;
	esac
done
if [ -n "$found" ]; then
	echo "vulncheck: vulnerabilities in$found, see above" >&2
	exit 3
fi
echo "vulncheck: no known vulnerability"
