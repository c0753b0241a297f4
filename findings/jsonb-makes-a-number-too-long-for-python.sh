#!/usr/bin/env bash
# Expected: a valid JSON body that PostgreSQL takes into a jsonb column and Python reads well as text is read well from the column, too.
# Happens: jsonb keeps the six letters 1E5000 as an exact number and writes it as an integer of 5,001 digits; json of Python 3.11, with which psycopg 3.3.9
#   reads the column, refuses integers of more than 4,300 digits: ValueError at the SELECT. From the text of the body it is the float `inf`.
#   1E131071 makes 131,072 letters of 22 stored bytes (PostgreSQL 18.6).
# Means: one accepted notification stops every reader that fetches its row; keep bodies as bytea or text (or json, which keeps the letters).
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @electric-sql/pglite@0.5.14 @electric-sql/pglite-socket@0.2.17
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check 'psycopg[binary]==3.3.9'
cat > server.mjs <<'E'
import fs from 'fs'; import { PGlite } from '@electric-sql/pglite'; import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
const server = new PGLiteSocketServer({ db: await PGlite.create(), port: +process.argv[2], host: '127.0.0.1' });
await server.start(); fs.writeFileSync('up', ''); setTimeout(() => process.exit(1), 120000);
E
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
node server.mjs "$port" & server=$!
for _ in $(seq 300); do [ -e up ] && break; sleep 0.1; done
cat > t.py <<'E'
import json, psycopg, sys
db = psycopg.connect(f"postgres://postgres@127.0.0.1:{sys.argv[1]}/postgres?sslmode=disable", autocommit=True)
one = lambda query: db.execute(query).fetchone()[0]
print("python", sys.version.split()[0], "psycopg", psycopg.__version__, one("select version()").split(" on ")[0])
db.execute("create table inbox (b jsonb, j json)")
body = '{"amount":1E5000}'
db.execute("insert into inbox values (%s, %s)", (body, body))
print("json.loads of the body        :", json.loads(body))
print("select length(b::text)        :", one("select length(b::text) from inbox"))
print("stored 1E131071, bytes        :", one("select pg_column_size('1E131071'::jsonb)"), "written:", one("select length('1E131071'::jsonb::text)"))
print("select j (json column)        :", one("select j from inbox"))
try:
    one("select b from inbox"); raise SystemExit("the jsonb column is read now")
except ValueError as error:
    print("select b (jsonb column)       :", type(error).__name__, error)
    assert "4300 digits" in str(error)
assert one("select length(b::text) from inbox") == 5001 + len('{"amount": }')
assert one("select j from inbox") == {"amount": float("inf")} == json.loads(body)
E
timeout 100 v/bin/python t.py "$port"
