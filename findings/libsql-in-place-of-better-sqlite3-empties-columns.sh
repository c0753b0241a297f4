#!/usr/bin/env bash
# Expected: libsql for Node.js, whose readme says that it aims to be compatible with better-sqlite3 (it is put in its place for replicas, or because it needs
#   no compiler), refuses what that refuses and returns what that returns.
# Happens: libsql 0.5.29 takes NULL for a parameter that was not given: an UPDATE whose object lacks a name (a typo, an event without that field) empties the
#   column, and an INSERT of two values for three writes a row with NULL, where better-sqlite3 12.11.1 throws and leaves all as it was. And run() of an INSERT OR
#   IGNORE or an UPDATE with RETURNING says changes: 0 of a row that it has written, where better-sqlite3 says 1.
# Means: the swap passes the tests and then empties bodies, and takes new events for repeats (changes). Give every name, null where it is meant, and count
#   the rows that all() returns. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in npm g++ make python3; do command -v $tool >/dev/null || { echo "needs $tool"; exit 2; }; done
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts libsql@0.5.29
# better-sqlite3 has no build on npm: it is compiled here, without optimizing, which takes half a minute of a processor.
npm_config_build_from_source=true CFLAGS=-O0 CXXFLAGS=-O0 npm install --silent --no-audit --no-fund better-sqlite3@12.11.1
cat > t.mjs <<'E'
import fs from 'node:fs'; import Better from 'better-sqlite3'; import Libsql from 'libsql';
const version = (n) => `${n} ${JSON.parse(fs.readFileSync(`node_modules/${n}/package.json`)).version}`;
console.log('node', process.version, ['better-sqlite3', 'libsql'].map(version).join(', '));
const update = 'update event set status = @status, body = @body where id = @id', insert = 'insert into event values (?, ?, ?)',
  returning = 'insert or ignore into event (id) values (?) returning id', touch = "update event set status = 'done' where id = ? returning id";
const cases = [ // what is run, and for each library what run() says of changes, or the error, and the rows afterwards
  ['UPDATE with all names', update, [{ id: 'e1', status: 'done', body: '[]' }], '1: e1 done []', '1: e1 done []'],
  ['UPDATE without body', update, [{ id: 'e1', status: 'done' }], 'RangeError: e1 new {}', '1: e1 done NULL'],
  ['UPDATE with Body', update, [{ id: 'e1', status: 'done', Body: '[]' }], 'RangeError: e1 new {}', '1: e1 done NULL'],
  ['INSERT, three values', insert, ['e2', 'new', '{}'], '1: e1 new {}, e2 new {}', '1: e1 new {}, e2 new {}'],
  ['INSERT, two values for three', insert, ['e2', 'new'], 'RangeError: e1 new {}', '1: e1 new {}, e2 new NULL'],
  ['INSERT OR IGNORE RETURNING, new', returning, ['e2'], '1: e1 new {}, e2 NULL NULL', '0: e1 new {}, e2 NULL NULL'],
  ['INSERT OR IGNORE RETURNING, repeat', returning, ['e1'], '0: e1 new {}', '0: e1 new {}'],
  ['UPDATE RETURNING', touch, ['e1'], '1: e1 done {}', '0: e1 done {}'],
];
for (const [what, sql, values, ...wanted] of cases) for (const [n, Database] of [Better, Libsql].entries()) {
  const db = new Database(':memory:'); db.exec("create table event (id text primary key, status text, body text); insert into event values ('e1', 'new', '{}')");
  let said; try { said = db.prepare(sql).run(...values).changes; } catch (error) { said = error.name; }
  const rows = db.prepare('select id, status, body from event order by id').all().map((row) => [row.id, row.status, row.body].map((v) => v ?? 'NULL').join(' '));
  const got = `${said}: ${rows.join(', ')}`; console.log(what.padEnd(36), ['better-sqlite3', 'libsql'][n].padEnd(15), got); db.close();
  if (got !== wanted[n]) { process.exitCode = 1; console.log('   changed: expected', wanted[n]); }
}
E
timeout 60 node t.mjs
