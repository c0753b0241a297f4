#!/usr/bin/env bash
# Expected: VirtualPG, by the author of SpatiaLite, shows a table of PostgreSQL as a table in SQLite; with 'W' it can be written. UPDATE o SET state = 'shipped' WHERE id = 1 changes the state of that
#   order and nothing else, a NULL that is written is NULL, and a column that an INSERT does not name has its default.
# Happens: VirtualPG 2.0.1 (Debian 12; PostgreSQL 15): the UPDATE sets all columns, and each number or boolean that was NULL becomes 0 or false: refunded 0.00, parent 0, rating 0, paid false. An amount of
#   type money becomes $0.00 ($19.99 is read as 0.0), NaN becomes 0, numeric keeps 15 digits: 99999999999999.9999 is 100000000000000.0000. INSERT writes 0 for NULL, named or not, and for columns with a
#   default (attempts int DEFAULT 3 is 0, a time with DEFAULT now() is NULL). Before, SELECT has shown NULL where NULL was. Texts, times and JSON keep NULL. No error, and one row changed.
# Means: who sets a state in the local copy says that nothing was refunded, where nobody knew, that the order is unpaid and has the parent 0; coalesce(refunded, ...), WHERE paid IS NULL and avg(rating)
#   give another answer from then on, and a price in money is gone. Open the table without 'W', and write by libpq or in a view of the columns that are meant.
# The versions are those of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and python3"; exit 2; }; done
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 sqlite3 libsqlite3-0 libsqlite3-mod-virtualpg >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in postgresql-15_* libsqlite3-mod-virtualpg_* sqlite3_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f libsqlite3-mod-virtualpg_* Version) == 2.0.1-* ]] || { echo "   changed: expected VirtualPG 2.0.1"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin; lib=$dir/root/usr/lib/x86_64-linux-gnu
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export LD_LIBRARY_PATH=$lib LC_ALL=C PGTZ=UTC
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
cat > t.py <<'E'
import subprocess, sys
port = sys.argv[1]; failed = False
def check(what, got, wanted):
    global failed
    print(f"  {what:<62} {got}")
    if got != wanted: print(f"   changed: expected {wanted}"); failed = True
def server(sql): return subprocess.run(["root/usr/lib/postgresql/15/bin/psql", "-XqAt", "-h", "127.0.0.1", "-p", port, "-U", "u", "-d", "postgres", "-P", "null=NULL", "-c", sql], check=True, capture_output=True, text=True).stdout.strip()
def local(sql):
    text = f".load root/usr/lib/x86_64-linux-gnu/mod_virtualpg.so.0\n.nullvalue NULL\nCREATE VIRTUAL TABLE o USING VirtualPostgres('host=127.0.0.1 port={port} user=u dbname=postgres', 'public', 'o', 'W');\n{sql}\n"
    done = subprocess.run(["root/usr/bin/sqlite3", ":memory:"], input=text, check=True, capture_output=True, text=True); assert not done.stderr, done.stderr
    return done.stdout.strip()
server("""CREATE TABLE o (id bigint PRIMARY KEY, state text, amount numeric(20,4), refunded numeric(10,2), parent bigint, attempts int DEFAULT 3, rating real, score float8, small smallint, paid boolean,
  price money, note text, at timestamptz DEFAULT '2026-07-02 00:00:00+00', day date, body jsonb);
  INSERT INTO o (id, state, amount, attempts, score, price, at) VALUES (1, 'new', 19.99, NULL, NULL, NULL, NULL), (2, 'new', 99999999999999.9999, 1, 'NaN', 19.99, NULL), (3, 'new', 19.99, NULL, NULL, NULL, NULL), (6, 'new', 12345678901234.5678, 1, 1, NULL, NULL);
  INSERT INTO o VALUES (7, 'new', 19.99, 5.5, 6, 1, 1.5, 0.1, 1, true, NULL, 'it''s "q" \\ x', '2026-07-02 03:04:05.123456+02', '2026-07-02', '{"a": 1.10, "b": null}')""")
numbers = "refunded, parent, attempts, rating, score, small, paid, price"
before = server("SELECT * FROM o WHERE id = 3")
print(f"an order with NULLs: {numbers}")
check("in PostgreSQL", server(f"SELECT {numbers} FROM o WHERE id = 1"), "|".join(["NULL"] * 8))
check("in SQLite", local(f"SELECT {numbers} FROM o WHERE id = 1;"), "|".join(["NULL"] * 8))
check("UPDATE o SET state = 'shipped' WHERE id = 1", local("UPDATE o SET state = 'shipped' WHERE id = 1; SELECT state FROM o WHERE id = 1;"), "shipped")
check("afterwards in PostgreSQL", server(f"SELECT {numbers} FROM o WHERE id = 1"), "0.00|0|0|0|0|0|f|$0.00")
check("note, at, day, body", server("SELECT note, at, day, body FROM o WHERE id = 1"), "NULL|NULL|NULL|NULL")
check("the order that was not touched", server("SELECT * FROM o WHERE id = 3") == before, True)
print("other values, before and after:")
for id, columns, old, new in ((2, "amount, score, price", "99999999999999.9999|NaN|$19.99", "100000000000000.0000|0|$0.00"), (6, "amount", "12345678901234.5678", "12345678901234.5600"),
    (7, "amount, refunded, parent, rating, score, paid", "19.9900|5.50|6|1.5|0.1|t", "19.9900|5.50|6|1.5|0.1|t"), (7, "note, at, day, body", 'it\'s "q" \\ x|2026-07-02 01:04:05.123456+00|2026-07-02|{"a": 1.10, "b": null}', None)):
    check(columns, server(f"SELECT {columns} FROM o WHERE id = {id}"), old); local(f"UPDATE o SET state = 'shipped' WHERE id = {id};"); check("", server(f"SELECT {columns} FROM o WHERE id = {id}"), new or old)
print("INSERT INTO o (id, state, refunded) VALUES (8, 'new', NULL):")
local("INSERT INTO o (id, state, refunded) VALUES (8, 'new', NULL);")
check("amount, refunded, attempts (DEFAULT 3), paid, at (DEFAULT ...)", server("SELECT amount, refunded, attempts, paid, at FROM o WHERE id = 8"), "0.0000|0.00|0|f|NULL")
server("INSERT INTO o (id, state, refunded) VALUES (9, 'new', NULL)"); check("   by PostgreSQL", server("SELECT amount, refunded, attempts, paid, at FROM o WHERE id = 9"), "NULL|NULL|3|NULL|2026-07-02 00:00:00+00")
sys.exit(failed)
E
timeout 110 python3 t.py "$port"
