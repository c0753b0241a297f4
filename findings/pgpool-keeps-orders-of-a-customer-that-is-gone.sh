#!/usr/bin/env bash
# Expected: the query cache of pgpool-II forgets an answer when a table in it is changed through pgpool (memqcache_auto_cache_invalidation, on unless switched off); and as its
#   page says, a SELECT with a timestamp with time zone is not kept at all.
# Happens: pgpool-II 4.3.5 with PostgreSQL 15 (Debian 12) looks at the table that the statement names, and at no other that it changes. An order that ON DELETE CASCADE
#   took away, a balance that a trigger moved, a row of a partition that was written by way of its parent, or of the parent written by way of a partition, what MERGE did:
#   the answer of before comes back, to every client, for ever (memqcache_expire is 0). All writes went through pgpool, one after another. A column of type timestamptz is
#   kept, too: who asks second gets the hours and the offset of the session that asked first, and with it another day. So is a table found by search_path: the second schema
#   gets the rows of the first one. An INSERT, UPDATE or DELETE that names the very table is seen, as is a CTE that deletes.
# Means: a check "was this event seen" on a partitioned inbox says no after it was stored, balances stand still. List such tables and their parents in
#   cache_unsafe_memqcache_table_list, give memqcache_expire seconds, or leave the cache off, as it is unless one asks for it.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); bin=; pool=; trap '[ ! -s pool/pid ] || kill -INT $(tr -d '\0' <pool/pid) && wait $pool || true; [ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m fast stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The servers do not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 pgpool2 libpgpool2 libmemcached11 libhashkit2 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in postgresql-15_* pgpool2_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f pgpool2_* Version) == 4.3.5-* ]] || { echo "   changed: expected pgpool2 4.3.5"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
server=$(free_port); cached=$(free_port); pcp=$(free_port)
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu LC_ALL=C PGHOST=127.0.0.1 PGUSER=u PGDATABASE=postgres
mkdir data pool pool/oid; [ "$(id -u)" != 0 ] || chown -R 65534:65534 data pool; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $server -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
cat > pool/pgpool.conf <<C
listen_addresses = '127.0.0.1'
port = $cached
pcp_listen_addresses = ''
pcp_port = $pcp
socket_dir = '$dir/pool'
pcp_socket_dir = '$dir/pool'
wd_ipc_socket_dir = '$dir/pool'
logdir = '$dir/pool'
pid_file_name = '$dir/pool/pid'
backend_clustering_mode = 'streaming_replication'
backend_hostname0 = '127.0.0.1'
backend_port0 = $server
num_init_children = 4
sr_check_period = 0
memory_cache_enabled = on
memqcache_oiddir = '$dir/pool/oid'
C
touch pool/pcp.conf pool/pool_hba.conf
direct() { PGPORT=$server "$bin/psql" -X -q -At -F ' ' -v ON_ERROR_STOP=1 "$@"; }
through() { PGPORT=$cached "$bin/psql" -X -q -At -F ' ' -v ON_ERROR_STOP=1 "$@"; }
direct <<'S'
CREATE TABLE customer (id int PRIMARY KEY, name text); INSERT INTO customer VALUES (1, 'A'), (2, 'B');
CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customer ON DELETE CASCADE, amount numeric, at timestamptz);
INSERT INTO orders VALUES (1, 1, 10.50, '2026-07-01 00:30+02'), (2, 2, 20, '2026-07-02 12:00+02');
CREATE TABLE balance (customer int, amount numeric); INSERT INTO balance VALUES (1, 100);
CREATE TABLE payment (id int, customer int, amount numeric);
CREATE FUNCTION pay() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE balance SET amount = amount - new.amount WHERE customer = new.customer; RETURN new; END';
CREATE TRIGGER pay AFTER INSERT ON payment FOR EACH ROW EXECUTE FUNCTION pay();
CREATE TABLE inbox (id text, day date) PARTITION BY RANGE (day); CREATE TABLE inbox_07 PARTITION OF inbox FOR VALUES FROM ('2026-07-01') TO ('2026-08-01');
CREATE TABLE state (id int PRIMARY KEY, state text); INSERT INTO state VALUES (1, 'new');
CREATE SCHEMA one; CREATE SCHEMA two; CREATE TABLE one.hook (url text); CREATE TABLE two.hook (url text); INSERT INTO one.hook VALUES ('https://one.example'); INSERT INTO two.hook VALUES ('https://two.example');
S
as "$dir/root/usr/sbin/pgpool" -n -f pool/pgpool.conf -F pool/pcp.conf -a pool/pool_hba.conf >pool/log 2>&1 & pool=$!
for _ in $(seq 100); do through -c "SELECT 1" >/dev/null 2>&1 && break; sleep 0.2; done
failed=0
change() { # change BEFORE CACHED REAL WRITE QUERY: asks twice, writes, asks again, all through pgpool, and then the server itself
  local got; got="$(through -c "$5") $(through -c "$5")"; through -c "$4" >/dev/null; got+=" $(through -c "$5") $(direct -c "$5")"
  printf '%s\n  %s\n  before, again, after, by the server itself:  %s\n' "$5" "$4" "$got"; [ "$got" = "$1 $1 $2 $3" ] || { echo "   changed: expected $1 $1 $2 $3"; failed=1; }
}
session() { # session WANTED SETTING QUERY
  local got; got=$(through -c "SET $2" -c "$3"); printf '%-34s %-52s %s\n' "SET $2" "$3" "$got"; [ "$got" = "$1" ] || { echo "   changed: expected $1"; failed=1; }
}
echo "The table is the one that is named"
change 2 3 3 "INSERT INTO orders VALUES (3, 1, 30)" "SELECT count(*) FROM orders"
change 3 2 2 "WITH gone AS (DELETE FROM orders WHERE id = 3 RETURNING id) SELECT id FROM gone" "SELECT count(id) FROM orders"
change new paid paid "UPDATE state SET state = 'paid' WHERE id = 1" "SELECT state FROM state"
echo "It is another one"
change 2 2 1 "DELETE FROM customer WHERE id = 2" "SELECT count(customer) FROM orders"
change 100 100 80 "INSERT INTO payment VALUES (1, 1, 20)" "SELECT amount FROM balance WHERE customer = 1"
change 0 0 1 "INSERT INTO inbox VALUES ('evt_1', '2026-07-01')" "SELECT count(*) FROM inbox_07 WHERE id = 'evt_1'"
change 0 0 1 "INSERT INTO inbox_07 VALUES ('evt_2', '2026-07-01')" "SELECT count(*) FROM inbox WHERE id = 'evt_2'"
change paid paid sent "MERGE INTO state s USING (VALUES (1)) AS v(id) ON s.id = v.id WHEN MATCHED THEN UPDATE SET state = 'sent'" "SELECT state FROM state WHERE id = 1"
echo "Sessions with other settings"
session "2026-07-01 00:30:00+02" "timezone = 'Europe/Berlin'" "SELECT at FROM orders WHERE id = 1"
session "2026-07-01 00:30:00+02" "timezone = 'UTC'" "SELECT at FROM orders WHERE id = 1"
session "2026-06-30 22:30:00+00" "timezone = 'UTC'" "SELECT at  FROM orders WHERE id = 1"
session "https://one.example" "search_path = one" "SELECT url FROM hook"
session "https://one.example" "search_path = two" "SELECT url FROM hook"
session "https://two.example" "search_path = two" "SELECT url  FROM hook"
exit $failed
