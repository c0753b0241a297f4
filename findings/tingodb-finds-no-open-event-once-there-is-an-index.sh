#!/usr/bin/env bash
# Expected: an index makes a search faster and changes nothing in what it finds; a unique index that was made once keeps the ids of the collection
#   unique, as in MongoDB, of which TingoDB has the interface.
# Happens: tingodb 0.6.1 (npm) finds the events with done: null by find({done: null}) and, after ensureIndex({done: 1}), none, without an error; {$in:
#   [null]} likewise, and {$ne: null} is all events instead of those that are done. false, "" and 0 are one value for the index: find({done: false})
#   gives the ones of all three, and a unique index refuses 0 where "" is. A unique index is not kept in the files: after the next start insert()
#   takes an id that is there, until ensureIndex() is called, which then says nothing of the two, and only the third is refused. mingo 7.2.7 gives the
#   searches MongoDB's answers.
# Means: the worker's list of what is open is empty from the day on which somebody makes it faster, and after a restart a repeat is stored again, if
#   one comes before the line with ensureIndex. Mark what is open with a word ("open"), and wait for ensureIndex before the first insert, at each
#   start.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts tingodb@0.6.1 mingo@7.2.7
cat > t.js <<'E'
const fs = require('fs'), tingo = require('tingodb')({}), { Query } = require('mingo');
console.log('tingodb', JSON.parse(fs.readFileSync('node_modules/tingodb/package.json')).version);
const call = (object, name, ...args) => new Promise((r, no) => object[name](...args, (e, value) => (e ? no(e) : r(value))));
const open = () => new tingo.Db('data', {}); fs.mkdirSync('data');
const events = [{ id: 'a', done: null }, { id: 'b', done: '2024-05-06' }, { id: 'c', done: null }, { id: 'd', done: '2024-05-07' }, { id: 'e', done: false }, { id: 'f', done: '' }, { id: 'g', done: 0 }];
let failed = false;
const check = (name, got, wanted) => { console.log(name.padEnd(58), '->', got || 'none'); if (got !== wanted) { failed = true; console.log('   changed: expected', wanted || 'none'); } };
const insert = (collection, id) => call(collection, 'insert', { id }).then(() => 'taken', (e) => e.message);
(async () => {
  let db = open(); const plain = db.collection('plain'), indexed = db.collection('indexed');
  for (const c of [plain, indexed]) await call(c, 'insert', events.map((e) => ({ ...e })));
  await call(indexed, 'ensureIndex', { done: 1 });
  const ids = async (collection, query) => (await new Promise((r, no) => collection.find(query).toArray((e, list) => (e ? no(e) : r(list))))).map((e) => e.id).sort().join(' ');
  for (const [query, wanted] of [[{ done: null }, ''], [{ done: { $in: [null] } }, ''], [{ done: { $ne: null } }, 'a b c d e f g'], [{ done: false }, 'e f g'], [{ done: 0 }, 'e f g'], [{ done: '2024-05-06' }, 'b']]) {
    const right = events.filter((e) => new Query(query).test(e)).map((e) => e.id).join(' ');
    check(`find(${JSON.stringify(query)}), no index`, await ids(plain, query), right);
    check('  with an index', await ids(indexed, query), wanted);
  }
  const mixed = db.collection('mixed'); await call(mixed, 'ensureIndex', { id: 1 }, { unique: true });
  check('unique: insert ""', await insert(mixed, ''), 'taken'); check('unique: then insert 0', await insert(mixed, 0), 'duplicate key error index');
  const start = async (ensure) => {
    await call(db, 'close'); db = open(); const seen = db.collection('seen');
    if (ensure) await call(seen, 'ensureIndex', { id: 1 }, { unique: true });
    return seen;
  };
  let seen = await start(true);
  check('first start, ensureIndex: insert evt_1', await insert(seen, 'evt_1'), 'taken'); check('  again', await insert(seen, 'evt_1'), 'duplicate key error index');
  seen = await start(true); check('second start, ensureIndex: insert evt_1', await insert(seen, 'evt_1'), 'duplicate key error index');
  seen = await start(false); check('third start: insert evt_1', await insert(seen, 'evt_1'), 'taken');
  check('  ensureIndex then', await call(seen, 'ensureIndex', { id: 1 }, { unique: true }).then(() => 'no error', (e) => e.message), 'no error');
  check('  there are now', await ids(seen, {}), 'evt_1 evt_1'); check('  insert evt_1 once more', await insert(seen, 'evt_1'), 'duplicate key error index');
  process.exit(failed ? 1 : 0);
})();
E
timeout 60 node t.js
