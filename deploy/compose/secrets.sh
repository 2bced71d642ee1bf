#!/bin/sh
# Makes the passwords that compose.yaml mounts, each once, at random. The folder
# is the caller's alone; the files in it can be read by the users of the
# containers, as Compose mounts a file with the owner and mode that it has.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets
for name in db-password db-root-password grafana-password; do
	[ ! -s "secrets/$name" ] || continue
	head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"secrets/$name"
	chmod 444 "secrets/$name"
	echo "secrets/$name"
done
