#!/usr/bin/env bash
# Expected: what pg_dump --clean --if-exists writes of a database can be run on that same database, whole or not at all (psql -1 with ON_ERROR_STOP,
#   pg_restore --single-transaction): its DROP statements are those of what it dumped.
# Happens: of a partitioned table with a primary key it first drops the key of each partition by itself, which PostgreSQL refuses: "cannot drop inherited
#   constraint". In one transaction nothing is restored. Statement by statement, as psql does by default, the error passes and all is well in the end
#   (PostgreSQL 16.2 of pgserver 0.1.4; Debian's 15.18 alike).
# Means: who makes a restore safer by a transaction finds on the day of need that it never works; drop the schema in that transaction instead, and dump
#   without --clean.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; mkdir data socket; [ "$(id -u)" != 0 ] || chown 65534:65534 data socket
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pgserver==0.1.4
bin=$(echo "$dir"/v/lib/python3*/site-packages/pgserver/pginstall/bin)
export LC_ALL=C PGHOST=$dir/socket PGUSER=u PGDATABASE=postgres
as "$bin/initdb" -D data -U u -A trust -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-k $dir/socket -c listen_addresses=" start
"$bin/pg_dump" --version
psql() { "$bin/psql" -X -q "$@"; }
psql -c 'CREATE SCHEMA app; CREATE TABLE app.event (seq bigint, slot int, PRIMARY KEY (seq, slot)) PARTITION BY LIST (slot);
  CREATE TABLE app.event_0 PARTITION OF app.event FOR VALUES IN (0); INSERT INTO app.event VALUES (1, 0), (2, 0)'
"$bin/pg_dump" --clean --if-exists --schema=app -f clean.sql
"$bin/pg_dump" --clean --if-exists --schema=app -Fc -f clean.dump
"$bin/pg_dump" --schema=app -f plain.sql
psql -c 'INSERT INTO app.event VALUES (3, 0)'
rows() { psql -At -c 'SELECT count(*) FROM app.event'; }
run() { local name=$1; shift; if "$@" >/dev/null 2>out; then echo "$name: ended with 0, $(rows) rows"; else echo "$name: ended with $?, $(rows) rows; $(grep -m1 -o 'cannot drop[^"]*"[^"]*".*' out)"; fi; }
{
  run "psql, one transaction      " psql -1 -v ON_ERROR_STOP=1 -f clean.sql
  run "pg_restore, one transaction" "$bin/pg_restore" --clean --if-exists --single-transaction -d postgres clean.dump
  run "schema dropped before it   " psql -1 -v ON_ERROR_STOP=1 -c 'DROP SCHEMA app CASCADE' -f plain.sql
  psql -c 'INSERT INTO app.event VALUES (3, 0)'
  run "psql, statement by statement" psql -f clean.sql
} | tee seen
refused='cannot drop inherited constraint "event_0_pkey" of relation "event_0"'
grep -q "^psql, one.*ended with 3, 3 rows; $refused" seen
grep -q "^pg_restore.*ended with 1, 3 rows; $refused" seen
grep -q "^schema.*ended with 0, 2 rows" seen
grep -q "^psql, statement.*ended with 0, 2 rows" seen
