#!/bin/sh
# Unpacks Oracle's MySQL, as Debian sid has it, with the libraries that it
# needs: nothing is installed. Argument: the folder, which then has a program
# mysqld that starts, and usr, its base. It uses the mirror of this machine's
# own apt sources and needs no root.
set -eu

[ $# -eq 1 ] || {
	sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
	exit 2
}
command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1 || {
	echo "mysql9: apt-get and dpkg-deb are needed; unpack MySQL yourself and name its folder in MYSQL9" >&2
	exit 1
}
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
	awk '/^URIs:.*\/debian\/?( |$)/ { print $2; exit } /^deb .*\/debian\/? / { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }')
[ -n "$mirror" ] || {
	echo "mysql9: this machine has no apt source of Debian; unpack MySQL yourself and name its folder in MYSQL9" >&2
	exit 1
}
mkdir -p "$(dirname "$1")"
folder=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
work=$(mktemp -d)
aside=$folder.new
trap 'rm -rf "$work" "$aside"' EXIT
rm -rf "$aside"
mkdir -p "$aside" "$work/state/lists/partial" "$work/cache/archives/partial"
: >"$work/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" >"$work/sources.list"
apt() {
	apt-get -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State="$work/state" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" \
		-o APT::Sandbox::User="$(id -un)" -qq "$@"
}
echo 'mysql9: reading the list of packages'
apt update
echo 'mysql9: fetching MySQL and its libraries'
apt -y -d --no-install-recommends install mysql-server-core
for package in "$work"/cache/archives/*.deb; do
	case $package in
	*/perl* | */libperl* | */libgdbm* | */libdb5*) ;; # for its scripts
	*) dpkg-deb -x "$package" "$aside" ;;
	esac
done
# The loader and the libraries of its own Debian, not this machine's.
loader=$(cd "$aside" && find usr/lib -name 'ld-linux-*.so.*' | head -n 1)
printf '#!/bin/sh\nd=%s\nexec "$d/%s" --library-path "$d/%s" --argv0 "$d/usr/sbin/mysqld" "$d/usr/sbin/mysqld" "$@"\n' \
	"'$folder'" "$loader" "$(dirname "$loader")" >"$aside/mysqld"
chmod +x "$aside/mysqld"
rm -rf "$folder"
mv "$aside" "$folder"
"$folder/mysqld" --version
