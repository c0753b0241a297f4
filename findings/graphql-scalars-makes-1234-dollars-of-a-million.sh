#!/usr/bin/env bash
# Expected: the scalar USCurrency of graphql-scalars takes an amount in dollars as text and gives the resolver its cents, and writes cents as such a text,
#   so what it wrote it reads again; PositiveInt and NonNegativeInt take whole numbers and refuse others, as the Int of GraphQL does.
# Happens: graphql-scalars 2.0.0 writes 123456710 cents as "$1,234,567.10" and reads that as 123400: it takes out the first
#   comma and stops at the second, so every amount from a million dollars on loses all behind it. "$19.99" is 1998.9999999999998 cents, which it writes as
#   "$19.98"; of the amounts $0.01 to $100.00 1,146 are no whole number of cents, and 573 come back a cent less. PositiveInt and NonNegativeInt cut what is
#   behind the point: 12.9 in a variable is 12 (Int refuses it), "1e3" is 1, "1,250" is refused; NonNegativeInt makes 0 of 0.75 and of "0x1F". A literal
#   12.9 is refused. No error.
# Means: amounts are right in tests with $10 and $22,900.00; sums are a cent short, a large payment is a small one, and a quantity of 2.75 hours is 2. Take
#   integers of cents (Int, BigInt) or a text with a check of your own. (graphql 16.15.0, Node.js 20; the commas are reported upstream)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts graphql-scalars@2.0.0 graphql@16.15.0
cat > t.mjs <<'E'
import * as s from 'graphql-scalars'; import * as g from 'graphql'; import { readFileSync } from 'node:fs';
const installed = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`;
console.log('node', process.version, installed('graphql-scalars'), installed('graphql'));
const check = (what, seen, wanted) => {
  const same = JSON.stringify(seen) === JSON.stringify(wanted); if (!same) process.exitCode = 1;
  console.log(`${what}: ${JSON.stringify(seen)}${same ? '' : `   CHANGED: expected ${JSON.stringify(wanted)}`}`);
};
const money = s.GraphQLUSCurrency, read = (text) => money.parseValue(text), write = (cents) => money.serialize(cents);
check('cents that are written, and read again', [1000, 2290000, 99999999, 100000000, 123456710].map((c) => [c, write(c), Math.round(read(write(c)))]), [
  [1000, '$10.00', 1000], [2290000, '$22,900.00', 2290000], [99999999, '$999,999.99', 99999999], [100000000, '$1,000,000.00', 100000], [123456710, '$1,234,567.10', 123400]]);
check('small amounts read', ['$10.00', '$19.99', '$0.29', '$4.35'].map(read), [1000, 1998.9999999999998, 28.999999999999996, 434.99999999999994]);
check('and written again', ['$10.00', '$19.99', '$0.29', '$4.35'].map((t) => write(read(t))), ['$10.00', '$19.98', '$0.28', '$4.34']);
const all = Array.from({ length: 10000 }, (_, n) => n + 1);
check('of $0.01 to $100.00: no whole cents, a cent less when written again', [all.filter((c) => !Number.isInteger(read(write(c)))).length, all.filter((c) => write(read(write(c))) !== write(c)).length], [1146, 573]);
const type = (t) => new g.GraphQLNonNull(t);
const field = (t) => ({ type: t, args: { x: { type: type(t) } }, resolve: (_, { x }) => x });
const schema = new g.GraphQLSchema({ query: new g.GraphQLObjectType({ name: 'Query', fields: { Int: field(g.GraphQLInt), PositiveInt: field(s.GraphQLPositiveInt), NonNegativeInt: field(s.GraphQLNonNegativeInt), USCurrency: field(money) } }) });
const run = async (name, x, literal) => { const { data, errors } = await g.graphql({ schema, source: literal ? `{ r: ${name}(x: ${literal}) }` : `query ($x: ${name}!) { r: ${name}(x: $x) }`, variableValues: { x } }); return errors ? 'refused' : data.r; };
const several = async (name, values) => Promise.all(values.map((v) => run(name, v)));
const values = [12, 12.9, 0.75, '12', '12.9', '1e3', '0x1F', '1,250'];
check('Int, given ' + JSON.stringify(values), await several('Int', values), [12, ...Array(7).fill('refused')]);
check('PositiveInt', await several('PositiveInt', values), [12, 12, 'refused', 12, 12, 1, 'refused', 'refused']);
check('NonNegativeInt', await several('NonNegativeInt', values), [12, 12, 0, 12, 12, 1, 0, 'refused']);
check('PositiveInt, literals 12 and 12.9', [await run('PositiveInt', undefined, '12'), await run('PositiveInt', undefined, '12.9')], [12, 'refused']);
check('USCurrency through a query, variable and literal', [await run('USCurrency', '$1,234,567.10'), await run('USCurrency', undefined, '"$19.99"'), await run('USCurrency', '$22,900.00')], ['$1,234.00', '$19.98', '$22,900.00']);
E
timeout 60 node t.mjs
