#!/usr/bin/env bash
# Expected: minimongo, a store with MongoDB's query language for browsers and Node.js, compares times: {at: {$lt: new Date("2024-04-01")}} finds the
#   event of January and not the one of May; its README names dates among the types that it handles.
# Happens: with minimongo 7.1.1 (npm) $lt and $lte with a Date find every event of the collection, also those of the future and those without a time;
#   $gt, $gte, $in and the Date itself find none, $ne all; no error. A sort by the same field is right, and so are the same times as ISO strings, or
#   in milliseconds. mingo 7.2.7 is right with all of them.
# Means: a clean-up of what is older than a month empties the store, and "what came since" is always empty. Store and ask for ISO strings in UTC, or
#   milliseconds.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts minimongo@7.1.1 mingo@7.2.7
cat > t.js <<'E'
const { MemoryDb } = require('minimongo'), { Query } = require('mingo');
console.log('minimongo', JSON.parse(require('fs').readFileSync('node_modules/minimongo/package.json')).version);
const times = { may: '2024-05-06T07:08:09.123Z', january: '2024-01-01T00:00:00.000Z', future: '2099-01-01T00:00:00.000Z' }, april = '2024-04-01T00:00:00.000Z';
const db = new MemoryDb(), wait = (f) => new Promise(f); let failed = false;
const check = (name, got, wanted) => { console.log(name.padEnd(54), '->', got || 'none'); if (got !== wanted) { failed = true; console.log('   changed: expected', wanted || 'none'); } };
(async () => {
  for (const [kind, of] of Object.entries({ date: (s) => new Date(s), string: (s) => s, number: (s) => Date.parse(s) })) {
    db.addCollection(kind); const c = db[kind], events = Object.entries(times).map(([_id, s]) => ({ _id, at: of(s) }));
    for (const e of events) await wait((r, no) => c.upsert(e, r, no));
    const find = async (query, options) => (await wait((r, no) => c.find(query, options).fetch(r, no))).map((e) => e._id);
    const all = 'future january may', wrong = kind === 'date';
    for (const [query, broken] of [[{ at: { $lt: of(april) } }, all], [{ at: { $lte: of(april) } }, all], [{ at: { $gt: of(april) } }, ''], [{ at: { $gte: of(april) } }, ''],
      [{ at: of(times.may) }, ''], [{ at: { $in: [of(times.may)] } }, ''], [{ at: { $ne: of(times.may) } }, all]]) {
      const right = events.filter((e) => new Query(query).test(e)).map((e) => e._id).sort().join(' ');
      check(`${kind}: ${JSON.stringify(query)}`, (await find(query)).sort().join(' '), wrong ? broken : right);
      if (wrong && broken === right) { failed = true; console.log('   changed: expected mingo to differ'); }
    }
    check(`${kind}: sorted by at`, (await find({}, { sort: ['at'] })).join(' '), 'january may future');
  }
  await wait((r, no) => db.date.upsert({ _id: 'no time' }, r, no));
  const old = await wait((r, no) => db.date.find({ at: { $lt: new Date(april) } }).fetch(r, no));
  for (const e of old) await wait((r, no) => db.date.remove(e._id, r, no));
  check('date: left when what is older than April is removed', (await wait((r, no) => db.date.find({}).fetch(r, no))).map((e) => e._id).join(' '), '');
  process.exit(failed ? 1 : 0);
})();
E
timeout 60 node t.js
