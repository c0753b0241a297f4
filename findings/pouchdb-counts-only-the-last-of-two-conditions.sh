#!/usr/bin/env bash
# Expected: $and of PouchDB's find() matches a document if all its selectors do (so its README), as in CouchDB and MongoDB: state not in (paid) and
#   state not in (open) leaves the refunded events.
# Happens: pouchdb-find 9.0.0 first merges what stands in $and into one selector a field, and of the same operator twice only the last one stays:
#   {$nin: [paid]} and {$nin: [open]} gives the paid ones, too; of two $in, $all, $elemMatch or $mod the second counts; {state: paid} and {state:
#   open} gives the open ones, {n: 4} and {n: {$gt: 5}} gives n = 4. Of a field that stands both beside $and and in it, only the one in it counts. Two
#   $or, or two $nor, about the same field give no event at all. Two $ne, $gt or $regex are right, and so are conditions on different fields. mingo
#   7.2.7 gives the right answer to each of them.
# Means: a clean-up that is to spare two states deletes one of them, and a filter that is put together of two parts, each about the same field, is
#   only the second. Name each field once, with one list that you made yourself.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts pouchdb-core@9.0.0 pouchdb-adapter-memory@9.0.0 pouchdb-find@9.0.0 mingo@7.2.7
cat > t.js <<'E'
const PouchDB = require('pouchdb-core').plugin(require('pouchdb-adapter-memory')).plugin(require('pouchdb-find')), { Query } = require('mingo');
for (const name of ['pouchdb-find', 'mingo']) console.log(name, JSON.parse(require('fs').readFileSync(`node_modules/${name}/package.json`)).version);
(async () => {
  const db = new PouchDB('events', { adapter: 'memory' }), events = [];
  for (const state of ['paid', 'refunded', 'open']) for (const customer of ['c1', 'c2', 'c3']) events.push({ _id: `${state}-${customer}`, state, customer, tags: [state, customer], n: events.length });
  await db.bulkDocs(events);
  let failed = false; const ids = (list) => list.map((e) => e._id).sort().join(' '), those = (test) => ids(events.filter(test));
  const check = async (selector, wanted, right = those((e) => new Query(selector).test(e))) => {
    const got = ids((await db.find({ selector, limit: 100 })).docs), want = typeof wanted === 'function' ? those(wanted) : right;
    console.log(JSON.stringify(selector).replaceAll('"', '').padEnd(72), got === right ? 'right:' : 'WRONG:', got || 'none', got === right ? '' : ` (right: ${right || 'none'})`);
    if (got !== want || (typeof wanted === 'function') === (want === right)) { failed = true; console.log('   changed: expected', want || 'none', 'and right', right || 'none'); }
  };
  const both = (a, b) => ({ $and: [a, b] }), state = (of) => (e) => e.state === of;
  await check(both({ state: { $nin: ['paid'] } }, { state: { $nin: ['open'] } }), (e) => e.state !== 'open');
  await check(both({ state: { $nin: ['open'] } }, { state: { $nin: ['paid'] } }), (e) => e.state !== 'paid');
  await check({ state: { $nin: ['open', 'paid'] } }, 'right');
  await check(both({ state: { $ne: 'paid' } }, { state: { $ne: 'open' } }), 'right');
  await check(both({ state: { $in: ['paid', 'refunded'] } }, { state: { $in: ['refunded', 'open'] } }), (e) => e.state !== 'paid');
  await check(both({ state: 'paid' }, { state: 'open' }), state('open'));
  await check({ customer: 'c1', $and: [{ customer: { $in: ['c2'] } }] }, (e) => e.customer === 'c2');
  await check({ state: { $in: ['paid', 'open'] }, $and: [{ state: { $ne: 'open' } }] }, (e) => e.state !== 'open');
  await check(both({ state: { $in: ['paid', 'open'] } }, { state: { $ne: 'open' } }), 'right');
  await check(both({ customer: 'c1' }, { state: { $in: ['paid', 'open'] } }), 'right');
  await check(both({ n: 4 }, { n: { $gt: 5 } }), (e) => e.n === 4);
  await check(both({ n: { $gt: 2 } }, { n: { $gt: 5 } }), 'right');
  await check(both({ n: { $mod: [2, 0] } }, { n: { $mod: [3, 0] } }), (e) => e.n % 3 === 0);
  await check(both({ tags: { $all: ['paid'] } }, { tags: { $all: ['c1'] } }), (e) => e.customer === 'c1');
  await check(both({ tags: { $elemMatch: { $eq: 'paid' } } }, { tags: { $elemMatch: { $eq: 'c1' } } }), (e) => e.customer === 'c1');
  await check(both({ $or: [{ state: 'paid' }, { state: 'open' }] }, { $or: [{ state: 'open' }, { state: 'refunded' }] }), () => false);
  await check(both({ $nor: [{ state: 'paid' }] }, { $nor: [{ state: 'open' }] }), () => false);
  await check(both({ $or: [{ state: 'paid' }, { state: 'open' }] }, { $or: [{ customer: 'c1' }, { customer: 'c2' }] }), 'right');
  process.exit(failed ? 1 : 0);
})();
E
timeout 60 node t.js 2>&1
