#!/usr/bin/env bash
# Expected: pglogical's row_filter ("an expression like that of a CHECK") lets the rows of a table through that meet it, so the copy is what SELECT ... WHERE gives on the provider, as
#   with the row filter of PostgreSQL's own publications; replication_set_add_table() says true for what it will replicate.
# Happens: pglogical 2.4.2 with PostgreSQL 15 (Debian 12), filter state <> 'draft': a DELETE never comes, as the filter looks at the old row, of which only the key is there: NULL. An
#   order that becomes a draft again stays in the copy as it last was; one that was a draft and is paid now never gets there, with a line "skip" in the subscriber's log. A filter
#   by the primary key does delete. A partitioned table is added with "true", and not one of its rows ever comes, no error and no line. Status
#   "replicating" all the time. PostgreSQL's own publication with the same filter (REPLICA IDENTITY FULL) and the same partitioned table has all of them right.
# Means: cancelled orders are sent, deleted customers stay, and the nightly count is only off by "a few". Filter by what never changes and is in the replica identity, add each
#   partition (also each new one), compare counts with WHERE on both sides, or use publications (PostgreSQL 15 and later).
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 postgresql-15-pglogical >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in postgresql-15_* postgresql-15-pglogical_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f postgresql-15-pglogical_* Version) == 2.4.2-* ]] || { echo "   changed: expected pglogical 2.4.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu LC_ALL=C PGHOST=127.0.0.1 PGUSER=u PGPORT=$port PGOPTIONS="-c statement_timeout=30000"
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
! grep -q output_plugin_libraries data/postgresql.conf || echo "output_plugin_libraries = 'pgoutput, pglogical_output'" >>data/postgresql.conf
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off -c wal_level=logical -c max_worker_processes=20 -c shared_preload_libraries=pglogical" start
psql() { "$bin/psql" -X -q -At -F ' ' -v ON_ERROR_STOP=1 "$@"; }; failed=0
for name in provider pglogical_copy own_copy; do
  psql -d postgres -c "CREATE DATABASE $name"
  psql -d $name <<'S'
CREATE TABLE orders (id int PRIMARY KEY, state text NOT NULL); CREATE TABLE small (id int PRIMARY KEY, state text NOT NULL);
CREATE TABLE inbox (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day); CREATE TABLE inbox_07 PARTITION OF inbox FOR VALUES FROM ('2026-07-01') TO ('2026-08-01');
S
done
at="host=127.0.0.1 port=$port user=u dbname"
psql -d provider -c "INSERT INTO orders VALUES (1, 'new'), (2, 'new'), (3, 'draft'), (4, 'new'), (5, 'draft')" -c "INSERT INTO small VALUES (1, 'new'), (2, 'new'), (101, 'new')" -c "INSERT INTO inbox VALUES (1, '2026-07-01')"
psql -d provider -c "ALTER TABLE orders REPLICA IDENTITY DEFAULT" -c "CREATE EXTENSION pglogical" -c "SELECT FROM pglogical.create_node('provider', '$at=provider')" >/dev/null
added=$(psql -d provider -c "SELECT pglogical.replication_set_add_table('default', 'orders', true, NULL, 'state <> ''draft''')" -c "SELECT pglogical.replication_set_add_table('default', 'small', true, NULL, 'id < 100')" \
  -c "SELECT pglogical.replication_set_add_table('default', 'inbox', true)" | xargs)
psql -d pglogical_copy -c "CREATE EXTENSION pglogical" -c "SELECT FROM pglogical.create_node('copy', '$at=pglogical_copy')" -c "SELECT FROM pglogical.create_subscription('copy', '$at=provider')" \
  -c "SELECT FROM pglogical.wait_for_subscription_sync_complete('copy')" >/dev/null
# The same by PostgreSQL itself; within one server the slot is made beforehand.
psql -d provider <<'S'
CREATE TABLE orders_full (LIKE orders INCLUDING ALL); ALTER TABLE orders_full REPLICA IDENTITY FULL; INSERT INTO orders_full SELECT * FROM orders;
CREATE PUBLICATION own FOR TABLE orders_full WHERE (state <> 'draft'), small WHERE (id < 100), inbox; SELECT FROM pg_create_logical_replication_slot('own', 'pgoutput');
S
psql -d own_copy -c "CREATE TABLE orders_full (LIKE orders INCLUDING ALL)" -c "CREATE SUBSCRIPTION own CONNECTION '$at=provider' PUBLICATION own WITH (create_slot = false, slot_name = 'own')" 2>&1 | grep -v NOTICE || true
say() { printf '%-16s %-46s %s\n' "$1" "$2" "$3"; [ "$3" = "$4" ] || { echo "   changed: expected $4"; failed=1; }; }
rows() { psql -d "$1" -c "SELECT string_agg(id || ' ' || state, ', ' ORDER BY id) FROM $2 WHERE $3"; }
inbox() { psql -d "$1" -c "SELECT string_agg(id::text, ', ' ORDER BY id) FROM inbox"; }
# Waits until a last row has come to both copies.
settle() { psql -d provider -c "INSERT INTO small VALUES ($1, 'last')"; for _ in $(seq 100); do
  [ "$(psql -d pglogical_copy -c "SELECT count(*) FROM small WHERE id = $1")$(psql -d own_copy -c "SELECT count(*) FROM small WHERE id = $1")" = 11 ] && break; sleep 0.2; done; }
look() { # look WANTED WANTED-OF-PGLOGICAL FILTER-TABLE...
  local table=$3 where=$4; say provider "$table WHERE $where" "$(rows provider "$table" "$where")" "$1"; say pglogical "$table" "$(rows pglogical_copy "$table" true)" "$2"
  [ "$table" != orders ] || table=orders_full; say publication "$table" "$(rows own_copy "$table" true)" "$1"
}
say pglogical "tables added" "$added" "t t t"; settle 90
echo "First copy"; look "1 new, 2 new, 4 new" "1 new, 2 new, 4 new" orders "state <> 'draft'"; look "1 new, 2 new, 90 last" "1 new, 2 new, 90 last" small "id < 100"
say pglogical inbox "$(inbox pglogical_copy)" ""; say publication inbox "$(inbox own_copy)" 1
for table in orders orders_full; do psql -d provider -c "INSERT INTO $table VALUES (6, 'new'), (7, 'draft')" -c "UPDATE $table SET state = 'paid' WHERE id = 2"; done
settle 91; echo "6 new, 7 a draft; 2 becomes paid"; look "1 new, 2 paid, 4 new, 6 new" "1 new, 2 paid, 4 new, 6 new" orders "state <> 'draft'"
for table in orders orders_full; do psql -d provider -c "DELETE FROM $table WHERE id = 1" -c "UPDATE $table SET state = 'draft' WHERE id = 2" -c "UPDATE $table SET state = 'paid' WHERE id = 3"; done
psql -d provider -c "DELETE FROM small WHERE id = 1" -c "INSERT INTO inbox VALUES (2, '2026-07-02')" -c "UPDATE inbox SET id = 10 WHERE id = 1"
settle 92; echo "1 deleted, 2 a draft again, 3 no draft any more; in inbox 1 becomes 10, and 2 comes"
look "3 paid, 4 new, 6 new" "1 new, 2 paid, 4 new, 6 new" orders "state <> 'draft'"; look "2 new, 90 last, 91 last, 92 last" "2 new, 90 last, 91 last, 92 last" small "id < 100"
say provider inbox "$(inbox provider)" "2, 10"; say pglogical inbox "$(inbox pglogical_copy)" ""; say publication inbox "$(inbox own_copy)" "2, 10"
say pglogical "status" "$(psql -d pglogical_copy -c "SELECT status FROM pglogical.show_subscription_status()")" replicating
exit $failed
