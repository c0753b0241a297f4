#!/usr/bin/env bash
# Expected: a foreign table of mysql_fdw shows the rows that the table of MariaDB has, or a query ends with an error; at worst a value that is too long is cut, as
#   the option max_blob_size of its README ("max blob size to read without truncation") lets one think.
# Happens: mysql_fdw 2.8.0 (Debian 12, PostgreSQL 15, MariaDB 10.11) ends the table at the first row that has more than 65,536 bytes in a column declared as jsonb,
#   json, varchar or bytea (whatever max_blob_size says): this row and all that come after it are not there, without an error or a warning. CREATE TABLE ... AS,
#   INSERT ... SELECT and joins take what is left; count(*) and max() are asked of MariaDB and give the whole table. WHERE n > 4 shows the rows after it, up to the
#   next large one. A column declared as text is read whole.
# Means: a move of events to PostgreSQL, or a nightly copy, loses everything after the first large body, and the check that compares count(*) of both sides says that
#   all is well, as it counts in MariaDB. Declare such columns as text and cast (body::jsonb), and count what arrived: count(*) of the copy.
# The server does not run as root.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); mariadb=; bin=
trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; [ -z "$mariadb" ] || { kill $mariadb; wait $mariadb; } 2>/dev/null || true; rm -rf "$dir"' EXIT
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 postgresql-15-mysql-fdw mariadb-server-core mariadb-client-core libaio1 libnuma1 liburing2 libpcre2-8-0 libmariadb3 \
  >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in postgresql-15_* postgresql-15-mysql-fdw_* mariadb-server-core_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f postgresql-15-mysql-fdw_* Version) == 2.8.0-* ]] || { echo "   changed: expected mysql_fdw 2.8.0"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
# The name by which mysql_fdw loads the client; libmariadb-dev-compat, on which the package depends, has this link.
ln -sf libmariadb.so.3 root/usr/lib/x86_64-linux-gnu/libmysqlclient.so
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu LC_ALL=C PGHOST=127.0.0.1 PGUSER=u PGDATABASE=postgres PGPORT
PGPORT=$(free_port); maria_port=$(free_port); mkdir maria data; [ "$(id -u)" != 0 ] || chown 65534:65534 data
root/usr/sbin/mariadbd --no-defaults --user="$(id -un)" --datadir="$dir/maria" --socket="$dir/s" --pid-file="$dir/pid" --bind-address=127.0.0.1 --port="$maria_port" --skip-grant-tables \
  --skip-networking=0 --lc-messages-dir="$dir/root/usr/share/mysql" --character-sets-dir="$dir/root/usr/share/mysql/charsets" --innodb-log-file-size=4M >mariadb.log 2>&1 & mariadb=$!
as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $PGPORT -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
maria() { root/usr/bin/mariadb --no-defaults -S s -N --raw "$@"; }
for _ in $(seq 200); do maria -e "SELECT 1" >/dev/null 2>&1 && break; sleep 0.1; done
psql() { "$bin/psql" -X -q -At -F ' ' -v ON_ERROR_STOP=1 "$@"; }; failed=0
show() { # show WANTED NAME COMMAND...
  local wanted=$1 name=$2 got; shift 2; got=$("$@" 2>&1 | tr '\n' ' ') || true; got=${got% }
  printf '%-70s %s\n' "$name" "$got"; [[ $got == "$wanted" ]] || { echo "   changed: expected $wanted"; failed=1; }
}
maria -e "CREATE DATABASE d CHARACTER SET utf8mb4; USE d; CREATE TABLE event (n INT PRIMARY KEY, body LONGTEXT NOT NULL, raw LONGBLOB NOT NULL);
  INSERT INTO event SELECT seq, CONCAT('{\"id\":\"evt_', seq, '\",\"text\":\"', REPEAT('x', ELT(seq, 10, 2000, 10, 70000, 10, 10, 70000, 10, 10)), '\"}'), '' FROM seq_1_to_9; UPDATE event SET raw = body"
psql -c "CREATE EXTENSION mysql_fdw" -c "CREATE SERVER maria FOREIGN DATA WRAPPER mysql_fdw OPTIONS (host '127.0.0.1', port '$maria_port')" \
  -c "CREATE USER MAPPING FOR u SERVER maria OPTIONS (username 'root', password '')"
for type in text jsonb json varchar; do psql -c "CREATE FOREIGN TABLE as_$type (n int, body $type) SERVER maria OPTIONS (dbname 'd', table_name 'event')"; done
psql -c "CREATE FOREIGN TABLE as_bytea (n int, raw bytea) SERVER maria OPTIONS (dbname 'd', table_name 'event', max_blob_size '100000')"
psql -c "CREATE FOREIGN TABLE as_small (n int, raw bytea) SERVER maria OPTIONS (dbname 'd', table_name 'event', max_blob_size '1000')"
show "1 2 3 4 5 6 7 8 9" "MariaDB, the rows with their bodies" maria -e "SELECT IF(LENGTH(body) > 0, n, 0) FROM d.event ORDER BY n"
rows() { psql -c "SELECT n FROM (SELECT n, $2::text AS value FROM $1 OFFSET 0) AS fetched WHERE value <> ''"; }
show "1 2 3 4 5 6 7 8 9" "a column of type text" rows as_text body
for type in jsonb json varchar; do show "1 2 3" "the same as $type" rows as_$type body; done
show "1 2 3" "bytea, max_blob_size 100,000" rows as_bytea raw
show "1 2 3" "bytea, max_blob_size 1,000 (row 2 is longer)" rows as_small raw
show "9 9" "jsonb: count(*) and max(n)" psql -c "SELECT count(*), max(n) FROM as_jsonb"
show "3" "jsonb: count(body->>'id')" psql -c "SELECT count(body->>'id') FROM as_jsonb"
show "5 6" "jsonb: WHERE n > 4" psql -c "SELECT n FROM (SELECT n, body->>'id' AS id FROM as_jsonb WHERE n > 4) AS later WHERE id LIKE 'evt%'"
show "" "jsonb: WHERE n = 4 (no row, no error)" psql -c "SELECT n, body FROM as_jsonb WHERE n = 4"
show "3" "CREATE TABLE copy AS SELECT *: rows in it" psql -c "CREATE TABLE copy AS SELECT * FROM as_jsonb" -c "SELECT count(*) FROM copy"
show "9" "text, cast to jsonb: rows in the copy" psql -c "CREATE TABLE whole AS SELECT n, body::jsonb FROM as_text" -c "SELECT count(*) FROM whole"
exit $failed
