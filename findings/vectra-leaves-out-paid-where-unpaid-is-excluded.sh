#!/usr/bin/env bash
# Expected: a filter of a local vector store, { state: { $nin: ['unpaid'] } }, leaves out what is unpaid, and { code: { $in: [200, 404] } } finds the events with
#   one of these numbers. Both lists are declared for texts and numbers, and the operators are said to be those of Pinecone and MongoDB.
# Happens: vectra 0.15.0 looks, for $nin, whether the value is PART of a text of the list: 'paid' is left out with 'unpaid', 'partially_paid' or 'not paid yet'.
#   No number is ever in a list: $in: [200, 404] finds nothing, $nin: [200] leaves nothing out, and the text '2004' in a list does match the number 200.
#   $eq, $ne, $gte and a plain value are right, and so is $in for texts. The same in listItemsByMetadata() and queryItems(). No error.
# Means: an answer is built without the paid orders, a clean-up by a list of status codes finds nothing to delete, and "all but these" deletes these as well.
#   Write $or of $eq for $in, and $and of $ne for $nin (both are right). (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts vectra@0.15.0
cat > t.cjs <<'E2'
const { LocalIndex } = require('vectra'), fs = require('node:fs');
console.log('node', process.version, 'vectra', JSON.parse(fs.readFileSync('node_modules/vectra/package.json')).version);
const events = [['e1', 'paid', 200], ['e2', 'unpaid', 404], ['e3', 'partially_paid', 500], ['e4', 'failed', 200], ['e5', 'refunded', 4]];
const ids = (test) => events.filter(([, state, code]) => test(state, code)).map(([id]) => id).join(' ');
const inList = (list) => ids((s, c) => list.includes(s) || list.includes(c)), notIn = (list) => ids((s, c) => !list.includes(s) && !list.includes(c));
const cases = [ // filter, what it should find, what vectra finds if that is another thing
  [{ state: { $in: ['paid', 'failed'] } }, inList(['paid', 'failed'])], [{ state: { $nin: ['failed', 'refunded'] } }, notIn(['failed', 'refunded'])],
  [{ state: { $nin: ['unpaid'] } }, notIn(['unpaid']), 'e3 e4 e5'], [{ state: { $nin: ['unpaid', 'partially_paid'] } }, notIn(['unpaid', 'partially_paid']), 'e4 e5'],
  [{ state: { $nin: ['not paid yet'] } }, notIn(['not paid yet']), 'e2 e3 e4 e5'], [{ state: { $ne: 'unpaid' } }, notIn(['unpaid'])],
  [{ code: 200 }, inList([200])], [{ code: { $eq: 404 } }, inList([404])], [{ code: { $gte: 404 } }, ids((s, c) => c >= 404)], [{ code: { $ne: 200 } }, notIn([200])],
  [{ code: { $in: [200] } }, inList([200]), ''], [{ code: { $in: [200, 404] } }, inList([200, 404]), ''], [{ code: { $nin: [200] } }, notIn([200]), 'e1 e2 e3 e4 e5'],
  [{ code: { $nin: [200, 404] } }, notIn([200, 404]), 'e1 e2 e3 e4 e5'], [{ code: { $in: ['2004'] } }, inList(['2004']), 'e1 e4 e5'],
  [{ $or: [{ code: { $eq: 200 } }, { code: { $eq: 404 } }] }, inList([200, 404])], [{ $and: [{ state: { $ne: 'unpaid' } }, { state: { $ne: 'failed' } }] }, notIn(['unpaid', 'failed'])],
];
(async () => {
  const index = new LocalIndex(`${process.cwd()}/index`);
  await index.createIndex({ version: 1, metadata_config: { indexed: ['state', 'code'] } });
  for (const [id, state, code] of events) await index.insertItem({ id, vector: [1, 0.5], metadata: { state, code } });
  for (const [filter, right, wrong] of cases) {
    const listed = (await index.listItemsByMetadata(filter)).map((x) => x.id).join(' '), found = (await index.queryItems([1, 0.5], '', 10, filter)).map((x) => x.item.id).sort().join(' ');
    const changed = listed !== found || listed !== (wrong ?? right); if (changed) process.exitCode = 1;
    console.log(`${JSON.stringify(filter)}: ${listed || 'none'}${listed === right ? '' : `, where ${right || 'none'} would be right`}${changed ? `   CHANGED (query: ${found})` : ''}`);
  }
})();
E2
timeout 60 node t.cjs
