#!/bin/bash
# Runs the tests of exactly once on other servers, by hand: they take minutes.
#
#   test/clusters/run.sh mysql            one Oracle MySQL: the tests of the sink and of the comparison
#   test/clusters/run.sh galera [ROUNDS]  three Galera nodes of the installed MariaDB (needs galera-4, rsync)
#   test/clusters/run.sh group [ROUNDS]   three nodes of Oracle MySQL in group replication
#
# MYSQL9 is the folder of an unpacked Oracle MySQL: a program MYSQL9/mysqld that
# starts, and MYSQL9/usr, its base. CLUSTER_CONSISTENCY is the group's
# group_replication_consistency where a node lags (EVENTUAL).
# Nothing outside a temporary folder is touched; the ports are 34111 and on, 35111 and on.
set -eu
cd "$(dirname "$0")/../.."
here=$PWD/test/clusters
kind=${1:-}
export CLUSTER_ROUNDS=${2:-5}
scratch=$(mktemp -d)
chmod 755 "$scratch"
end() {
	[ -z "${CLUSTER:-}" ] || "$CLUSTER" down
	for pid in $(cat "$scratch"/*/n*/pid 2>/dev/null); do
		while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
	done
	rm -rf "$scratch"
}
trap end EXIT

case $kind in
mysql)
	U=${MYSQL9:?the folder of an unpacked MySQL}/usr
	export TEST_MYSQLD="$MYSQL9/mysqld --basedir=$U --lc-messages-dir=$U/share/mysql --character-sets-dir=$U/share/mysql/charsets --plugin-dir=$U/lib/mysql/plugin --mysqlx=OFF --secure-file-priv=NULL --performance-schema=OFF"
	# Left out: what asks for an engine or a type that only MariaDB has.
	go test -count=1 ./mysql/internal/sink -run 'ExactlyOnce|Lost|Duplicate|Ledger|Journal|Copy|Errors|WentBack|Load|Files|Made|Columns|Dry|Make|Tell|Choose|Chosen|FieldNames|OneTable|LockedTable|ManyTables|NoLonger' -skip 'LedgerWithoutTransactions'
	go test -count=1 ./mysql/internal/schema/integration -run StoredValuesCompare -skip 'StoredValuesCompare/(DECIMAL.38,38|VARCHAR.20._COMPRESSED|POINT_REF_SYSTEM|UUID|INET)'
	exit
	;;
galera)
	export GALERA=$scratch/galera CLUSTER=$here/galera.sh CLUSTER_PORT=34111
	export CLUSTER_DIR=$GALERA
	;;
group)
	export GR=$scratch/group CLUSTER=$here/group-replication.sh CLUSTER_PORT=35111
	export CLUSTER_DIR=$GR
	;;
*)
	sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
"$CLUSTER" up
go test -tags clusters -count=1 -timeout 2h -v ./mysql/internal/sink -run "${CLUSTER_TESTS:-TestCluster}"
