#!/usr/bin/env bash
# Expected: LuaDBI (DBI for Lua, below Prosody and others) reads a bigint of PostgreSQL or an integer of SQLite as the number that it is: Lua 5.3 has integers of 64 bits, and the numbers of
#   5.1 hold every one up to 2^53; milliseconds, file sizes and ids of 13 digits are in there. LuaSQL, beside it in Debian, does so.
# Happens: LuaDBI 0.7.2 (Debian 12) reads each of them as 32 bits, in Lua 5.1 and 5.3, on both databases: id 4294967297 is 1, 1700000000123 (milliseconds of 2023) is -807049093, a sum of
#   3000000000 cents is -1294967296. Lua 5.3 writes them right to PostgreSQL; to SQLite each number goes as a double, so 9007199254740993 is stored as
#   ...992, and an order number 42 in a text column is "42.0", which WHERE number = '42' does not find. Nothing is reported.
# Means: who reads an order and updates it by its id updates order 1, which is another customer's; every time in milliseconds is in 1969 or 1970, and what is "older than a day" is all of it or
#   nothing. The tests have small ids. Ask for id::text or CAST(id AS text), give texts for what is a text. (0.7.4, the newest with a number, has the same in its source.)
# The versions are those of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get, python3)"; exit 2; }; done
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 lua5.1 liblua5.1-0 lua5.3 liblua5.3-0 lua-dbi-common lua-dbi-sqlite3 lua-dbi-postgresql lua-sql-sqlite3 libsqlite3-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in postgresql-15_* lua-dbi-sqlite3_* lua-dbi-postgresql_* lua-sql-sqlite3_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f lua-dbi-sqlite3_* Version) == 0.7.2-* ]] || { echo "   changed: expected LuaDBI 0.7.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu LC_ALL=C PGOPTIONS='-c client_min_messages=warning'
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
cat > t.lua <<'E'
local DBI = require 'DBI'; local failed = false; local port = arg[1]
local function check(what, got, wanted)
  got = tostring(got); print('  ' .. what .. ': ' .. got); if got ~= wanted then failed = true; print('   changed: expected ' .. wanted) end
end
local function whole(value) return type(value) == 'number' and string.format('%.0f', value) or value end
for _, server in ipairs { 'SQLite3', 'PostgreSQL' } do
  print(_VERSION .. ', ' .. server .. ':')
  local db = assert(server == 'SQLite3' and DBI.Connect('SQLite3', ':memory:') or DBI.Connect('PostgreSQL', 'postgres', 'u', '', '127.0.0.1', port)); db:autocommit(true)
  local function run(sql, ...)
    local n = 0; if server == 'PostgreSQL' then sql = sql:gsub('%?', function() n = n + 1; return '$' .. n end) end
    local statement = assert(db:prepare(sql)); assert(statement:execute(...)); local row = sql:find('^SELECT') and statement:fetch(true) or nil; statement:close(); return row
  end
  run('DROP TABLE IF EXISTS orders'); run('CREATE TABLE orders (id bigint, state text, cents bigint, at bigint, number text)')
  run("INSERT INTO orders VALUES (1, 'open', 1999, 1, 'of another customer')"); run("INSERT INTO orders VALUES (4294967297, 'open', 3000000000, 1700000000123, 'of this one')")
  local order = run("SELECT * FROM orders WHERE number = 'of this one'")
  check('id, cents, time', table.concat({ whole(order.id), whole(order.cents), whole(order.at) }, ', '), '1, -1294967296, -807049093')
  check('the year of that time', os.date('!%Y', math.floor(order.at / 1000)), '1969')
  check('the sum of all cents', whole(tonumber(run(server == 'SQLite3' and 'SELECT sum(cents) AS n FROM orders' or 'SELECT sum(cents)::bigint AS n FROM orders').n)), '-1294965297')
  run("UPDATE orders SET state = 'paid' WHERE id = ?", order.id)
  check('paid is the order', run("SELECT number FROM orders WHERE state = 'paid'").number, 'of another customer')
  check('CAST(id AS text)', run("SELECT CAST(id AS text) AS id FROM orders WHERE number = 'of this one'").id, '4294967297')
  run('INSERT INTO orders (id, number) VALUES (?, ?)', _VERSION == 'Lua 5.1' and 5 or 9007199254740993, 42)
  check((_VERSION == 'Lua 5.1' and '5' or '9007199254740993') .. ' and 42 as they were stored', (function(row) return row.id .. ', ' .. row.number end)(run('SELECT CAST(id AS text) AS id, number FROM orders WHERE state IS NULL')),
    (_VERSION == 'Lua 5.1' and '5' or server == 'SQLite3' and '9007199254740992' or '9007199254740993') .. ', ' .. (server == 'SQLite3' and '42.0' or '42'))
  check("rows with the number '42'", whole(run("SELECT count(*) AS n FROM orders WHERE number = '42'").n), server == 'SQLite3' and '0' or '1')
  db:close()
end
print(_VERSION .. ', LuaSQL:'); local db = require('luasql.sqlite3').sqlite3():connect(':memory:')
db:execute('CREATE TABLE orders (id bigint, at bigint)'); db:execute('INSERT INTO orders VALUES (4294967297, 1700000000123)')
local order = db:execute('SELECT * FROM orders'):fetch({}, 'a'); check('id, time', whole(order.id) .. ', ' .. whole(order.at), '4294967297, 1700000000123')
os.exit(failed and 1 or 0)
E
failed=0
for version in 5.3 5.1; do
  LUA_PATH="$dir/root/usr/share/lua/$version/?.lua" LUA_CPATH="$dir/root/usr/lib/x86_64-linux-gnu/lua/$version/?.so" timeout 30 root/usr/bin/lua$version t.lua "$port" || failed=1
done
exit $failed
