#!/usr/bin/env bash
# Expected: liveQuery() of Dexie, which is there to say again what a query finds after each change, says in the end what the query finds.
# Happens: dexie 4.4.7 changes the answer that it keeps by itself, and asks the database only if that became shorter than
#   limit(). Five jobs at 1 to 5: orderBy('at').limit(3) says 1 2 3; job 1 is put off to 9, by update() or put(), and it says 2 3 1 and stays at that, where
#   the query itself finds 2 3 4; reverse() does the same. orderBy('at').first() still has job 1, and with a new job at 7 says that one, while job 2 is due.
#   A bulkPut() of two states of one order, open and then paid, leaves it among the open ones for where('state').equals('open'). No error. A plain query is
#   right, through the same object as well, and so are live queries after a db.transaction('rw'), with where('at').above(0).limit(3), and with cache:
#   'disabled'.
# Means: a page or an Electron app that works off "the next three" by a live query never comes to the fourth, and has as open what is paid, while the table
#   is right. new Dexie(name, { cache: 'disabled' }), or write in transactions. (Node.js 20, fake-indexeddb 6.2.8)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts dexie@4.4.7 fake-indexeddb@6.2.8
cat > t.mjs <<'E'
import 'fake-indexeddb/auto'; import Dexie, { liveQuery } from 'dexie'; import { readFileSync } from 'node:fs';
const installed = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`;
console.log('node', process.version, installed('dexie'), installed('fake-indexeddb'));
const check = (what, seen, wanted, right) => {
  const same = JSON.stringify(seen) === JSON.stringify(wanted); if (!same) process.exitCode = 1;
  console.log(`${what}: ${seen}${seen === right ? '' : `, the query itself: ${right}`}${same ? '' : `   CHANGED: expected ${wanted}`}`);
};
const queries = {
  first: (db) => db.job.orderBy('at').first(), limit: (db) => db.job.orderBy('at').limit(3).toArray(), above: (db) => db.job.where('at').above(0).limit(3).toArray(),
  latest: (db) => db.job.orderBy('at').reverse().limit(3).toArray(), open: (db) => db.job.where('state').equals('open').toArray(), all: (db) => db.job.orderBy('at').toArray(),
};
const short = (found) => [found].flat().map((job) => job && `${job.id}@${job.at}`).join(' ');
const open = (name, options) => { const db = new Dexie(name, options); db.version(1).stores({ job: 'id, at, state' }); return db; };
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const job = (id, at, state = 'open') => ({ id, at, state });
const run = async (title, options, seconds, change, wanted) => {
  const db = open(title, options), said = {}, ends = [];
  await db.job.bulkAdd([1, 2, 3, 4, 5].map((n) => job(n, n)));
  for (const [name, query] of Object.entries(queries)) ends.push(liveQuery(() => query(db)).subscribe({ next: (found) => { said[name] = short(found); } }));
  await wait(300); await change(db); await wait(seconds * 1000);
  for (const [name, query] of Object.entries(queries)) {
    const right = short(await query(db)), fresh = open(title, { cache: 'disabled' }), again = short(await query(fresh)); fresh.close();
    if (right !== again) { process.exitCode = 1; console.log('CHANGED: two plain queries differ'); }
    check(`${title}, ${name}`, said[name], wanted[name] ?? right, right);
  }
  ends.forEach((end) => end.unsubscribe()); db.close();
};
const later = (db) => db.job.update(1, { at: 9 }), twice = (db) => db.job.bulkPut([job(2, 2, 'open'), job(2, 2, 'paid')]);
const stays = { first: '1@9', limit: '2@2 3@3 1@9' };
await run('1 is put off to 9', {}, 3, later, stays);
await run('1 is put off to 9 by put()', {}, 1, (db) => db.job.put(job(1, 9)), stays);
await run('1 is put off to 9, 6 comes at 7', {}, 2, async (db) => { await later(db); await wait(300); await db.job.add(job(6, 7)); }, { first: '6@7', limit: '2@2 3@3 6@7' });
await run('1 is put off to 9 in a transaction', {}, 1, (db) => db.transaction('rw', db.job, () => later(db)), {});
await run('5 is moved to 0.5', {}, 1, (db) => db.job.update(5, { at: 0.5 }), { latest: '4@4 3@3 5@0.5' });
await run('2 is open and paid in one bulkPut()', {}, 3, twice, { open: '1@1 2@2 3@3 4@4 5@5' });
await run('without a cache, 1 is put off to 9', { cache: 'disabled' }, 1, later, {});
await run('without a cache, 2 is open and paid', { cache: 'disabled' }, 1, twice, {});
E
timeout 90 node t.mjs
