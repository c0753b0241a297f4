#!/usr/bin/env bash
# Expected: the text of a request body, given as a parameter for a jsonb column, is stored as the object that it is; pg and PGlite do that.
# Happens: postgres 3.4.9 (postgres.js) asks the server for the parameter's type, sees jsonb and encodes the text once more: the column holds one JSON
#   string, `body->>'type'` is NULL, and no error is raised; `${body}::jsonb` does not help, `${body}::text::jsonb` does (PostgreSQL 18.6).
# Means: an inbox of raw bodies looks right when its rows are read back, and every query into the JSON finds nothing; check jsonb_typeof(body) = 'object'.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts postgres@3.4.9 pg@8.23.1 @electric-sql/pglite@0.5.14 @electric-sql/pglite-socket@0.2.17
cat > t.mjs <<'E'
import assert from 'assert'; import net from 'net'; import postgres from 'postgres'; import pg from 'pg';
import { PGlite } from '@electric-sql/pglite'; import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
const port = await new Promise((done) => { const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); }); });
const db = await PGlite.create(), server = new PGLiteSocketServer({ db, port, host: '127.0.0.1' }); await server.start();
console.log((await db.query('select version()')).rows[0].version.split(' on ')[0]);
const url = `postgres://postgres@127.0.0.1:${port}/postgres`, body = '{"type":"order.paid","n":1}';
await db.exec('create table inbox (who text, body jsonb)');
const sql = postgres(url, { max: 1, ssl: false });
await sql`insert into inbox values ('postgres.js', ${body})`;
await sql`insert into inbox values ('postgres.js ::jsonb', ${body}::jsonb)`;
await sql`insert into inbox values ('postgres.js ::text::jsonb', ${body}::text::jsonb)`;
const [read] = await sql`select body from inbox where who = 'postgres.js'`;
await sql.end();
const client = new pg.Client(url); await client.connect(); await client.query('insert into inbox values ($1, $2)', ['pg', body]); await client.end();
const { rows } = await db.query("select who, jsonb_typeof(body) as kind, body->>'type' as type from inbox");
for (const row of rows) console.log(row.who.padEnd(26), 'jsonb_typeof:', row.kind.padEnd(7), "body->>'type':", row.type);
console.log('read back by postgres.js:', typeof read.body, read.body === body ? '(the very text that was given)' : '');
assert.deepStrictEqual(rows.map((r) => [r.kind, r.type]), [['string', null], ['string', null], ['object', 'order.paid'], ['object', 'order.paid']]);
assert.strictEqual(read.body, body);
await server.stop(); await db.close(); process.exit(0);
E
timeout 120 node t.mjs
