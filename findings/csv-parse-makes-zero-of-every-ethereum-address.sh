#!/usr/bin/env bash
# Expected: csv-parse with cast: true, "convert input strings to native types", makes numbers of numbers and leaves alone what is none, or what it can't read; two
#   different texts stay different.
# Happens: csv-parse 7.0.3 makes the number 0 of each text with 0x and hexadecimal digits, of whatever length: an address or a
#   transaction of Ethereum, a hash, a trace id written so. It takes 0x10 for a number as Number() does, and reads it with parseFloat(), which stops at the x. All
#   customers, all deposits have the same key, 0; no error, the same in its stream and with columns. So are 0b11 and 0o17. xlsx 0.18.5, d3-dsv 3.0.2 (autoType)
#   and query-string 10.0.0 (parseNumbers) make 4.7e+47 of an address: still different ones, but nobody gets the address back. papaparse 5.7.1 (dynamicTyping)
#   and csvtojson 2.0.14 (checkType) leave the text.
# Means: a payout list, a reconciliation of deposits or a set of events seen, read with cast: true so that amounts are numbers, has one customer, and all but the
#   first event are repeats. Give cast a function that takes only the columns of amounts, or read with papaparse. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts csv-parse@7.0.3 papaparse@5.7.1 csvtojson@2.0.14 d3-dsv@3.0.2 xlsx@0.18.5 query-string@10.0.0
cat > t.mjs <<'E'
import { parse as stream } from 'csv-parse'; import { parse } from 'csv-parse/sync'; import csvtojson from 'csvtojson'; import * as d3 from 'd3-dsv'; import Papa from 'papaparse'; import queryString from 'query-string';
import xlsx from 'xlsx'; import { readFileSync } from 'node:fs';
const installed = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`;
console.log('node', process.version, ...['csv-parse', 'papaparse', 'csvtojson', 'd3-dsv', 'xlsx', 'query-string'].map(installed));
const check = (what, seen, wanted) => {
  const same = JSON.stringify(seen) === JSON.stringify(wanted); if (!same) process.exitCode = 1;
  console.log(`${what}: ${JSON.stringify(seen)}${same ? '' : `   CHANGED: expected ${JSON.stringify(wanted)}`}`);
};
const a = '0x52908400098527886E0F7030069857D2E4169EE7', b = '0x8617E340B3D01FA5F11F306F4090FD50E238070D';
const hash = (n) => '0x' + n.toString(16).padStart(64, '0a1b2c3d4e5f6789'), deposits = [['evt_1', a, hash(1), '19.90'], ['evt_2', b, hash(2), '250'], ['evt_3', a, hash(3), '0.05']];
const text = 'id,address,transaction,amount\n' + deposits.map((row) => row.join()).join('\n') + '\n', columns = (rows, name) => rows.map((row) => row[name]);
const plain = parse(text, { columns: true }), cast = parse(text, { columns: true, cast: true });
check('without cast, addresses', columns(plain, 'address'), [a, b, a]);
check('with cast: true, amounts and ids', [columns(cast, 'amount'), columns(cast, 'id')], [[19.9, 250, 0.05], ['evt_1', 'evt_2', 'evt_3']]);
check('   addresses', columns(cast, 'address'), [0, 0, 0]);
check('   transactions', columns(cast, 'transaction'), [0, 0, 0]);
const seen = new Set(), sums = {};
check('   events that are not repeats', cast.filter((row) => !seen.has(row.transaction) && seen.add(row.transaction)).length, 1);
cast.forEach((row) => { sums[row.address] = (sums[row.address] ?? 0) + row.amount; });
check('   paid by customer', sums, { 0: 269.95 });
const streamed = []; for await (const row of stream(text, { cast: true, from_line: 2 })) streamed.push(row[1]); check('   by its stream, without columns', streamed, [0, 0, 0]);
check('   quoted', parse(`"${a}"\n`, { cast: true }), [[0]]);
const one = (value) => parse(`${value}\n`, { cast: true })[0][0], without = a.slice(2);
for (const [value, wanted] of [['0x10', 0], ['0b11', 0], ['0o17', 0], [without, without], ['0x', '0x'], ['12abc', '12abc'], ['1.50', 1.5]]) check(`   ${value}`, one(value), wanted);
const amounts = (value, { column }) => (column === 'amount' ? Number(value) : value), own = parse(text, { columns: true, cast: amounts });
check('with a function, addresses and amounts', [columns(own, 'address'), columns(own, 'amount')], [[a, b, a], [19.9, 250, 0.05]]);
check('papaparse', columns(Papa.parse(text.trim(), { header: true, dynamicTyping: true }).data, 'address'), [a, b, a]);
check('csvtojson', columns(await csvtojson({ checkType: true }).fromString(text), 'address'), [a, b, a]);
const rounded = [Number(a), Number(b), Number(a)];
check('d3-dsv', columns(d3.csvParse(text, d3.autoType), 'address'), rounded);
const book = xlsx.read(text, { type: 'string' }); check('xlsx', columns(xlsx.utils.sheet_to_json(book.Sheets[book.SheetNames[0]]), 'address'), rounded);
check('query-string', queryString.parse(`address=${a}&amount=19.90`, { parseNumbers: true }), { address: Number(a), amount: 19.9 });
E
timeout 60 node t.mjs
