#!/usr/bin/env bash
# Expected: search({ filter: (event) => event.amount > 10 }) of itemsjs, a search with facets over a list of objects, gives the events for which the function says true; its readme has it work as
#   JavaScript's own filter. It does not matter whether a program says import or require(): the package has a file for each.
# Happens: itemsjs 2.4.4 does so with import. With require() the function is called once, with an iterator (a Map Iterator) in place of an event, whose amount is undefined: nothing is found, total is 0 and
#   each facet counts 0, whatever is in the list; () => true finds one event that is undefined. filter together with query is right, and so are filters and query alone. serializeFulltext(), of
#   require(), has {} where its events should be (an index that is loaded from it finds by query alone). Nothing is raised or logged.
# Means: the same lines find the large payments in a program of modules (and in tests that run so) and none in the server that is bundled to CommonJS: an empty list of what is open or failed. Filter
#   the list before: itemsjs(events.filter(...)), or import.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts itemsjs@2.4.4
cat > t.mjs <<'E'
import fs from 'node:fs'; import { createRequire } from 'node:module'; import imported from 'itemsjs'; const required = createRequire(import.meta.url)('itemsjs');
console.log('Node.js', process.version, 'itemsjs', JSON.parse(fs.readFileSync('node_modules/itemsjs/package.json')).version);
const events = () => [{ id: 'evt_1', text: 'order paid', amount: 19.99, state: 'paid' }, { id: 'evt_2', text: 'order open', amount: 20, state: 'open' }, { id: 'evt_3', text: 'refund paid', amount: 5, state: 'paid' }];
const options = { searchableFields: ['text'], aggregations: { state: {} } }, large = (event) => event.amount > 10, logged = [];
for (const name of ['warn', 'error']) console[name] = (...args) => logged.push(args);
const check = (what, search, ...wanted) => {
  const got = [imported, required].map((itemsjs) => { const seen = search(itemsjs(events(), options)); return JSON.stringify(seen); });
  console.log(what.padEnd(44), 'import:', got[0], ' require():', got[1]);
  wanted.forEach((value, n) => { if (got[n] !== JSON.stringify(value)) { process.exitCode = 1; console.log('   changed: expected', JSON.stringify(value)); } });
};
const ids = ({ data, pagination }) => [...data.items.map((item) => item?.id ?? 'undefined'), `of ${pagination.total}`], both = (value) => [value, value];
check('search({})', (list) => ids(list.search({})), ...both(['evt_1', 'evt_2', 'evt_3', 'of 3']));
check("filters: { state: ['paid'] }", (list) => ids(list.search({ filters: { state: ['paid'] } })), ...both(['evt_1', 'evt_3', 'of 2']));
check("query: 'order'", (list) => ids(list.search({ query: 'order' })), ...both(['evt_1', 'evt_2', 'of 2']));
check('filter: (event) => event.amount > 10', (list) => ids(list.search({ filter: large })), ['evt_1', 'evt_2', 'of 2'], ['of 0']);
check('   its facet', (list) => list.search({ filter: large }).data.aggregations.state.buckets.map(({ key, doc_count }) => `${key} ${doc_count}`).sort(), ['open 1', 'paid 1'], ['open 0', 'paid 0']);
check("   with filters: { state: ['paid'] }", (list) => ids(list.search({ filter: large, filters: { state: ['paid'] } })), ['evt_1', 'of 1'], ['of 0']);
check("   with query: 'order'", (list) => ids(list.search({ filter: (event) => event.amount < 20, query: 'order' })), ...both(['evt_1', 'of 1']));
check('filter: () => true', (list) => ids(list.search({ filter: () => true })), ['evt_1', 'evt_2', 'evt_3', 'of 3'], ['undefined', 'of 1']);
check('   what the function is given', (list) => { const given = []; list.search({ filter: (event) => { given.push(Object.prototype.toString.call(event)); return false; } }); return given; },
  Array(3).fill('[object Object]'), ['[object Map Iterator]']);
check('serializeFulltext(): entries with an event', (list) => JSON.parse(JSON.stringify(list.serializeFulltext())).store.filter((entry) => entry[1]?.id).length, 3, 0);
if (logged.length) { process.exitCode = 1; console.log('   changed: logged', logged); }
E
timeout 150 node t.mjs
