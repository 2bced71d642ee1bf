#!/bin/sh
# Builds the plugin for one system and packs it into the zip that eKuiper installs.
set -eu

usage() {
	cat <<'TEXT'
usage: ./package.sh [-o FOLDER] [GOOS GOARCH [GOARM]]

Writes FOLDER/mysql_<version>_<os>_<arch>.zip; FOLDER is dist unless given.
Without a system it builds for this machine. Needs Go, nothing else.

  ./package.sh                    this machine
  ./package.sh linux arm64        64-bit ARM
  ./package.sh linux arm 7        32-bit ARM with hardware floats: ..._linux_armv7.zip
  ./package.sh windows amd64      the executable is mysql.exe

The same sources and Go version give the same zip, bit for bit. The version is
the one of plugin.json. SOURCE_DATE_EPOCH dates the files in the zip; SOURCE_COMMIT
is the commit that mysql version tells, by default that of the checkout.
TEXT
}

fail() {
	echo "package.sh: $1" >&2
	exit 2
}

invoked_from=$(pwd)
out=
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help | help)
		usage
		exit 0
		;;
	-o)
		[ $# -ge 2 ] || fail "-o needs a folder"
		case $2 in
		/*) out=$2 ;;
		*) out=$invoked_from/$2 ;;
		esac
		shift 2
		;;
	-*) fail "unknown option $1 (see ./package.sh --help)" ;;
	*) break ;;
	esac
done
[ $# -ne 1 ] || fail "an architecture is needed after $1 (see ./package.sh --help)"
[ $# -le 3 ] || fail "too many arguments (see ./package.sh --help)"

cd "$(dirname "$0")"
out=${out:-$(pwd)/dist}

# What the caller's environment says about builds must not change the zip, nor
# what "go env -w" has written down, nor a workspace above: of all that only
# where modules come from and are kept is taken over.
unset GOFLAGS GOEXPERIMENT GODEBUG GOFIPS140
for name in GOPATH GOMODCACHE GOCACHE GOTMPDIR GOTOOLCHAIN GOPROXY GOSUMDB GOAUTH GOVCS GOPRIVATE GONOPROXY GONOSUMDB GOINSECURE; do
	value=$(go env "$name")
	export "$name=$value"
done
export GOENV=off GOWORK=off
host_os=$(GOOS='' go env GOHOSTOS)
host_arch=$(GOARCH='' go env GOHOSTARCH)
os=${1:-$host_os} arch=${2:-$host_arch} arm=${3:-7}
label=$arch
[ "$arch" != arm ] || label=armv$arm

version=$(sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' plugin.json)
[ -n "$version" ] || fail "plugin.json has no version"
zip=$out/mysql_${version}_${os}_${label}.zip

work=$(mktemp -d "${TMPDIR:-/tmp}/mysql-package.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

commit=${SOURCE_COMMIT-$(git describe --always --dirty --abbrev=40 --exclude '*' 2>/dev/null || true)}
CGO_ENABLED=0 GOOS=$os GOARCH=$arch GOARM=$arm GOAMD64=v1 GO386=sse2 GOARM64=v8.0 GORISCV64=rva20u64 \
	go build -mod=readonly -trimpath -buildvcs=false -ldflags "-s -w -X ekuiper-mysql/mysql/internal/command.commit=$commit" -o "$work/mysql" ./mysql
GOOS=$host_os GOARCH=$host_arch go run -mod=readonly ./packaging/pack -o "$zip" -executable "$work/mysql" -os "$os"
echo "$zip"
