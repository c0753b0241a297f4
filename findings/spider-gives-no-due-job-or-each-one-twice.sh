#!/usr/bin/env bash
# Expected: a table of MariaDB's engine SPIDER, alone or cut into shards by PARTITION BY KEY (id), is the table that lies behind it: the query for what is due, next_try IS NULL OR
#   next_try < ..., gives each job once, and a day is a day of the session's time_zone, as it is where one looks at the column itself.
# Happens: MariaDB 10.11 (Debian 12), 200 jobs in two shards, next_try with an index: IS NULL gives 50 jobs, < '2026-07-03' gives 8, and the two with OR give none at all, COUNT(*) 0.
#   IS NULL OR >= '2026-07-20' gives 149 rows for 99 jobs, and so do COUNT(*), SUM() and CREATE TABLE ... SELECT; id is the primary key, 50 jobs come twice. < or > one value: 158
#   rows for 150 jobs. So with DATE, INT, BIGINT and DECIMAL, too. An UPDATE with the same words is right; a DELETE says that it took 0 rows, whatever it took. In a session with
#   time_zone +02:00, WHERE DATE(at) = ... finds the next day or nothing, MAX(at) of the shards is two hours early, and in one SPIDER table DATE(at) is of UTC in the SELECT list
#   and in GROUP BY, beside an at in local time, and UNIX_TIMESTAMP() of a DATETIME is off; COUNT(*) OVER () is NULL. No error and no warning in any of these. An InnoDB table
#   beside it is right in all.
# Means: after the move to shards the sender is idle or sends a third of its webhooks twice, daily sums have the evening of another day. Take such an OR apart into two queries, write
#   at >= '...' AND at < '...' instead of DATE(at), and compare each query with the servers behind before you rely on it.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); servers=; trap 'kill $servers 2>/dev/null && wait $servers || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq mariadb-server-core mariadb-client-core mariadb-plugin-spider libaio1 libnuma1 liburing2 libpcre2-8-0 libodbc2 libltdl7 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f mariadb-plugin-spider*.deb Package Version | xargs; [[ $(dpkg -f mariadb-plugin-spider*.deb Version) == 1:10.11.* ]] || { echo "   changed: expected 10.11"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu
share=$dir/root/usr/share/mysql; common="--no-defaults --user=$(id -un) --lc-messages-dir=$share --character-sets-dir=$share/charsets --innodb-log-file-size=4M --default-time-zone=+00:00"
start() { # start NAME PORT OPTIONS...
  local name=$1 port=$2; shift 2
  root/usr/sbin/mariadbd $common --datadir="$dir/$name" --socket="$dir/$name.s" --pid-file="$dir/$name.pid" --bind-address=127.0.0.1 --port="$port" --skip-networking=0 --skip-grant-tables \
    --plugin-dir="$dir/root/usr/lib/mysql/plugin" "$@" >"$name.log" 2>&1 & servers+=" $!"
  for _ in $(seq 200); do maria "$name" -e "CREATE DATABASE IF NOT EXISTS d" >/dev/null 2>&1 && return; sleep 0.1; done
}
maria() { local name=$1; shift; root/usr/bin/mariadb --no-defaults -S "$name.s" -N --raw --default-character-set=utf8mb4 "$@"; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
one=$(free_port); two=$(free_port); three=$(free_port); mkdir one two front
{ printf 'CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\n'; echo "SET @current_hostname='localhost', @skip_auth_anonymous='X', @auth_root_socket=NULL;"; cat $share/mysql_system_tables.sql; } >boot.sql
root/usr/sbin/mariadbd $common --datadir="$dir/front" --bootstrap <boot.sql >boot.log 2>&1
start one "$one"; start two "$two"; start front "$three" --plugin-load-add=ha_spider.so
columns="(id INT NOT NULL PRIMARY KEY, state VARCHAR(10) NOT NULL, next_try DATETIME NULL, n INT NOT NULL, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, due DATETIME NOT NULL, KEY (state), KEY (next_try), KEY (n))"
for server in one two; do maria $server d -e "CREATE TABLE part $columns; CREATE TABLE whole $columns"; done
to="wrapper \"mysql\", host \"127.0.0.1\", user \"root\", database \"d\""
maria front d -e "CREATE TABLE innodb $columns; CREATE TABLE spider $columns ENGINE=SPIDER COMMENT='$to, port \"$one\", table \"whole\"';
  CREATE TABLE shards $columns ENGINE=SPIDER COMMENT='$to, table \"part\"' PARTITION BY KEY (id) (PARTITION a COMMENT='port \"$one\"', PARTITION b COMMENT='port \"$two\"')"
# 200 jobs: every fourth was never tried; the others are to be tried on one of 28 days, at noon; at is half past eleven in the evening (UTC).
maria front d -e "INSERT INTO innodb SELECT seq, ELT(1 + seq % 4, 'new', 'paid', 'sent', 'Done'), IF(seq % 4, '2026-07-01 12:00' + INTERVAL seq % 28 DAY, NULL), seq, '2026-07-01 23:30' + INTERVAL seq % 28 DAY, '2026-07-01 12:00' FROM seq_1_to_200;
  INSERT INTO spider SELECT * FROM innodb; INSERT INTO shards SELECT * FROM innodb"
failed=0
show() { # show SQL WANTED [SPIDER [SHARDS]]: TABLE_T is the table
  local name got wanted; printf '%s\n' "${1//TABLE_T/t}"
  for name in innodb spider shards; do
    got=$(maria front d -e "${1//TABLE_T/$name}" 2>&1 | tr '\n\t' '; ') || true; got=${got%;}; wanted=$2; [ $name != spider ] || wanted=${3-$2}; [ $name != shards ] || wanted=${4-$2}
    printf '  %-7s %s\n' $name "$got"; [[ $got == $wanted ]] || { echo "   changed: expected $wanted"; failed=1; }
  done
}
echo "rows behind the shards: $(maria one d -e "SELECT COUNT(*) FROM part") and $(maria two d -e "SELECT COUNT(*) FROM part")"
show "SELECT COUNT(*), COUNT(next_try), SUM(n) FROM TABLE_T" "200 150 20100"
rows() { # rows CONDITION WANTED [WANTED-OF-SHARDS]: how many rows, of how many jobs, and what COUNT(*) says
  local name ids got wanted; echo "WHERE $1"
  for name in innodb spider shards; do
    ids=$(maria front d -e "SELECT id FROM $name WHERE $1" | sort -n); got="rows $(echo "$ids" | grep -c . || true), jobs $(echo "$ids" | uniq | grep -c . || true), COUNT(*) $(maria front d -e "SELECT COUNT(*) FROM $name WHERE $1" 2>&1 || true)"
    wanted=$2; [ $name != shards ] || wanted=${3-$2}; printf '  %-7s %s\n' $name "$got"; [[ $got == $wanted ]] || { echo "   changed: expected $wanted"; failed=1; }
  done
}
rows "next_try IS NULL" "rows 50, jobs 50, COUNT(*) 50"
rows "next_try < '2026-07-03'" "rows 8, jobs 8, COUNT(*) 8"
rows "next_try IS NULL OR next_try < '2026-07-03'" "rows 58, jobs 58, COUNT(*) 58" "rows 0, jobs 0, COUNT(*) 0"
rows "next_try >= '2026-07-20'" "rows 49, jobs 49, COUNT(*) 49"
rows "next_try IS NULL OR next_try >= '2026-07-20'" "rows 99, jobs 99, COUNT(*) 99" "rows 149, jobs 99, COUNT(*) 149"
rows "next_try < '2026-07-03' OR next_try > '2026-07-03'" "rows 150, jobs 150, COUNT(*) 150" "rows 158, jobs 150, COUNT(*) ERROR 1054*"
rows "next_try IS NULL OR next_try = '2026-07-03 12:00'" "rows 58, jobs 58, COUNT(*) 58"
show "SELECT SUM(n) FROM TABLE_T WHERE next_try IS NULL OR next_try >= '2026-07-20'" 10357 10357 15457
show "CREATE TABLE out_TABLE_T SELECT id FROM TABLE_T WHERE next_try IS NULL OR next_try >= '2026-07-20'; SELECT COUNT(*), COUNT(DISTINCT id) FROM out_TABLE_T" "99 99" "99 99" "149 99"
show "START TRANSACTION; UPDATE TABLE_T SET n = 0 WHERE next_try IS NULL OR next_try < '2026-07-03'; SELECT ROW_COUNT(); ROLLBACK" 58
echo "A session with time_zone +02:00"; zone="SET time_zone = '+02:00'"
show "$zone; SELECT id, at FROM TABLE_T WHERE at >= '2026-07-03' AND at < '2026-07-04' ORDER BY id LIMIT 2" "1 2026-07-03 01:30:00;29 2026-07-03 01:30:00"
show "$zone; SELECT id, at FROM TABLE_T WHERE DATE(at) = '2026-07-03' ORDER BY id LIMIT 2" "1 2026-07-03 01:30:00;29 2026-07-03 01:30:00" "2 2026-07-04 01:30:00;30 2026-07-04 01:30:00" ""
show "$zone; SELECT id, at, DATE(at) FROM TABLE_T WHERE id < 3 ORDER BY id LIMIT 1" "1 2026-07-03 01:30:00 2026-07-03" "1 2026-07-03 01:30:00 2026-07-02"
show "$zone; SELECT DATE(at), COUNT(*) FROM TABLE_T GROUP BY DATE(at) ORDER BY 1 LIMIT 2" "2026-07-02 7;2026-07-03 8" "2026-07-01 7;2026-07-02 8"
show "$zone; SELECT MAX(at), MAX(DATE(at)) FROM TABLE_T" "2026-07-29 01:30:00 2026-07-29" "2026-07-29 01:30:00 2026-07-28" "2026-07-28 23:30:00 2026-07-28"
show "$zone; SELECT due, UNIX_TIMESTAMP(due) FROM TABLE_T WHERE id < 2" "2026-07-01 12:00:00 1782900000" "2026-07-01 12:00:00 1782907200"
show "SELECT COUNT(*) OVER (), id FROM TABLE_T WHERE id < 3 ORDER BY id" "2 1;2 2" "NULL 1;NULL 2"
show "DELETE FROM TABLE_T WHERE state = 'Done'; SELECT ROW_COUNT(); SELECT COUNT(*) FROM TABLE_T" "50;150" "50;150" "0;150"
exit $failed
