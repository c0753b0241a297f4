#!/usr/bin/env bash
# Expected: a Date that a program stores in a timestamp column (Prisma's and TypeORM's default kind of column) and reads again is the same moment, and a row
#   that is read and written back keeps its time; with pg (node-postgres) it is so, in every time zone, and PGlite is PostgreSQL for Node.js and the browser.
# Happens: PGlite 0.5.14 (0.5.17 too) writes a Date by the clock of UTC and reads the column by the clock of the machine: in New York 22:00Z comes back as 03:00Z of the
#   next day, and each save of what was read adds five hours more; in Berlin an hour is lost each time. The same in an array. `date` is read as UTC, so a
#   `timestamp` at midnight and its `date` are five hours apart. timestamptz is right, and under TZ=UTC, as in most tests and containers, all of it is.
#   pg 8.23.1 over PGlite's own socket (PostgreSQL 18) reads back what it wrote; it writes the machine's clock, though, so the two share no such column.
# Means: "due at" and "expires at" wander with every touch of the row, on laptops and in browsers only. Use timestamptz, or give the two of them the same
#   clock: parsers: { [types.TIMESTAMP]: (text) => new Date(text.replace(' ', 'T') + 'Z') }. (Reported upstream.)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @electric-sql/pglite@0.5.14 @electric-sql/pglite-socket@0.2.17 pg@8.23.1
cat > t.mjs <<'E'
import fs from 'node:fs'; import net from 'node:net'; import pg from 'pg';
import { PGlite, types } from '@electric-sql/pglite'; import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
const version = (name) => JSON.parse(fs.readFileSync(`node_modules/${name}/package.json`)).version;
const [, , wanted, mended] = process.argv, sent = new Date('2026-11-29T22:00:00.000Z'), hours = (date) => (date - sent) / 3600000;
const parsers = mended ? { [types.TIMESTAMP]: (text) => new Date(text.replace(' ', 'T') + 'Z') } : {};
const db = await PGlite.create({ parsers }), port = await new Promise((done) => { const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); }); });
const server = new PGLiteSocketServer({ db, port, host: '127.0.0.1' }); await server.start();
const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' }); await client.connect();
await db.exec('CREATE TABLE a (id int PRIMARY KEY, due timestamp, at timestamptz, list timestamp[], day date); CREATE TABLE b (id int PRIMARY KEY, due timestamp, at timestamptz)');
async function saves(one, table, column) {                              // three times: read the row, write back what was read
  const off = [];
  for (let i = 0; i < 3; i++) {
    const { rows: [row] } = await one.query(`SELECT ${column} AS value FROM ${table}`); off.push(hours(row.value));
    await one.query(`UPDATE ${table} SET ${column} = $1`, [row.value]);
  }
  return off.join(' ');
}
await db.query('INSERT INTO a VALUES (1, $1, $2, $3, $4)', [sent, sent, [sent], '2026-11-29']);
await client.query('INSERT INTO b VALUES (1, $1, $2)', [sent, sent]);
const { rows: [row] } = await db.query('SELECT list, day, day::timestamp AS midnight FROM a');
const got = [await saves(db, 'a', 'due'), hours(row.list[0]), (row.midnight - row.day) / 3600000].join(' | ');
const right = [await saves(db, 'a', 'at'), await saves(client, 'b', 'due'), await saves(client, 'b', 'at')].join(' | ');
console.log(`${process.env.TZ.padEnd(17)}${mended ? ' own parser' : ''} hours off: timestamp, three saves | list | midnight and date: ${got.padEnd(20)} (timestamptz, pg's two: ${right})`);
if (process.env.TZ === 'UTC' && !mended) console.log('PGlite', version('@electric-sql/pglite'), 'pg', version('pg'), 'Node.js', process.version);
if (got !== wanted || right !== '0 0 0 | 0 0 0 | 0 0 0') { console.log('   changed: expected', wanted); process.exitCode = 1; }
await client.end(); await server.stop(); await db.close();
E
failed=0; check() { TZ=$1 timeout 30 node t.mjs "$2" "${3:-}" || failed=1; }
check UTC '0 0 0 | 0 | 0'
check America/New_York '5 10 15 | 5 | 5'
check Europe/Berlin '-1 -2 -3 | -1 | -1'
check America/New_York '0 0 0 | 0 | 0' own-parser
exit $failed
