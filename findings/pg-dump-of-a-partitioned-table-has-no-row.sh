#!/usr/bin/env bash
# Expected: pg_dump -t app.event is a copy of that table with its rows, as psql sees them; and pg_restore -t gives back the tables that one names.
# Happens: where app.event has partitions, pg_dump -t writes its definition and not one row, and ends with 0; a pattern (-t 'app.event*') has them. Of a
#   whole dump, pg_restore -t event restores no row either; with all partitions named as well, rows are restored, but into tables that stand alone: -t
#   leaves out what attaches them, so app.event is empty, and new rows have no partition. All end with 0 (PostgreSQL 16.2 of pgserver 0.1.4;
#   since 16 there is --table-and-children for the dump, and nothing like it for the restore).
# Means: a nightly copy of just the important table is empty since the day the table got partitions, and a restore of one table from a good dump looks as if
#   the dump were bad. Dump and restore the schema (-n), and count rows in a restore that is tried.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; mkdir data socket; [ "$(id -u)" != 0 ] || chown 65534:65534 data socket
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pgserver==0.1.4
bin=$(echo "$dir"/v/lib/python3*/site-packages/pgserver/pginstall/bin)
export LC_ALL=C PGHOST=$dir/socket PGUSER=u PGDATABASE=postgres PGOPTIONS='-c client_min_messages=warning'
as "$bin/initdb" -D data -U u -A trust -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-k $dir/socket -c listen_addresses=" start
"$bin/pg_dump" --version
psql() { "$bin/psql" -X -q -v ON_ERROR_STOP=1 "$@"; }
psql -c 'CREATE SCHEMA app; CREATE TABLE app.event (seq bigint, slot int) PARTITION BY LIST (slot);
  CREATE TABLE app.event_0 PARTITION OF app.event FOR VALUES IN (0); CREATE TABLE app.event_1 PARTITION OF app.event FOR VALUES IN (1);
  INSERT INTO app.event VALUES (1, 0), (2, 1), (3, 0)'
"$bin/pg_dump" -t app.event -f table.sql; "$bin/pg_dump" -t 'app.event*' -f pattern.sql; "$bin/pg_dump" --table-and-children=app.event -f children.sql
"$bin/pg_dump" -n app -Fc -f whole.dump
failed=0
try() { # try ROWS-IN-EVENT ROWS-IN-EVENT_0 NAME COMMAND...
  local wanted="$1 $2" name=$3 seen partition; shift 3; psql -c 'DROP SCHEMA app CASCADE; CREATE SCHEMA app'
  "$@" >out 2>&1 || { echo "ended with $?"; cat out; failed=1; }
  partition=$(psql -At -c 'SELECT count(*) FROM app.event_0' 2>/dev/null) || partition=none
  seen="$(psql -At -c 'SELECT count(*) FROM app.event') $partition"
  printf '%-44s ended with 0; rows in app.event: %s, in app.event_0: %s\n' "$name" "${seen% *}" "${seen#* }"; [ "$seen" = "$wanted" ] || { echo "   changed: expected $wanted"; failed=1; }
}
restore=("$bin/pg_restore" -d postgres -n app)
try 0 none "pg_dump -t app.event" psql -f table.sql
try 3 2 "pg_dump -t 'app.event*'" psql -f <(sed '/^CREATE SCHEMA/d' pattern.sql)
try 3 2 "pg_dump --table-and-children" psql -f children.sql
try 0 none "pg_restore -t event" "${restore[@]}" -t event whole.dump
try 0 2 "pg_restore -t event -t event_0 -t event_1" "${restore[@]}" -t event -t event_0 -t event_1 whole.dump
said=$(psql -c 'INSERT INTO app.event VALUES (4, 0)' 2>&1) && failed=1; grep -o 'no partition of relation.*' <<<"$said"
try 3 2 "pg_restore -n app" "${restore[@]}" whole.dump
exit $failed
