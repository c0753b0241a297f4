#!/usr/bin/env bash
# Expected: avro.Type.forValue(event) of avsc finds a schema for an event, to write events of that shape without a schema by hand (its readme has it for
#   this); what type.fromBuffer(type.toBuffer(event)) gives is the event, or there is an error.
# Happens: avsc 5.7.9 takes every number that is no integer of 32 bits for a "float" of 32 bits, also whole ones up to 2^53,
#   though Avro has long for these: the time 1700000000123 comes back as 1700000038912, 39 seconds later, of 3000000001 cents one is gone, an order number
#   900000012345 is 899999989760, 19.99 is 19.989999771118164. From 2^53 on it is a double and right. In a list of events one amount of 19.99 makes a float
#   of the whole field, so 16777217 of another event is 16777216. A Date is a record without fields: {} comes back, zero bytes are written, no time.
#   toBuffer(), isValid() and files (BlockEncoder) take all of this without an error.
# Means: times in milliseconds are the same for two minutes on end, joins by order number find others, and the schema beside it looks meant. Write the
#   schema by hand (long, double, timestamp-millis), or give a valueHook for numbers and dates. (Node.js 20; reported upstream)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts avsc@5.7.9
cat > t.mjs <<'E'
import avro from 'avsc'; import { readFileSync } from 'node:fs';
console.log('node', process.version, 'avsc', JSON.parse(readFileSync('node_modules/avsc/package.json')).version);
const check = (what, seen, wanted) => { const [s, w] = [seen, wanted].map((v) => JSON.stringify(v)); if (s !== w) process.exitCode = 1; console.log(`${what}: ${s}${s === w ? '' : `   CHANGED: expected ${w}`}`); };
const back = (value, options) => { const type = avro.Type.forValue(value, options); if (!type.isValid(value)) throw new Error('not valid'); return type.fromBuffer(type.toBuffer(value)); };
for (const [value, wanted, schema] of [
  [42, 42, 'int'], [2147483647, 2147483647, 'int'], [2147483649, 2147483648, 'float'], [3000000001, 3000000000, 'float'], [900000012345, 899999989760, 'float'], [1700000000123, 1700000038912, 'float'],
  [19.99, 19.989999771118164, 'float'], [9007199254740991, 9007199254740991, 'double'], ['19.99', '19.99', 'string'],
]) check(`${JSON.stringify(value)}, back and its schema`, [back(value), avro.Type.forValue(value).schema()], [wanted, schema]);
const event = { id: 'evt_1', order: 900000012345, amount: 19.99, created: 1700000000123, live: true };
check('an event', back(event), { id: 'evt_1', order: 899999989760, amount: 19.989999771118164, created: 1700000038912, live: true });
check('lists of two events, without and with 19.99', [back([{ amount: 16777217 }, { amount: 20 }]), back([{ amount: 16777217 }, { amount: 19.99 }])], [[{ amount: 16777217 }, { amount: 20 }], [{ amount: 16777216 }, { amount: 19.989999771118164 }]]);
const times = Array.from({ length: 1200 }, (_, n) => 1700000000000 + n * 1000), type = avro.Type.forValue(times[0]);
check('1,200 times, a second apart: how many different ones come back', new Set(times.map((t) => type.fromBuffer(type.toBuffer(t)))).size, 10);
const at = { id: 'evt_1', at: new Date(1700000000123) };
check('an event with a Date, and the bytes that the Date takes', [back(at), avro.Type.forValue(at.at).toBuffer(at.at).length], [{ id: 'evt_1', at: {} }, 0]);
const file = await new Promise((resolve, reject) => {
  const encoder = new avro.streams.BlockEncoder(avro.Type.forValue(event)), decoder = new avro.streams.BlockDecoder(), rows = [];
  decoder.on('data', (row) => rows.push({ ...row })).on('end', () => resolve(rows)).on('error', reject); encoder.on('error', reject).pipe(decoder); encoder.end(event);
});
check('the event through a file', file, [{ id: 'evt_1', order: 899999989760, amount: 19.989999771118164, created: 1700000038912, live: true }]);
const byHand = avro.Type.forSchema({ type: 'record', name: 'Event', fields: [['id', 'string'], ['order', 'long'], ['amount', 'double'], ['created', 'long'], ['live', 'boolean']].map(([name, type]) => ({ name, type })) });
check('with a schema by hand', byHand.fromBuffer(byHand.toBuffer(event)), event);
const valueHook = (value, options) => (typeof value === 'number' ? avro.Type.forSchema('double', options) : undefined);
check('with a valueHook', back(event, { valueHook }), event);
E
timeout 60 node t.mjs
