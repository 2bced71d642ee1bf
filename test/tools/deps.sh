#!/bin/sh
# Installs what the tests need beyond Go: MariaDB's server, a C compiler for the
# race detector, Prometheus, Mosquitto, busybox for what stands for a container's image, and
# what the SDK's quick start asks for, zip and curl; with the argument "clusters"
# also what three nodes of Galera need, with "page" a browser, with
# "platforms" what runs executables of other processors and of Windows. Says what to type where it may not install.
set -eu

missing=
command -v mariadbd >/dev/null 2>&1 || [ -x /usr/sbin/mariadbd ] || missing="$missing mariadb-server"
command -v "${CC:-gcc}" >/dev/null 2>&1 || missing="$missing gcc libc6-dev"
command -v promtool >/dev/null 2>&1 || missing="$missing prometheus"
command -v mosquitto >/dev/null 2>&1 || [ -x /usr/sbin/mosquitto ] || missing="$missing mosquitto"
command -v mosquitto_pub >/dev/null 2>&1 || missing="$missing mosquitto-clients"
for tool in zip curl fish; do
	command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
command -v busybox >/dev/null 2>&1 || missing="$missing busybox-static"
if [ "${1:-}" = page ]; then
	command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
fi
if [ "${1:-}" = clusters ]; then
	[ -e /usr/lib/galera/libgalera_smm.so ] || missing="$missing galera-4"
	command -v rsync >/dev/null 2>&1 || missing="$missing rsync"
	command -v mariadb >/dev/null 2>&1 || missing="$missing mariadb-client"
fi
if [ "${1:-}" = platforms ]; then
	command -v qemu-aarch64-static >/dev/null 2>&1 || missing="$missing qemu-user-static"
	command -v wine >/dev/null 2>&1 || missing="$missing wine64 wine"
fi
if [ -z "$missing" ]; then
	echo "deps: MariaDB's server, a C compiler, Prometheus, Mosquitto, busybox, zip, curl and fish are here"
	exit 0
fi

install="apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
	echo "deps: missing:$missing. As root on Debian or Ubuntu:" >&2
	echo "  $install" >&2
	exit 1
fi
echo "deps: installing$missing"
# A package's own start of its server is not wanted: tests start private ones.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
	trap 'rm -f "$policy"' EXIT
fi
sh -c "$install" >build/deps.log 2>&1 || {
	tail -n 20 build/deps.log >&2
	exit 1
}
