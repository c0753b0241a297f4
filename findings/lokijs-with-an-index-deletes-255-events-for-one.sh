#!/usr/bin/env bash
# Expected: an index of LokiJS makes a query fast and does not change what it finds: { id: { $in: ['1267453498123457200'] } } finds the one event whose id is
#   that text, as it does without an index. Equality is strict; for those who want '7' to be 7 there is an operator of its own, $aeq.
# Happens: with indices: ['id'] in lokijs 1.5.12, $in takes all that are one number to JavaScript: of 1,000 events with ids like those of chat messages and
#   posts (19 digits, as text, one after the other) it finds 255 for one; findAndRemove() deletes 255, update() changes 196. '1000' finds '1e3' (ids out of
#   hex digits), '7' finds '007', '16' finds '0x10'. $eq, $ne, $keyin and a unique index are right. $gt and $lte read text as numbers without an index as
#   well: 292 of the 1,000 are "after" the 501st, where 499 are, so that who goes on after the last id seen leaves out 207. No error.
# Means: what was right without an index deletes or marks events of others the day one is added for speed. Use a unique index with by(), one find() for each
#   id, or $keyin in place of $in, and $jgt, $jlte for texts of one length. (Node.js 20; the $in of a find is reported upstream)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts lokijs@1.5.12
cat > t.cjs <<'E'
const assert = require('node:assert'), Loki = require('lokijs');
console.log('node', process.version, 'lokijs', require('lokijs/package.json').version);
const first = 1267453498123456700n, id = (i) => String(first + BigInt(i)), wanted = id(500);
const texts = ['007', '7', '1e3', '1000', '0x10', '16', '12.50', '12.5'];
const filled = (options) => {
  const events = new Loki('test', { adapter: new Loki.LokiMemoryAdapter() }).addCollection('events', options);
  for (let i = 0; i < 1000; i += 1) events.insert({ id: id(i), done: false });
  return events;
};
const run = (name, options) => {
  const e = filled(options), found = (query) => e.find({ id: query }).length, got = { '$eq': found(wanted), '$in': found({ $in: [wanted] }),
    '$keyin': found({ $keyin: { [wanted]: 1 } }), '$ne': found({ $ne: wanted }), '$gt': found({ $gt: wanted }), '$lte': found({ $lte: wanted }),
    '$jgt': found({ $jgt: wanted }), '$jlte': found({ $jlte: wanted }) };
  e.chain().find({ id: { $in: [id(5)] } }).update((x) => { x.done = true; }); got.updated = e.find({ done: true }).length;
  e.findAndRemove({ id: { $in: [wanted] } }); got.deleted = 1000 - e.count();
  const t = filled(options); t.insert(texts.map((x) => ({ id: x })));
  got.texts = ['7', '1000', '16', '12.5'].map((x) => t.find({ id: { $in: [x] } }).map((y) => y.id).sort().join('=')).join(' ');
  console.log(name, JSON.stringify(got)); return got;
};
const right = { '$eq': 1, '$keyin': 1, '$ne': 999, '$gt': 292, '$lte': 708, '$jgt': 499, '$jlte': 501 }, one = { '$in': 1, updated: 1, deleted: 1 };
assert.deepStrictEqual(run('no index:    ', {}), { ...right, ...one, texts: '7 1000 16 12.5' });
assert.deepStrictEqual(run('unique index:', { unique: ['id'] }), { ...right, ...one, texts: '7 1000 16 12.5' });
assert.strictEqual(filled({ unique: ['id'] }).by('id', wanted).id, wanted);
assert.deepStrictEqual(run('index:       ', { indices: ['id'] }), { ...right, '$in': 255, updated: 196, deleted: 255,
  texts: '007=7 1000=1e3 0x10=16 12.5=12.50' });
E
timeout 60 node t.cjs
