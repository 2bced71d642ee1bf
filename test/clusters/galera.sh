#!/bin/bash
# Three Galera nodes of the installed MariaDB on the loopback: up | start N | kill N | sql N "..." | status | down.
# GALERA is a scratch folder that the user mysql can reach. Client ports 34111 to 34113, others 34211 to 34233; CLUSTER_PORTS is what they begin with (34).
# CLUSTER_FLAGS are more flags of the nodes.
B=${GALERA:?scratch folder}; N="1 2 3"; P=${CLUSTER_PORTS:-34}
flags() { # $1 = node number, $2 = cluster address
  local d=$B/n$1
  echo --no-defaults --user=mysql --datadir=$d/data --socket=$d/s.sock --tmpdir=$d --pid-file=$d/pid --port=${P}11$1 --bind-address=127.0.0.1 \
   --skip-name-resolve --log-error=$d/err.log --local-infile=1 --character-set-server=utf8mb4 \
   --binlog-format=ROW --default-storage-engine=InnoDB --innodb-autoinc-lock-mode=2 --innodb-flush-log-at-trx-commit=2 \
   --innodb-buffer-pool-size=64M $CLUSTER_FLAGS \
   --wsrep-on=ON --wsrep-provider=/usr/lib/galera/libgalera_smm.so --wsrep-cluster-name=t --wsrep-cluster-address=$2 \
   --wsrep-node-name=n$1 --wsrep-node-address=127.0.0.1 --wsrep-sst-method=rsync --wsrep-sst-receive-address=127.0.0.1:${P}23$1 \
   "--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:${P}21$1;ist.recv_addr=127.0.0.1:${P}22$1;gcache.size=32M;gcache.dir=$d/data;evs.suspect_timeout=PT2S;evs.inactive_timeout=PT4S;evs.keepalive_period=PT0.5S;evs.inactive_check_period=PT0.5S"
}
ALL=gcomm://127.0.0.1:${P}211,127.0.0.1:${P}212,127.0.0.1:${P}213
sql() { local n=$1; shift; mariadb --no-defaults -S $B/n$n/s.sock -uroot -N -B -e "$*"; }
start() { # node, address
  local d=$B/n$1 t=$(date +%s%N); rm -f $d/pid
  setsid mariadbd $(flags $1 $2) >/dev/null 2>&1 </dev/null &
  echo $! >$d/started # its own pid file comes late
  for i in $(seq 1 600); do [ "$(sql $1 "show status like 'wsrep_ready'" 2>/dev/null | awk '{print $2}')" = ON ] && break; sleep 0.04; done
  echo "node $1 ready after $(( ($(date +%s%N)-t)/1000000 )) ms, pid $(cat $d/pid)"
}
case $1 in
 up) rm -rf $B
     mkdir -p $B/n1; mariadb-install-db --no-defaults --datadir=$B/n1/data --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve > $B/install.log 2>&1
     for n in 2 3; do mkdir -p $B/n$n; cp -a $B/n1/data $B/n$n/data; done; [ $(id -u) = 0 ] && chown -R mysql $B
     start 1 gcomm://; start 2 $ALL; start 3 $ALL ;;
 start) start $2 $ALL ;;
 kill) kill -9 $(cat $B/n$2/pid) ;;
 sql) shift; sql "$@" ;;
 status) for n in $N; do echo "n$n: $(sql $n "show status where variable_name in ('wsrep_cluster_size','wsrep_cluster_status','wsrep_local_state_comment','wsrep_ready')" 2>&1 | awk '{print $2}' | tr '\n' ' ')"; done ;;
 down) for n in 3 2 1; do [ -f $B/n$n/pid ] && kill $(cat $B/n$n/pid) 2>/dev/null; sleep 1; done ;;
esac
