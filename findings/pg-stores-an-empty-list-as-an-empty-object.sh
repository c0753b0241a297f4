#!/usr/bin/env bash
# Expected: a value that a JavaScript program gives for a jsonb column is stored as that JSON value, or refused; pg does so with every object.
# Happens: pg 8.23.1 (node-postgres) writes each array in PostgreSQL's own notation, in braces, whatever the column is: [] is {}, which is a valid empty
#   object; ["a"] is an error, so that only empty lists go wrong in silence. A string is taken for JSON text: of {"note": "42"} the value "42" becomes a
#   number, "true" a boolean, and "null" null. postgres 3.4.9 stores [] and "42" as they are (PostgreSQL 18.6).
# Means: a list of a body (training_data_ids, failed files) that is empty for once is an object when it is read back: `.map` and `for … of` fail
#   there, jsonb_array_length() raises for the whole query. Give pg JSON.stringify(value) (and postgres.js the value: for it that is wrong).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @electric-sql/pglite@0.5.14 @electric-sql/pglite-socket@0.2.17 pg@8.23.1 postgres@3.4.9
cat > t.mjs <<'E'
import assert from 'node:assert'; import fs from 'node:fs'; import pg from 'pg'; import postgres from 'postgres';
import { PGlite } from '@electric-sql/pglite'; import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
const at = { host: '127.0.0.1', port: +process.argv[2], user: 'postgres', database: 'postgres' };
const server = new PGLiteSocketServer({ db: await PGlite.create(), ...at }); await server.start();
const version = (name) => name + ' ' + JSON.parse(fs.readFileSync(`node_modules/${name}/package.json`)).version;
const values = [{}, [], ['a'], '42', 'true', 'null', 'a'], text = (v) => JSON.stringify(v), said = {};
const tryAll = async (name, insert) => { said[name] = []; for (const v of values) said[name].push(await insert(v).catch((e) => 'error: ' + e.message)); };
const client = new pg.Client(at); await client.connect();
console.log((await client.query('select version()')).rows[0].version.split(' on ')[0], 'Node.js', process.version);
await client.query('create table inbox (body jsonb)'); const sql = 'insert into inbox values ($1) returning body::text';
await tryAll(version('pg'), async (v) => (await client.query(sql, [v])).rows[0].body);
await tryAll(version('pg') + ' JSON.stringify', async (v) => (await client.query(sql, [text(v)])).rows[0].body);
await client.query('delete from inbox'); await client.query(sql, [[]]);
const length = await client.query('select jsonb_array_length(body) from inbox').catch((e) => 'error: ' + e.message); await client.end();
const other = postgres({ ...at, ssl: false, max: 1, fetch_types: false });
await tryAll(version('postgres'), async (v) => (await other`insert into inbox values (${v}) returning body::text`)[0].body);
console.log('given'.padEnd(26), values.map(text).join('  ')); for (const name in said) console.log(name.padEnd(26), said[name].join('  '));
console.log('length of the list that was empty:', length);
const bad = 'error: invalid input syntax for type json', asGiven = values.map(text);
assert.deepStrictEqual(said['pg 8.23.1'], ['{}', '{}', bad, '42', 'true', 'null', bad]);
assert.deepStrictEqual(said['pg 8.23.1 JSON.stringify'], asGiven); assert.deepStrictEqual(said['postgres 3.4.9'], asGiven);
assert.match(length, /cannot get array length of a non-array/);
process.exit(0);
E
timeout 100 node t.mjs "$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
