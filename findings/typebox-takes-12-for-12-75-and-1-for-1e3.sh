#!/usr/bin/env bash
# Expected: Value.Parse(Type.Integer(), ...) refuses what is no integer, or converts it to the number that it is; the readme promises "reasonable" conversions
#   with a check (Assert) behind them. ajv 8.20.0 with coerceTypes, for the same schema, refuses 12.75 and reads "1e3" as 1000.
# Happens: @sinclair/typebox 0.34.52 cuts before it checks: 12.75, "12.75" and "12." become 12, -0.5 becomes 0, 1.99 passes minimum: 1 as 1, 12.5 passes
#   multipleOf: 4 as 12; "1e3" and "1e21" become 1. For Type.Number() "0x1F" is 0 (for Type.Integer() 31), though "1e3" is 1000 there. For Type.Date() true is
#   a millisecond after 1970, "2024-02-30" the 1st of March, and "10:00:00Z" a moment of 1970. The check passes each time, inside objects, lists and unions as
#   well. TypeBox 1.4.3 (npm typebox) refuses all of these in Value.Parse.
# Means: an amount or a quantity loses its fraction between a body that was verified and a row that is valid; "1e3" is what some senders and spreadsheets
#   write for 1000. Use Value.Decode, which does not convert, or Value.Parse(['Clone', 'Clean', 'Default', 'Assert', 'Decode'], ...), or Type.Number() with
#   multipleOf. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
export TZ=UTC; cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts @sinclair/typebox@0.34.52 typebox@1.4.3 ajv@8.20.0
cat > t.mjs <<'E'
import assert from 'node:assert'; import fs from 'node:fs'; import { Type } from '@sinclair/typebox'; import { Value } from '@sinclair/typebox/value';
import { Type as Type1 } from 'typebox'; import Value1 from 'typebox/value'; import Ajv from 'ajv';
const version = (n) => `${n} ${JSON.parse(fs.readFileSync(`node_modules/${n}/package.json`)).version}`;
console.log('node', process.version, ['@sinclair/typebox', 'typebox', 'ajv'].map(version).join(', '));
const tried = (read) => { try { const got = read(); return got instanceof Date ? got.toISOString() : JSON.stringify(got); } catch { return 'refused'; } };
const ajv = new Ajv({ coerceTypes: true, strict: false }), steps = ['Clone', 'Clean', 'Default', 'Assert', 'Decode'];
const coerced = (schema, v) => { const data = { v }; if (!ajv.validate({ type: 'object', properties: { v: schema } }, data)) throw new Error('refused');
return data.v; };
const check = (kind, options, value, wanted, wantedOfAjv) => {
  const schema = Type[kind](options), seen = [tried(() => Value.Parse(schema, value)), kind === 'Date' ? wantedOfAjv : tried(() => coerced(schema, value)),
    kind === 'Date' ? 'refused' : tried(() => Value1.Parse(Type1[kind](options), value))];
  const strict = [tried(() => Value.Decode(schema, value)), tried(() => Value.Parse(steps, schema, value))];
  console.log(`${kind}(${options ? JSON.stringify(options) : ''})`.padEnd(26), JSON.stringify(value).padEnd(14), '0.34:', seen[0].padEnd(26),
    kind === 'Date' ? '' : `ajv: ${seen[1].padEnd(9)} 1.4: ${seen[2]}`);
  assert.deepStrictEqual(seen, [wanted, wantedOfAjv, typeof value === 'number' && Number.isInteger(value) ? wanted : 'refused']);
  assert.deepStrictEqual(strict, Array(2).fill(seen[2]));
};
check('Integer', undefined, 12, '12', '12'); check('Integer', undefined, 12.75, '12', 'refused'); check('Integer', undefined, -0.5, '0', 'refused');
check('Integer', { minimum: 1 }, 1.99, '1', 'refused');
check('Integer', { multipleOf: 4 }, 12.5, '12', 'refused'); check('Integer', undefined, '12.75', '12', 'refused');
check('Integer', undefined, '12.', '12', '12'); check('Integer', undefined, '1e3', '1', '1000');
check('Integer', undefined, '1e21', '1', '1e+21'); check('Integer', undefined, '0x1F', '31', '31'); check('Number', undefined, '0x1F', '0', '31');
check('Number', undefined, '1e3', '1000', '1000');
check('Date', undefined, true, '1970-01-01T00:00:00.001Z', ''); check('Date', undefined, '2024-02-30', '2024-03-01T00:00:00.000Z', '');
check('Date', undefined, '10:00:00Z', '1970-01-01T10:00:00.000Z', '');
const order = Type.Object({ lines: Type.Array(Type.Object({ quantity: Type.Union([Type.Integer(), Type.Null()]) })) }),
  got = Value.Parse(order, { lines: [{ quantity: 2.5 }, { quantity: null }, { quantity: '1e3' }] });
console.log('in an object, a list and a union:', JSON.stringify(got));
assert.deepStrictEqual(got, { lines: [{ quantity: 2 }, { quantity: null }, { quantity: 1 }] });
E
timeout 60 node t.mjs
