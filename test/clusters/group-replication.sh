#!/bin/bash
# Three MySQL nodes in group replication, single primary, on the loopback: up | start N | kill N | sql N "..." | status | down.
# GR is a scratch folder, MYSQL9 the folder of an unpacked mysqld: a program MYSQL9/mysqld that starts, and MYSQL9/usr, its base.
# Client ports 35111 to 35113, the group's 35211 to 35213; CLUSTER_PORTS is what they begin with (35).
# CLUSTER_FLAGS are more flags of the nodes.
B=${GR:?scratch folder}; U=${MYSQL9:?folder that mysql9-get.sh filled}/usr; P=${CLUSTER_PORTS:-35}
common() { echo --no-defaults --user=root --basedir=$U --lc-messages-dir=$U/share/mysql --character-sets-dir=$U/share/mysql/charsets --plugin-dir=$U/lib/mysql/plugin --datadir=$B/n$1/data --tmpdir=$B/n$1; }
flags() { local d=$B/n$1; echo $(common $1) --socket=$d/s.sock --pid-file=$d/pid --port=${P}11$1 --bind-address=127.0.0.1 --mysqlx=OFF --skip-name-resolve --log-error=$d/err.log --local-infile=1 --secure-file-priv=NULL --innodb-buffer-pool-size=128M $CLUSTER_FLAGS --innodb-redo-log-capacity=33554432 --innodb-flush-log-at-trx-commit=2 --sync-binlog=0 \
  --server-id=$1 --gtid-mode=ON --enforce-gtid-consistency=ON --report-host=127.0.0.1 --report-port=${P}11$1 --plugin-load-add=group_replication.so \
  --loose-group-replication-group-name=aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa --loose-group-replication-local-address=127.0.0.1:${P}21$1 --loose-group-replication-group-seeds=127.0.0.1:${P}211,127.0.0.1:${P}212,127.0.0.1:${P}213 --loose-group-replication-ip-allowlist=127.0.0.1 --loose-group-replication-start-on-boot=OFF --loose-group-replication-recovery-get-public-key=ON --loose-group-replication-member-expel-timeout=0 --loose-group-replication-unreachable-majority-timeout=5; }
sql() { local n=$1; shift; mariadb --no-defaults -S $B/n$n/s.sock -uroot -N -B -e "$*"; }
boot() { local d=$B/n$1; rm -f $d/s.sock* $d/pid; setsid $MYSQL9/mysqld $(flags $1) >/dev/null 2>&1 </dev/null & echo $! >$d/started; for i in $(seq 1 600); do sql $1 "select 1" >/dev/null 2>&1 && break; sleep 0.05; done; }
online() { for i in $(seq 1 600); do [ "$(sql $1 "select member_state from performance_schema.replication_group_members where member_id=@@server_uuid")" = ONLINE ] && break; sleep 0.05; done; }
case $1 in
up) rm -rf $B; mkdir -p $B/n1 $B/n2 $B/n3
  $MYSQL9/mysqld $(common 1) --initialize-insecure > $B/init.log 2>&1; rm -f $B/n1/data/auto.cnf $B/n1/data/binlog.*; cp -a $B/n1/data $B/n2/; cp -a $B/n1/data $B/n3/
  for n in 1 2 3; do boot $n & done; wait
  for n in 1 2 3; do sql $n "set sql_log_bin=0; create user root@'127.0.0.1'; grant all on *.* to root@'127.0.0.1' with grant option; create user r@'%' identified by 'r'; grant replication slave, connection_admin, backup_admin, group_replication_stream on *.* to r@'%'; set sql_log_bin=1; change replication source to source_user='r', source_password='r' for channel 'group_replication_recovery'"; done
  sql 1 "reset binary logs and gtids; set global group_replication_bootstrap_group=ON; start group_replication; set global group_replication_bootstrap_group=OFF"; online 1
  for n in 2 3; do sql $n "reset binary logs and gtids; start group_replication"; online $n; done ;;
start) boot $2; sql $2 "start group_replication"; online $2 ;;
kill) P=$(cat $B/n$2/pid); kill -9 $P; while kill -0 $P 2>/dev/null; do sleep .01; done ;;
sql) shift; sql "$@" ;;
status) for n in 1 2 3; do echo "from n$n:"; sql $n "select member_port, member_state, member_role from performance_schema.replication_group_members order by 1" 2>&1; done ;;
down) for n in 3 2 1; do kill $(cat $B/n$n/pid 2>/dev/null) 2>/dev/null; done ;;
esac
