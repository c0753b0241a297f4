#!/usr/bin/env bash
# Expected: pg_partman makes the partitions of the next days for each of its tables, and drops the old ones (retention); a row whose time has no partition waits
#   in the default partition. Its documentation says that data of the future moves where the next partitions are made, and that rows in the default are in the
#   way of the partition that they belong to.
# Happens: pg_partman 4.7.2 with PostgreSQL 15 (Debian 12): one event with a time 60 days ahead (a clock, a "due" date, year and day swapped), and the next run
#   tries all days up to it at once, today, and fails at the last: "updated partition constraint for default partition would be violated". run_maintenance()
#   then has done nothing for any table, and run_maintenance_proc() (for cron and pg_cron) nothing for the tables whose turn comes after that one: no new days,
#   no old ones dropped. So in each run, until someone deletes the event. In the meantime what arrives is stored (in the default, once the premade days are
#   over), which makes it worse. An event 3 days ahead, with its partition made already, does no harm.
# Means: four days after one wrong clock all tables fill their default partitions, and customers' data stay longer than promised; the sender saw 201 each time.
#   Check the range of the time on which a table is partitioned (arrival, not the sender's time), run each table by itself, and raise an alarm on
#   check_default().
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get, python3)"; exit 2; }; done
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 postgresql-15-partman >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in postgresql-15_* postgresql-15-partman_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f postgresql-15-partman_* Version) == 4.7.2-* ]] || { echo "   changed: expected pg_partman 4.7.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu LC_ALL=C PGHOST=127.0.0.1 PGUSER=u PGDATABASE=postgres PGPORT=$port
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off -c timezone=UTC" start
psql() { "$bin/psql" -X -q -At -F ' ' -v VERBOSITY=terse -v ON_ERROR_STOP=1 "$@"; }; failed=0
show() { # show WANTED NAME COMMAND...
  local wanted=$1 name=$2 got; shift 2; got=$("$@" 2>&1 | grep -v -e ^CONTEXT -e ^DETAIL -e ^HINT -e ^PL/ -e '^SQL statement' | tr '\n' ' ') || true; got=${got% }
  printf '  %-72s %s\n' "$name" "$got"; [[ $got == $wanted ]] || { echo "   changed: expected $wanted"; failed=1; }
}
tables() { # the tables a, b and c: days with a partition before today, and after it
  psql -c "SELECT parent, count(*) FILTER (WHERE day < to_char(now(), 'YYYY_MM_DD')), count(*) FILTER (WHERE day > to_char(now(), 'YYYY_MM_DD')) FROM (SELECT inhparent::regclass::text AS parent,
    right(inhrelid::regclass::text, 10) AS day FROM pg_inherits WHERE inhrelid::regclass::text ~ '_p[0-9_]{10}\$') AS p WHERE parent IN ('a', 'b', 'c') GROUP BY 1 ORDER BY 1"; }
begin() { # three tables like those of ten days ago: the days since, and today's and four more; then seven days ahead are wanted, and two are kept
  psql -c "DROP SCHEMA IF EXISTS partman CASCADE" -c "DROP TABLE IF EXISTS a, b, c" -c "CREATE SCHEMA partman" -c "CREATE EXTENSION pg_partman SCHEMA partman" \
    -c "CREATE TABLE a (at timestamptz NOT NULL, body text) PARTITION BY RANGE (at)" -c "CREATE TABLE b (LIKE a) PARTITION BY RANGE (at)" -c "CREATE TABLE c (LIKE a) PARTITION BY RANGE (at)" \
    -c "SELECT partman.create_parent('public.' || t, 'at', 'native', 'daily', p_start_partition := (now() - interval '10 days')::text) FROM unnest('{a,b,c}'::text[]) t" \
    -c "INSERT INTO a VALUES (now()); INSERT INTO b VALUES (now()); INSERT INTO c VALUES (now())" \
    -c "UPDATE partman.part_config SET premake = 7, retention = '2 days', retention_keep_table = false" >/dev/null 2>&1; }
function_run() { psql -c "SELECT partman.run_maintenance()"; }; procedure() { psql -c "CALL partman.run_maintenance_proc()"; }
violated='*updated partition constraint for default partition "b_default" would be violated by some row*'
echo "table, days before today, days after today:"
begin; show "a 10 4 b 10 4 c 10 4" "at first" tables; show "" "run_maintenance()" function_run; show "a 2 7 b 2 7 c 2 7" "... then" tables
begin; psql -c "INSERT INTO b VALUES (now() + interval '3 days')"; show "" "an event 3 days ahead in b, run_maintenance()" function_run; show "a 2 7 b 2 10 c 2 7" "... then" tables
begin; psql -c "INSERT INTO b VALUES (now() + interval '60 days')"; show "$violated" "an event 60 days ahead in b, run_maintenance()" function_run; show "a 10 4 b 10 4 c 10 4" "... then" tables
show "$violated" "run_maintenance_proc()" procedure; show "a 2 7 b 10 4 c 10 4" "... then" tables
show "$violated" "once more" procedure; show "a 2 7 b 10 4 c 10 4" "... then" tables
show "1" "... an event of the fifth day, in c, is stored in c_default:" psql -c "INSERT INTO c VALUES (now() + interval '5 days')" -c "SELECT count(*) FROM c_default"; psql -c "DELETE FROM c_default"
show "public.b_default 1" "check_default()" psql -c "SELECT * FROM partman.check_default()"
psql -c "DELETE FROM b_default"; show "" "the event deleted, run_maintenance_proc()" procedure; show "a 2 7 b 2 7 c 2 7" "... then" tables
exit $failed
