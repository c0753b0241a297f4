#!/usr/bin/env bash
# Expected: LuaDBI (of Prosody and other Lua programs) reads a BIGINT of PostgreSQL or an INTEGER of SQLite, the id or the time in milliseconds of an event, as the number that
#   is stored: integers of Lua 5.3 have 64 bits, and luasql reads them so.
# Happens: LuaDBI 0.7.2 (Debian 12) gives the lower 32 bits, with a sign: 1700000000123 is -807049093, 3000000000 is -1294967296, 4294967297 is 1, with PostgreSQL 15 and SQLite,
#   in rows that a WHERE with the right number found, and for sum() and max() in SQLite, without an error. Up to 2147483647, as NUMERIC (PostgreSQL) or as text, all is right.
#   In the other direction SQLite gets a double: 1700000000123456789 is stored as 1700000000123456768; PostgreSQL gets every digit.
# Means: tests with small ids show nothing. UPDATE or DELETE with the id that was read meets another row or none, so a job is never marked as done, and ids that are 2^32 apart
#   are one. Select such columns as text (id::text, CAST(id AS TEXT)) and bind them as strings.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq lua5.3 lua-dbi-common lua-dbi-sqlite3 lua-dbi-postgresql lua-sql-sqlite3 libsqlite3-0 postgresql-15 postgresql-client-15 libpq5 libldap-2.5-0 libsasl2-2 libreadline8 libtinfo6 \
  >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in lua-dbi-postgresql_* lua-dbi-sqlite3_*; do dpkg -f "$package" Package Version | xargs; [[ $(dpkg -f "$package" Version) == 0.7.2-* ]] || { echo "   changed: expected 0.7.2"; exit 1; }; done
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin; libraries=$dir/root/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$libraries:$dir/root/lib/x86_64-linux-gnu LC_ALL=C LUA_PATH="$dir/root/usr/share/lua/5.3/?.lua" LUA_CPATH="$libraries/lua/5.3/?.so" PGPORT
PGPORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $PGPORT -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
cat > t.lua <<'E'
local DBI, failed = require "DBI", false
local function check(text, got, wanted)
  print(string.format("  %-62s %s", text, got)); if tostring(got) ~= wanted then print("   changed: expected " .. wanted); failed = true end
end
for _, kind in ipairs { "PostgreSQL", "SQLite3" } do
  local postgres = kind == "PostgreSQL"; print(kind)
  local db = postgres and assert(DBI.Connect(kind, "postgres", "u", "", "127.0.0.1", tonumber(os.getenv("PGPORT")))) or assert(DBI.Connect(kind, "events.db")); db:autocommit(true)
  local function query(sql, ...) local statement = assert(db:prepare(sql)); assert(statement:execute(...)); return statement end
  local function one(sql, ...) local row = query(sql, ...):fetch(false); return row and row[1] end
  query "CREATE TABLE events (id BIGINT, state TEXT)"
  local function case(id, wanted, stored)
    query("DELETE FROM events"); query("INSERT INTO events VALUES (?, 'new')", id)
    check(id .. ", stored as " .. one("SELECT CAST(id AS TEXT) FROM events") .. ", is read as", one("SELECT id FROM events"), wanted)
    check("   that is stored as", one("SELECT CAST(id AS TEXT) FROM events"), stored or tostring(id))
  end
  case(42, "42"); case(2147483647, "2147483647"); case(2147483648, "-2147483648"); case(3000000000, "-1294967296"); case(4294967297, "1"); case(1700000000123, "-807049093")
  case(1700000000123456, "404759104"); case(1700000000123456789, postgres and "1032178965" or "1032178944", not postgres and "1700000000123456768" or nil)
  query("DELETE FROM events"); query("INSERT INTO events VALUES (1700000000123, 'new'), (1704294967419, 'new')")
  check("found with the right number, and then called", one("SELECT id FROM events WHERE id = ?", 1700000000123), "-807049093")
  check("a second one, 2^32 later, is called", one("SELECT id FROM events WHERE id = ?", 1704294967419), "-807049093")
  check("max(id)", one("SELECT max(id) FROM events"), "-807049093")
  local id = one("SELECT id FROM events"); local update = query("UPDATE events SET state = 'done' WHERE id = ?", id)
  check("rows marked as done, with the id that was read", update:affected(), "0")
  local text = one("SELECT CAST(id AS TEXT) FROM events WHERE id = 1700000000123"); update = query("UPDATE events SET state = 'done' WHERE id = CAST(? AS BIGINT)", text)
  check("   with the id read as text, " .. text, update:affected(), "1")
  db:close()
end
print("luasql, on the same file of SQLite")
local cursor = require "luasql.sqlite3".sqlite3():connect("events.db"):execute("SELECT max(id) FROM events"); check("max(id)", cursor:fetch(), "1704294967419")
os.exit(not failed)
E
timeout 60 root/usr/bin/lua5.3 t.lua
