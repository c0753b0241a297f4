#!/usr/bin/env bash
# Expected: tableFromJSON, apache-arrow's way from a list of JSON objects to a table (and on to Parquet, DuckDB or a browser), keeps each value, or throws
#   where values of one column do not fit together, as its vectorFromArray does ("Unable to infer Vector type").
# Happens: apache-arrow 21.2.0 takes the type of the first value that is not null and makes the rest like it: after an id that is a number, the id "A-17" is
#   null and "" is 0; after a boolean, "no" is false; fields of a nested object that its first one did not have are gone; after {} or {"b": null} every later
#   object is empty; after [] every element of every later list is null; after a text an object is "[object Object]"; a text that is missing in an event is
#   "", one that is null is null. Outermost fields that come late are kept. Nothing is raised, and the number of rows is right.
# Means: an export of events of several kinds, or one whose first order has no lines, loses the data of all the others, while another order of the same rows
#   loses other values. Give the schema (new Table with vectors of your types), or write nested parts as JSON text. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts apache-arrow@21.2.0
cat > t.mjs <<'E'
import assert from 'node:assert'; import fs from 'node:fs'; import { tableFromIPC, tableFromJSON, tableToIPC, vectorFromArray } from 'apache-arrow';
console.log('node', process.version, 'apache-arrow', JSON.parse(fs.readFileSync('node_modules/apache-arrow/package.json')).version);
const check = (given, wanted) => {
  const table = tableFromIPC(tableToIPC(tableFromJSON(given))), got = JSON.parse(JSON.stringify(table.toArray())); // as another program reads it
  console.log(JSON.stringify(given).padEnd(88), JSON.stringify(got) === JSON.stringify(given) ? 'the same' : JSON.stringify(got));
  assert.deepStrictEqual(got, wanted);
};
const same = (given) => check(given, given), late = { id: 'e1', data: { order: 1 } }, rich = { id: 'e2', data: { order: 1, amount: '19.99' } };
same([{ id: 1 }, { id: 17 }]); check([{ id: 1 }, { id: 'A-17' }, { id: '' }], [{ id: 1 }, { id: null }, { id: 0 }]);
check([{ id: 'A-17' }, { id: 1 }], [{ id: 'A-17' }, { id: '1' }]);
same([{ paid: true }, { paid: false }]); check([{ paid: true }, { paid: 'no' }, { paid: 1 }], [{ paid: true }, { paid: false }, { paid: true }]);
check([late, rich], [late, { id: 'e2', data: { order: 1 } }]); check([rich, late], [rich, { id: 'e1', data: { order: 1, amount: '' } }]);
check([{ id: 1 }, { id: 2, note: 'x' }], [{ id: 1, note: '' }, { id: 2, note: 'x' }]);
check([{ data: {} }, { data: { order: 1 } }], [{ data: {} }, { data: {} }]);
check([{ data: { order: null } }, { data: { order: 1 } }], [{ data: {} }, { data: {} }]);
same([{ lines: [7] }, { lines: [] }, { lines: [8, 9] }]); check([{ lines: [] }, { lines: [7] }, { lines: [8, 9] }],
  [{ lines: [] }, { lines: [null] }, { lines: [null, null] }]);
check([{ error: 'timeout' }, { error: { code: 5 } }], [{ error: 'timeout' }, { error: '[object Object]' }]);
check([{ error: { code: 5 } }, { error: 'timeout' }], [{ error: { code: 5 } }, { error: { code: null } }]);
check([{ n: 1, note: 'x' }, { n: 2 }, { n: 3, note: null }, { n: 4, note: 'y' }],
  [{ n: 1, note: 'x' }, { n: 2, note: '' }, { n: 3, note: null }, { n: 4, note: 'y' }]);
for (const values of [[1, 'A-17'], [true, 'no'], ['timeout', { code: 5 }]]) assert.throws(() => vectorFromArray(values), /Unable to infer/);
console.log('vectorFromArray throws for the mixed ones');
E
timeout 60 node t.mjs
