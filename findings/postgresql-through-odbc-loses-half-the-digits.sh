#!/usr/bin/env bash
# Expected: PostgreSQL's double precision is a 64-bit number, 'infinity' is later than every day, a numeric keeps its digits and a uuid is written in small letters;
#   polars' read_database takes an ODBC connection string, and Apache Arrow has a type for each of them.
# Happens: psqlODBC 13.02 (Debian 12) calls double precision SQL_FLOAT of precision 17 (digits), arrow-odbc 10.6.2 reads that as 17 bits and takes 32-bit floats for it:
#   the Unix time 1767225600.123456 is 1767225600, and so is one 60 seconds later, 16777217 is 16777216, sums of doubles are cut the same way. polars 2.1.0 uses
#   arrow-odbc. A numeric column without a scale is cut after six digits (0.0000125 a token is 0.000012), NaN is 0 in it, and a sum with a NaN is 0; in an expression
#   (n + 0) all digits come. The driver itself, with pyodbc 5.5.0 as well: the date infinity is today, and so is -infinity (a timestamp is the end of the year
#   9999); a uuid comes in capitals. bigint, numeric(38,4), timestamps and text are right, and so is pyodbc for doubles and numerics.
# Means: times kept as doubles are one for all events of two minutes, "valid until" says today every day, and ids do not join with those of any other client.
#   Ask for text (r::text, d::text, id::text), or read by psycopg; look at the schema of the frame (f32) first. (PostgreSQL 16.2 of pgserver 0.1.4)
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq odbc-postgresql libodbc2 libodbcinst2 libltdl7 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f odbc-postgresql_*.deb Package Version | xargs
[[ $(dpkg -f odbc-postgresql_*.deb Version) == 1:13.02.* ]] || { echo "   changed: expected psqlODBC 13.02"; exit 1; }
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pgserver==0.1.4 pyodbc==5.5.0 arrow-odbc==10.6.2 polars==2.1.0 pyarrow==26.0.1 'psycopg[binary]==3.3.9'
bin=$(echo "$dir"/v/lib/python3*/site-packages/pgserver/pginstall/bin); port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
for package in ./*.deb; do dpkg -x "$package" root; done; lib=$dir/root/usr/lib/x86_64-linux-gnu
cat > t.py <<'E'
import datetime as d, math, sys
from decimal import Decimal as D
from importlib.metadata import version
import arrow_odbc, polars, psycopg, pyodbc
lib, port = sys.argv[1:]; failed = False
to = f"Driver={{{lib}/odbc/psqlodbcw.so}};Server=127.0.0.1;Port={port};Database=postgres;UID=u;PWD=x"
pg = psycopg.connect(f"host=127.0.0.1 port={port} user=u dbname=postgres", autocommit=True)
pg.execute("CREATE TABLE event (n int, r double precision, f real, big bigint, price numeric, money numeric(38,4), until date, id uuid, at timestamptz)")
pg.execute("""INSERT INTO event VALUES (1, 1767225600.123456, 0.5, 9007199254740993, 0.0000125, 12345678901234567890.1234, 'infinity', '0193e2a4-0000-7000-8000-00000000000a', '2026-01-01T00:00:00.123456Z'),
  (2, 1767225660.5, 19.99, -1, 19.99, 20, '-infinity', '0193e2a4-0000-7000-8000-00000000000b', '2026-01-01T00:01:00Z'), (3, 16777217, 1, 1, 'NaN', 1, '2026-05-01', NULL, NULL)""")
def by_psycopg(sql): return [row[0] for row in pg.execute(sql).fetchall()]
def by_pyodbc(sql):
    connection = pyodbc.connect(to, autocommit=True); got = [row[0] for row in connection.execute(sql).fetchall()]; connection.close(); return got
def by_arrow(sql): return [value for batch in arrow_odbc.read_arrow_batches_from_odbc(query=sql, connection_string=to) for value in batch.column(0).to_pylist()]
def by_polars(sql): return polars.read_database(sql, to).to_series().to_list()
def show(name, got, wanted):
    global failed
    print(f"  {name:52} {', '.join(map(str, got))}")
    if list(map(repr, got)) != list(map(repr, wanted)): failed = True; print("   changed: expected", wanted)
print("versions:", pg.execute("SELECT split_part(version(), ' on ', 1)").fetchone()[0], "pyodbc", version("pyodbc"), "arrow-odbc", version("arrow-odbc"), "polars", version("polars"), "psycopg", version("psycopg"))
r = "SELECT r FROM event ORDER BY n"; whole, cut = [1767225600.123456, 1767225660.5, 16777217.0], [1767225600.0, 1767225600.0, 16777216.0]
for name, read, wanted in (("psycopg", by_psycopg, whole), ("pyodbc", by_pyodbc, whole), ("arrow-odbc", by_arrow, cut), ("polars", by_polars, cut)): show(name + ": double precision", read(r), wanted)
show("polars: the type", [polars.read_database(r, to).schema["r"]], [polars.Float32()])
total = "SELECT sum(r) FROM event WHERE n < 3"
for name, read, wanted in (("psycopg", by_psycopg, [3534451260.623456]), ("arrow-odbc", by_arrow, [3534451200.0])): show(name + ": sum of the first two", read(total), wanted)
price = "SELECT price FROM event ORDER BY n"
for name, read, wanted in (("psycopg", by_psycopg, [D("0.0000125"), D("19.99"), D("NaN")]), ("pyodbc", by_pyodbc, [D("0.0000125"), D("19.99"), D("NaN")]),
    ("arrow-odbc", by_arrow, [D("0.000012"), D("19.990000"), D("0.000000")]), ("polars", by_polars, [D("0.000012"), D("19.990000"), D("0.000000")])): show(name + ": numeric", read(price), wanted)
show("arrow-odbc: numeric + 0", by_arrow("SELECT price + 0 FROM event WHERE n = 1"), [D("0.0000125")])
show("psycopg: sum of the numerics", by_psycopg("SELECT sum(price) FROM event"), [D("NaN")]); show("arrow-odbc: the same", by_arrow("SELECT sum(price) FROM event"), [D("0")])
until, today = "SELECT until FROM event ORDER BY n", lambda: [d.date.today(), d.date.today(), d.date(2026, 5, 1)]
show("psycopg: until::text", by_psycopg("SELECT until::text FROM event ORDER BY n"), ["infinity", "-infinity", "2026-05-01"])
for name, read in (("pyodbc", by_pyodbc), ("arrow-odbc", by_arrow), ("polars", by_polars)): show(name + ": date, infinity and -infinity", read(until), today())
show("pyodbc: timestamp, infinity", by_pyodbc("SELECT until::timestamp FROM event WHERE n = 1"), [d.datetime(9999, 12, 31, 23, 59, 59)])
for name, read in (("pyodbc", by_pyodbc), ("arrow-odbc", by_arrow), ("polars", by_polars)): show(name + ": uuid", read("SELECT id FROM event WHERE n = 1"), ["0193E2A4-0000-7000-8000-00000000000A"])
show("arrow-odbc: uuid::text", by_arrow("SELECT id::text FROM event WHERE n = 1"), ["0193e2a4-0000-7000-8000-00000000000a"])
for column, wanted in (("big", 2**53 + 1), ("money", D("12345678901234567890.1234")), ("at AT TIME ZONE 'UTC'", d.datetime(2026, 1, 1, 0, 0, 0, 123456)), ("r::text", "1767225600.123456")):
    for name, read in (("psycopg", by_psycopg), ("arrow-odbc", by_arrow)): show(f"{name}: {column}", read(f"SELECT {column} FROM event WHERE n = 1"), [wanted])
sys.exit(failed)
E
LD_LIBRARY_PATH=$lib timeout 60 v/bin/python t.py "$lib" "$port"
