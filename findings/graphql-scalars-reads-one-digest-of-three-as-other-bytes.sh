#!/usr/bin/env bash
# Expected: the scalar Byte of graphql-scalars takes bytes as text in hex or in base64 (its error message names both); a SHA-256 in hex, as signatures,
#   digests of bodies and idempotency keys are written, comes to the resolver as its 32 bytes, or is refused.
# Happens: graphql-scalars 2.0.0 takes 3,715 of 10,000 such digests for base64: 48 bytes that have nothing to do with it. A
#   text counts as hex only if each eight letters of it, read as a number and written again, are the same, so with a zero at the 9th, 17th, ... place it
#   does not, and 64 letters of hex are valid base64 too. So are read 2,284 of 10,000 SHA-1 and 1,813 of 10,000 MD5, and in capitals all of them. Variables
#   and literals alike; no error. Only a length that base64 does not have (30 letters) is refused, again only with such a zero. All digests in base64 are
#   right.
# Means: two of three signatures fit, and three of eight events are "forged" or stored under another digest, whatever the test digest said. Take a scalar of
#   your own with Buffer.from(text, 'hex') and a check of the length, or String. (graphql 16.15.0, Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts graphql-scalars@2.0.0 graphql@16.15.0
cat > t.mjs <<'E'
import { GraphQLByte } from 'graphql-scalars'; import * as g from 'graphql'; import { createHash } from 'node:crypto'; import { readFileSync } from 'node:fs';
const installed = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`;
console.log('node', process.version, installed('graphql-scalars'), installed('graphql'));
const check = (what, seen, wanted) => {
  const same = JSON.stringify(seen) === JSON.stringify(wanted); if (!same) process.exitCode = 1;
  console.log(`${what}: ${JSON.stringify(seen)}${same ? '' : `   CHANGED: expected ${JSON.stringify(wanted)}`}`);
};
const digest = (kind, n) => createHash(kind).update(`evt_${n}`).digest(), numbers = Array.from({ length: 10000 }, (_, n) => n);
const read = (text) => { try { return GraphQLByte.parseValue(text); } catch { return 'refused'; } };
const counts = (kind, write) => {
  const seen = { right: 0, asBase64: 0, other: 0 };
  for (const n of numbers) { const text = write(digest(kind, n)), got = read(text); seen[got.equals?.(digest(kind, n)) ? 'right' : got.equals?.(Buffer.from(text, 'base64')) ? 'asBase64' : 'other']++; }
  return seen;
};
const hex = (bytes) => bytes.toString('hex'), base64 = (bytes) => bytes.toString('base64');
check('10,000 SHA-256 in base64', counts('sha256', base64), { right: 10000, asBase64: 0, other: 0 });
check('10,000 SHA-256 in hex', counts('sha256', hex), { right: 6285, asBase64: 3715, other: 0 });
check('10,000 SHA-1 in hex', counts('sha1', hex), { right: 7716, asBase64: 2284, other: 0 });
check('10,000 MD5 in hex', counts('md5', hex), { right: 8187, asBase64: 1813, other: 0 });
check('10,000 SHA-256 in capital hex', counts('sha256', (bytes) => hex(bytes).toUpperCase()), { right: 0, asBase64: 10000, other: 0 });
const explained = numbers.filter((n) => /^(00|.{8}(.{8})*0)/.test(hex(digest('sha256', n))) !== read(hex(digest('sha256', n))).equals(digest('sha256', n))).length;
check('digests of which it can be told beforehand, by a zero at the 9th, 17th, 25th ... place or two in front', explained, 10000);
check('fifteen bytes in hex, with and without such a zero', ['0123456701234567012345670123ab', '12345678123456781234567812ab34'].map((t) => hex(Buffer.from(read(t)))), [hex(Buffer.from('refused')), '12345678123456781234567812ab34']);
check('three bytes in base64, "face"', hex(read('face')), 'face');
// The whole way: a query with a variable and one with a literal.
const schema = new g.GraphQLSchema({ query: new g.GraphQLObjectType({ name: 'Query', fields: { length: { type: g.GraphQLInt, args: { sha256: { type: GraphQLByte } }, resolve: (_, { sha256 }) => sha256.length } } }) });
for (const n of [1, 2, 3, 4, 5, 6, 7, 8]) {
  const sha256 = hex(digest('sha256', n)), right = !/^(00|.{8}(.{8})*0)/.test(sha256);
  const run = async (source, variableValues) => (await g.graphql({ schema, source, variableValues })).data.length;
  check(`evt_${n} ${sha256.replace(/.{8}/g, '$& ')}bytes that a resolver has`, [await run('query ($s: Byte) { length(sha256: $s) }', { s: sha256 }), await run(`{ length(sha256: "${sha256}") }`)], right ? [32, 32] : [48, 48]);
}
E
timeout 60 node t.mjs
