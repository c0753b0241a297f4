#!/usr/bin/env bash
# Expected: libsql for Node.js, whose readme says that it aims to be compatible with better-sqlite3 (it is put in its place for replicas, or because it needs
#   no compiler), refuses what that refuses and returns what that returns.
# Happens: libsql 0.5.29 takes NULL for a parameter that was not given: an UPDATE whose object lacks a name (a typo, an event without that field) empties the
#   column, where better-sqlite3 12.11.1 throws; values too many are ignored. Of two statements in one prepare() the second never runs. transaction() takes an
#   async function: it commits before the first await is over, what fails later stays written, and what comes after is outside of any transaction. run() of
#   INSERT ... RETURNING says changes: 0 of a new row. pluck().get() and pragma(..., { simple: true }) give an object where a value was, so that `=== 1` is
#   false and `> 0` is false, too; each get() adds a field _metadata to the row. A text ends at its first NUL when it is read.
# Means: the swap passes the tests and then empties bodies, takes new events for repeats (changes) and half-writes (async). Search for optional fields in
#   named parameters, pluck, simple and async transactions before it, and give every name, null where it is meant. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts libsql@0.5.29 better-sqlite3@12.11.1
# What better-sqlite3 does is taken from its source: it has no build on npm.
for text in 'Missing named parameter' 'Too few parameter values were provided' 'Too many parameter values were provided' 'contains more than one statement' 'Transaction function cannot return a promise'; do
  grep -rqF "$text" node_modules/better-sqlite3/src node_modules/better-sqlite3/lib || { echo "better-sqlite3 no longer says: $text"; exit 1; }
done
cat > t.mjs <<'E'
import assert from 'node:assert'; import fs from 'node:fs'; import Database from 'libsql';
const version = (n) => `${n} ${JSON.parse(fs.readFileSync(`node_modules/${n}/package.json`)).version}`;
console.log('node', process.version, ['libsql', 'better-sqlite3'].map(version).join(', '));
const check = async (what, run, wanted) => {
  const db = new Database(':memory:'); db.exec("create table event (id text primary key, status text, body text); insert into event values ('e1', 'new', '{}')");
  const rows = () => db.prepare('select * from event').all().map((row) => Object.values(row).map((v) => v ?? 'NULL').join(' ')),
    got = JSON.parse(JSON.stringify(await run(db, rows)));
  console.log(what.padEnd(44), JSON.stringify(got)); assert.deepStrictEqual(got, wanted); db.close();
};
const update = 'update event set status = @status, body = @body where id = @id', insert = 'insert into event values (?, ?, ?)', full = { id: 'e1',
  status: 'done', body: '[]' };
await check('UPDATE with all names', (db, rows) => { db.prepare(update).run(full); return rows(); }, ['e1 done []']);
await check('UPDATE without body', (db, rows) => { db.prepare(update).run({ id: 'e1', status: 'done' }); return rows(); }, ['e1 done NULL']);
await check('UPDATE with Body', (db, rows) => { db.prepare(update).run({ id: 'e1', status: 'done', Body: '[]' }); return rows(); }, ['e1 done NULL']);
await check('two values for three', (db, rows) => { db.prepare(insert).run('e2', 'new'); return rows(); }, ['e1 new {}', 'e2 new NULL']);
await check('four values for three', (db, rows) => { db.prepare(insert).run('e2', 'new', '{}', 'x'); return rows(); }, ['e1 new {}', 'e2 new {}']);
await check('two statements', (db, rows) => { db.prepare("insert into event (id) values ('e2'); update event set status = 'done'").run(); return rows(); },
  ['e1 new {}', 'e2 NULL NULL']);
await check('changes of INSERT', (db) => db.prepare(insert).run('e2', 'new', '{}').changes, 1);
await check('changes of INSERT OR IGNORE, RETURNING', (db, rows) => [db.prepare('insert or ignore into event (id) values (?) returning id').run('e2').changes,
  rows().length], [0, 2]);
await check('transaction, sync, fails', (db, rows) => { assert.throws(() => db.transaction(() => { db.prepare(insert).run('e2', 'new', '{}');
  throw new Error('late'); })()); return rows(); }, ['e1 new {}']);
await check('transaction, async, fails', async (db, rows) => {
  const both = db.transaction(async () => { db.prepare(insert).run('e2', 'new', '{}'); await null; assert(!db.inTransaction);
    db.prepare(insert).run('e3', 'new', '{}'); throw new Error('late'); });
  await assert.rejects(both(), /late/); return rows();
}, ['e1 new {}', 'e2 new {}', 'e3 new {}']);
await check('pluck().all()', (db) => db.prepare('select id from event').pluck().all(), ['e1']);
const plain = (row) => { assert(row._metadata.duration >= 0); return { ...row, _metadata: 'there' }; };
await check('pluck().get()', (db) => plain(db.prepare('select count(*) as n from event').pluck().get()), { n: 1, _metadata: 'there' });
await check('pragma, simple', (db) => plain(db.pragma('user_version', { simple: true })), { user_version: 0, _metadata: 'there' });
await check('get()', (db) => plain(db.prepare('select id from event').get()), { id: 'e1', _metadata: 'there' });
await check('a text with a NUL', (db) => { db.prepare(insert).run('a\0b', 'x', null);
  return db.prepare("select id, hex(id) as hex from event where status = 'x'").all(); }, [{ id: 'a', hex: '610062' }]);
E
timeout 60 node t.mjs
