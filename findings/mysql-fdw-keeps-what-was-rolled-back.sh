#!/usr/bin/env bash
# Expected: a foreign table of mysql_fdw, in PostgreSQL, takes part in the transaction as one of postgres_fdw does: ROLLBACK or an error takes back what was written, a
#   statement is done as a whole or not at all, and rows are locked: EXPLAIN VERBOSE shows FOR UPDATE in the query that an UPDATE sends. Its README says nothing else.
# Happens: mysql_fdw 2.8.0 (Debian 12, MariaDB 10.11, InnoDB) has no transaction on the other side; each row is there for good at once. After ROLLBACK, or an error that was
#   caught, inserted, changed and deleted rows stay so; an INSERT of three rows of which the third is refused leaves two; what a trigger wrote for an order that was
#   refused in the end is there. The FOR UPDATE ends before the change is sent: two workers that come together both get UPDATE 1 for one job, two n = n + 1 are one; SELECT
#   ... FOR UPDATE SKIP LOCKED sends no lock and gives one job to both. PostgreSQL's own tables are right in all of these, postgres_fdw in the first ones.
# Means: an outbox behind such a table sends webhooks for orders that never were, a retry after an error ends with duplicates, and jobs run twice. Only read with mysql_fdw;
#   write to a table of PostgreSQL in the transaction, and let a program carry it over afterwards, with an id that MariaDB holds to be unique.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); mariadb=; bin=
trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; [ -z "$mariadb" ] || { kill $mariadb; wait $mariadb; } 2>/dev/null || true; rm -rf "$dir"' EXIT
# The server of PostgreSQL does not run as root.
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
  --lc-messages-dir="$dir/root/usr/share/mysql" --character-sets-dir="$dir/root/usr/share/mysql/charsets" --innodb-log-file-size=4M >mariadb.log 2>&1 & mariadb=$!
as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $PGPORT -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
cat > t.py <<'E'
import os, subprocess, sys, time
failed = False; maria = ["root/usr/bin/mariadb", "--no-defaults", "-S", "s", "-N", "--raw", "--unbuffered"]; postgres = [sys.argv[1] + "/psql", "-X", "-At", "-F", " "]
def run(program, text): done = subprocess.run(program, input=text, capture_output=True, text=True, timeout=30); return " ".join((done.stdout + done.stderr).split())
def check(text, got, wanted):
    global failed
    print(f"  {text:62} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
for _ in range(200):
    if run(maria, "CREATE DATABASE IF NOT EXISTS d") == "": break
    time.sleep(0.1)
columns = "id varchar(20), state varchar(10), n int"
run(maria, "CREATE TABLE d.jobs (id varchar(20) PRIMARY KEY, state varchar(10), n int) ENGINE=InnoDB")
print(run(postgres, f"""CREATE EXTENSION mysql_fdw; CREATE EXTENSION postgres_fdw; CREATE TABLE own (id varchar(20) PRIMARY KEY, state varchar(10), n int); CREATE TABLE orders (n int CHECK (n < 5));
  CREATE TABLE there (id varchar(20) PRIMARY KEY, state varchar(10), n int);
  CREATE SERVER maria FOREIGN DATA WRAPPER mysql_fdw OPTIONS (host '127.0.0.1', port '{sys.argv[2]}'); CREATE USER MAPPING FOR u SERVER maria OPTIONS (username 'root', password '');
  CREATE SERVER pg FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{os.environ["PGPORT"]}', dbname 'postgres'); CREATE USER MAPPING FOR u SERVER pg OPTIONS (user 'u');
  CREATE FOREIGN TABLE by_mysql_fdw ({columns}) SERVER maria OPTIONS (dbname 'd', table_name 'jobs'); CREATE FOREIGN TABLE by_postgres_fdw ({columns}) SERVER pg OPTIONS (table_name 'there')"""))
def rows(table): return run(postgres, f"SELECT string_agg(concat_ws(' ', id, state, n), ', ' ORDER BY id) FROM {table}")
def fill(table): run(postgres, f"DELETE FROM {table}; INSERT INTO {table} VALUES ('a', 'new', 0), ('b', 'new', 0)")
before = "a new 0, b new 0"
for table, changed, caught, halfway, trigger in (("own", *[before] * 4), ("by_postgres_fdw", *[before] * 4),
    ("by_mysql_fdw", "b taken 0, c new 0", "a new 7, b new 7", "a new 0, b new 0, c new 0, d new 0", "a new 0, b new 0, order 9 new 0")):
    print(table)
    fill(table); run(postgres, f"BEGIN; DELETE FROM {table} WHERE id = 'a'; UPDATE {table} SET state = 'taken' WHERE id = 'b'; INSERT INTO {table} VALUES ('c', 'new', 0); ROLLBACK")
    check("DELETE of a, UPDATE of b, INSERT of c, then ROLLBACK", rows(table), changed)
    fill(table); run(postgres, f"DO $$ BEGIN UPDATE {table} SET n = 7; RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN NULL; END $$"); check("UPDATE, then an error that is caught", rows(table), caught)
    fill(table); check("INSERT of c, d and b is refused", "ERROR" in run(postgres, f"INSERT INTO {table} VALUES ('c', 'new', 0), ('d', 'new', 0), ('b', 'new', 0)"), True)
    check("   rows then", rows(table), halfway)
    fill(table); run(postgres, f"""CREATE OR REPLACE FUNCTION outbox() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO {table} VALUES ('order ' || NEW.n, 'new', 0); RETURN NEW; END $$;
      DROP TRIGGER IF EXISTS outbox ON orders; CREATE TRIGGER outbox BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION outbox()""")
    check("an order that a CHECK refuses, after its trigger", "ERROR" in run(postgres, "INSERT INTO orders VALUES (9)"), True); check("   rows then", rows(table), trigger)
# Two workers, while a third holds the row on the server that has it, and lets go when both wait.
def together(table, holder, waiting, statement):
    held = subprocess.Popen(holder[0], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True); held.stdin.write(holder[1] + "\n"); held.stdin.flush()
    while "a" not in held.stdout.readline(): pass
    workers = [subprocess.Popen([*postgres, "-c", statement], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    for _ in range(60):
        time.sleep(0.3)
        if run(*waiting) == "2": break
    held.communicate("COMMIT;\n"); return sorted(worker.communicate(timeout=30)[0].strip() for worker in workers)
pg_holds = (postgres, "BEGIN; SELECT id FROM own WHERE id = 'a' FOR UPDATE;"), (postgres, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
maria_holds = (maria, "BEGIN; SELECT id FROM d.jobs WHERE id = 'a' FOR UPDATE;"), (maria, "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")
for table, holds, taken, count, skipped in (("own", pg_holds, ["UPDATE 0", "UPDATE 1"], "2", "b"), ("by_mysql_fdw", maria_holds, ["UPDATE 1", "UPDATE 1"], "1", "a")):
    print(table); take = f"UPDATE {table} SET state = 'taken' WHERE id = 'a' AND state = 'new'"
    if table != "own": check("EXPLAIN VERBOSE of the UPDATE has FOR UPDATE", "FOR UPDATE" in run(postgres, f"EXPLAIN VERBOSE {take}"), True)
    fill(table); check("UPDATE ... AND state = 'new', two workers", together(table, *holds, take), taken)
    fill(table); check("n = n + 1, two workers", together(table, *holds, f"UPDATE {table} SET n = n + 1 WHERE id = 'a'"), ["UPDATE 1", "UPDATE 1"])
    check("   n is then", run(postgres, f"SELECT n FROM {table} WHERE id = 'a'"), count)
    fill(table); claim = f"BEGIN; SELECT id FROM {table} WHERE state = 'new' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;\n"
    first = subprocess.Popen([*postgres, "-q"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True); first.stdin.write(claim); first.stdin.flush(); job = first.stdout.readline().strip()
    second = run([*postgres, "-q"], claim); first.communicate("ROLLBACK;\n"); check("SELECT ... FOR UPDATE SKIP LOCKED, two workers", [job, second], ["a", skipped])
sys.exit(failed)
E
timeout 100 python3 t.py "$bin" "$maria_port"
