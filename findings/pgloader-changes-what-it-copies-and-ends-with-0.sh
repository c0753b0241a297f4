#!/usr/bin/env bash
# Expected: pgloader, the usual tool to move a SQLite file to PostgreSQL, copies values as they are, or ends with an error; SQLite's REAL has 64 bits, its
#   INT too.
# Happens: pgloader 3.6.9 of Debian 12 makes REAL a 32-bit real: a Unix time with a fraction is up to a minute off, 16777217 is 16777216. In a column
#   without a type 0.5 becomes the text 0.5d0, as Lisp writes it. Text in a BLOB column is taken for base64: "abcd" becomes three other bytes, and a
#   row with JSON text there is left out. INT becomes a 32-bit integer: one value beyond it, and the table is empty. NOT NULL is gone. It ends with 0 in
#   all these cases, also where it says FATAL since it puts the default current_timestamp (in small letters) into quotes.
# Means: `pgloader && switch` switches to a database with other times and fewer rows. Make the tables by your own migration before (`with data only`),
#   compare counts, sums and sort keys, and do not go by its exit code. (PostgreSQL 16.2 of pgserver 0.1.4)
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq pgloader libsqlite3-0 libzstd1 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f pgloader_*.deb Package Version | xargs; for package in ./*.deb; do dpkg -x "$package" root; done
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pgserver==0.1.4
bin=$(echo "$dir"/v/lib/python3*/site-packages/pgserver/pginstall/bin)
export LC_ALL=C PGHOST=127.0.0.1 PGUSER=u PGDATABASE=postgres PGPORT; PGPORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $PGPORT -k $dir/data -c listen_addresses=127.0.0.1" start
psql() { "$bin/psql" -X -q -At -F ' ' -v ON_ERROR_STOP=1 "$@"; }; psql -c 'SELECT version()' | cut -d' ' -f1-2
python3 - <<'E'
import sqlite3
print("SQLite", sqlite3.sqlite_version); inbox = sqlite3.connect("inbox.db")
inbox.executescript("""CREATE TABLE event (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, at REAL, body BLOB NOT NULL, share); CREATE TABLE size (seq INTEGER PRIMARY KEY, bytes INT)""")
inbox.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?)", [(1, "evt_1", 1700000050.5, b'{"n":1}', 0.5), (2, "evt_2", 16777217, "abcd", 7), (3, "evt_3", 1, '{"n":3}', 0.25)])
inbox.executemany("INSERT INTO size VALUES (?, ?)", [(1, 10), (2, 20), (3, 5_000_000_000)]); inbox.commit()
later = sqlite3.connect("later.db"); later.execute("CREATE TABLE note (text TEXT, at TIMESTAMP DEFAULT current_timestamp)"); later.execute("INSERT INTO note (text) VALUES ('a')"); later.commit()
for row in inbox.execute("SELECT seq, id, CAST(at AS TEXT), hex(body), share FROM event"): print("  event in SQLite:    ", *row)
E
load() {
  local code=0; LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu timeout 60 root/usr/bin/pgloader --root-dir "$dir/log" "sqlite://$dir/$1" "pgsql://u@127.0.0.1:$PGPORT/postgres" >"$1.log" 2>&1 || code=$?
  echo "pgloader $1 ended with $code; it said: $(grep -Eo '(ERROR|FATAL) .*' "$1.log" | cut -c1-90 | tr '\n' ';')"; [ $code = 0 ] || failed=1
}
failed=0; load inbox.db
check() { # check NAME WANTED SQL
  local seen; seen=$(psql -c "$3" | tr '\n' ';'); printf '  %-20s %s\n' "$1:" "$seen"; [ "$seen" = "$2" ] || { echo "   changed: expected $2"; failed=1; }
}
check "event in PostgreSQL" '1 evt_1 1700000000 7b226e223a317d 0.5d0;2 evt_2 16777216 69b71d 7;' "SELECT seq, id, at::float8::numeric, encode(body, 'hex'), share FROM event ORDER BY seq"
check "rows of size" '0;' "SELECT count(*) FROM size"
check "may be null" 'at;body;id;share;' "SELECT attname FROM pg_attribute WHERE attrelid = 'event'::regclass AND attnum > 0 AND NOT attnotnull ORDER BY 1"
load later.db; check "tables named note" '0;' "SELECT count(*) FROM pg_class WHERE relname = 'note'"
exit $failed
