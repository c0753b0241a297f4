#!/usr/bin/env bash
# Expected: db.transaction() of lmdb (lmdb-js) does its operations all or not at all, as its README promises: when the callback throws and the promise is
#   rejected, none of them is there, as with transactionSync() of the same package.
# Happens: lmdb 3.5.6 rejects the promise and commits what was put before the throw: the event is marked as seen, its amount is taken from one account and
#   not given to the other, and so it is on disk, for other processes as well. The same for an async callback, for a second database of the environment,
#   and for return ABORT, which the promise then even fulfils. transactionSync() and childTransaction() take all of it back; the README says so of these two
#   and says nothing of a throw in transaction().
# Means: the handler fails, answers 500, the sender repeats, and the repeat is "seen before": the event is lost with 200, or the money moves twice. Use
#   childTransaction() or transactionSync() wherever the callback can throw (a parse, a check, a missing key), or do all that can fail before the first put.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts lmdb@3.5.6
cat > read.mjs <<'E'
import { open } from 'lmdb';
const root = open({ path: process.argv[2], maxDbs: 4 }), seen = root.openDB('seen');
console.log(JSON.stringify({ seen: !!seen.get('evt_1'), ann: root.get('ann'), bob: root.get('bob') })); await root.close();
E
cat > t.mjs <<'E'
import fs from 'node:fs'; import { execFileSync } from 'node:child_process'; import { ABORT, open } from 'lmdb';
console.log('lmdb', JSON.parse(fs.readFileSync('node_modules/lmdb/package.json')).version, 'Node.js', process.version);
let failed = false, number = 0;
async function check(title, run, wanted) {
  const path = 'store' + number++, root = open({ path, maxDbs: 4 }), seen = root.openDB('seen');
  await root.put('ann', 1000); await root.put('bob', 1000);
  const first = () => { seen.put('evt_1', true); root.put('ann', root.get('ann') - 500); };
  const second = () => { root.put('bob', root.get('bob') + JSON.parse('{"amount": 500}').amont.valueOf()); };   // a field is missing: TypeError
  let end; try { await run(root, first, second); end = 'fulfilled'; } catch (error) { end = error.name; }
  await root.flushed; await root.close();
  const got = `${end} ${execFileSync('node', ['read.mjs', path]).toString().trim()}`;                           // by another process, after the close
  console.log(title.padEnd(36), got);
  if (got !== wanted) { failed = true; console.log('   changed: expected', wanted); }
}
const half = '{"seen":true,"ann":500,"bob":1000}', none = '{"seen":false,"ann":1000,"bob":1000}';
await check('transaction()', (db, first, second) => db.transaction(() => { first(); second(); }), 'TypeError ' + half);
await check('transaction(), async callback', (db, first, second) => db.transaction(async () => { first(); await null; second(); }), 'TypeError ' + half);
await check('transaction(), return ABORT', (db, first) => db.transaction(() => { first(); return ABORT; }), 'fulfilled ' + half);
await check('childTransaction()', (db, first, second) => db.childTransaction(() => { first(); second(); }), 'TypeError ' + none);
await check('transactionSync()', async (db, first, second) => db.transactionSync(() => { first(); second(); }), 'TypeError ' + none);
await check('childTransaction(), return ABORT', (db, first) => db.childTransaction(() => { first(); return ABORT; }), 'fulfilled ' + none);
process.exit(failed ? 1 : 0);
E
timeout 60 node t.mjs
