#!/usr/bin/env bash
# Expected: Ion is a superset of JSON whose numbers with a point are exact decimals, which is what it is recommended for; the value that ion-js has for
#   19.99 is the JavaScript number 19.99 in arithmetic, numberValue() and JSON.stringify(), as it is with JSON.parse for the same text.
# Happens: ion-js 5.2.1 multiplies the digits by a power of ten: load('{"amount":19.99}') is a 19.990000000000002 that is not == 19.99, and
#   JSON.stringify() of the event writes {"amount":19.990000000000002}. Of the amounts 0.00 to 2000.00 it is so for 27,866 of 200,001 (0.35, 0.41,
#   0.70), of Unix times with microseconds for a third, one microsecond early among them, of latitudes with six digits for more than a quarter. What
#   dumpText() and String() write is right, so a log shows nothing; 1999e-2, a float of Ion, is right; new dom.Decimal('19.99') is right.
# Means: a body read as Ion and passed on as JSON has other amounts, another hash and another signature, and a stored event is not equal to the same one
#   that JSON.parse read. Take Number(String(value)) or value.decimalValue() and a decimal library, or JSON.parse for what is JSON. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts --legacy-peer-deps ion-js@5.2.1
cat > t.cjs <<'E'
const assert = require('node:assert'), fs = require('node:fs'), ion = require('ion-js');
console.log('node', process.version, 'ion-js', JSON.parse(fs.readFileSync('node_modules/ion-js/package.json')).version);
const text = '{"id":"evt_1","amount":19.99,"float":1999e-2,"cents":1999}', event = ion.load(text), amount = event.get('amount');
console.log('in: ', text); console.log('JSON.stringify(load(in)):', JSON.stringify(event)); console.log('dumpText(load(in)):', ion.dumpText(event));
// The control: the same text by JSON.parse, the same digits as text, as a float of Ion, and made from a string.
assert.strictEqual(JSON.stringify(event), '{"id":"evt_1","amount":19.990000000000002,"float":19.99,"cents":1999}');
assert.strictEqual(ion.dumpText(event), '{id:"evt_1",amount:19.99,float:1.999e1,cents:1999}');
assert.strictEqual(JSON.parse(text).amount, 19.99); assert.strictEqual(String(amount), '19.99'); assert.strictEqual(Number(String(amount)), 19.99);
assert.strictEqual(amount.numberValue(), 19.990000000000002); assert.strictEqual(amount + 0, 19.990000000000002); assert.ok(!(event.amount == 19.99));
assert.strictEqual(new ion.dom.Decimal('19.99') + 0, 19.99); assert.strictEqual(ion.load('19.99').decimalValue().toString(), '19.99');
assert.strictEqual(ion.load(ion.dumpBinary(event)).amount + 0, 19.990000000000002); // through Ion's binary form as well
assert.strictEqual(JSON.stringify(ion.load('[0.1,0.25,0.7,1.1,19.99]')), '[0.1,0.25,0.7000000000000001,1.1,19.990000000000002]');
const off = (name, digits, first, step, count, wanted) => {
  let n = 0, example = '';
  for (let i = 0; i < count; i += 1) {
    const c = String(first + i * step).padStart(digits + 1, '0'), s = `${c.slice(0, -digits)}.${c.slice(-digits)}`, got = ion.Decimal.parse(s).numberValue();
    if (got !== Number(s)) { n += 1; example ||= `${s} is ${got}`; }
  }
  console.log(`${name}: ${n} of ${count} are another number; the first: ${example}`); assert.deepStrictEqual([n, example], wanted);
};
off('amounts 0.00 to 2000.00', 2, 0, 1, 200001, [27866, '0.35 is 0.35000000000000003']);
off('Unix times with microseconds', 6, 1700000000123456, 7919, 20000, [6454, '1700000000.131375 is 1700000000.1313748']);
off('latitudes', 6, 52520006, 7919, 20000, [5832, '52.520006 is 52.520005999999995']);
E
timeout 60 node t.cjs
