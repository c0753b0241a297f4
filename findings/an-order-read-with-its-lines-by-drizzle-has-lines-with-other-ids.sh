#!/usr/bin/env bash
# Expected: the mode of a column in Drizzle (bigint as bigint, numeric as string) says how its value comes to the program: db.query.orders.findMany({ with: { lines: true } }) gives the
#   lines that db.select().from(lines) gives, each id and each amount the same, as the types say in both cases. So does jsonArrayFrom() of Kysely, whose page calls it the way to nested rows.
# Happens: drizzle-orm 0.45.4 fetches what is nested as JSON and makes the bigint out of the number that JSON.parse gave: the line 1795953600123456791n comes as 1795953600123456768n, and
#   so does 1795953600123456790n, so two lines have one id; a numeric 12345678901234567890.10 comes as '12345678901234567000', and 19.90 as '19.9'. The order itself, on top, keeps all of its
#   digits. Kysely 0.28.19 (pg 8.23.1) gives the text '1795953600123456791' on top and the number 1795953600123456800 in jsonArrayFrom(). Nothing is raised or logged.
# Means: who goes on with such an id (an update, a deletion, a link, a refund of one line) meets no row, or another one. Ids above 2^53 (snowflakes, hashes) are text in the query: extras or a
#   select with cast(id as text); or fetch the lines by a query of their own.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts drizzle-orm@0.45.4 kysely@0.28.19 pg@8.23.1 @electric-sql/pglite@0.5.14 @electric-sql/pglite-socket@0.2.17
cat > t.mjs <<'E'
import assert from 'node:assert'; import fs from 'node:fs'; import net from 'node:net'; import { once } from 'node:events'; import pg from 'pg';
import { PGlite } from '@electric-sql/pglite'; import { PGLiteSocketServer } from '@electric-sql/pglite-socket'; import { drizzle } from 'drizzle-orm/pglite'; import { relations } from 'drizzle-orm';
import { bigint, numeric, pgTable, text } from 'drizzle-orm/pg-core'; import { Kysely, PostgresDialect } from 'kysely'; import { jsonArrayFrom } from 'kysely/helpers/postgres';
const version = (name) => name + ' ' + JSON.parse(fs.readFileSync(`node_modules/${name}/package.json`)).version;
const client = await PGlite.create();
console.log(version('drizzle-orm'), version('kysely'), version('pg'), 'Node.js', process.version, (await client.query('select version()')).rows[0].version.split(' on ')[0]);
await client.exec('create table orders (id bigint primary key, name text); create table lines (id bigint primary key, order_id bigint, amount numeric)');
const orders = pgTable('orders', { id: bigint('id', { mode: 'bigint' }).primaryKey(), name: text('name') });
const lines = pgTable('lines', { id: bigint('id', { mode: 'bigint' }).primaryKey(), orderId: bigint('order_id', { mode: 'bigint' }), amount: numeric('amount') });
const ofOrders = relations(orders, ({ many }) => ({ lines: many(lines) })), ofLines = relations(lines, ({ one }) => ({ order: one(orders, { fields: [lines.orderId], references: [orders.id] }) }));
const db = drizzle({ client, schema: { orders, lines, ofOrders, ofLines } });
const order = 1795953600123456789n;
await db.insert(orders).values({ id: order, name: 'A' });
await db.insert(lines).values([{ id: 1795953600123456790n, orderId: order, amount: '19.90' }, { id: 1795953600123456791n, orderId: order, amount: '12345678901234567890.10' }]);
const written = (rows) => rows.map((line) => `${line.id} of ${line.orderId ?? line.order_id}: ${line.amount}`), check = (what, got, wanted) => { console.log(what.padEnd(38), got); assert.deepStrictEqual(got, wanted); };
const right = ['1795953600123456790 of 1795953600123456789: 19.90', '1795953600123456791 of 1795953600123456789: 12345678901234567890.10'];
const flat = await db.select().from(lines).orderBy(lines.id), whole = (await db.query.orders.findMany({ with: { lines: { orderBy: (line, { asc }) => asc(line.id) } } }))[0];
check('Drizzle: select().from(lines)', written(flat), right);
check('   with: the order itself', `${typeof whole.id} ${whole.id}`, 'bigint 1795953600123456789');
check('   with: its lines', written(whole.lines), ['1795953600123456768 of 1795953600123456768: 19.9', '1795953600123456768 of 1795953600123456768: 12345678901234567000']);
check('   types of a line', [flat, whole.lines].map((rows) => typeof rows[0].id + ' ' + typeof rows[0].amount), ['bigint string', 'bigint string']);
const { eq } = await import('drizzle-orm');
check('   delete the line that it gave: rows', (await db.delete(lines).where(eq(lines.id, whole.lines[1].id)).returning()).length, 0);
const free = net.createServer().listen(0, '127.0.0.1'); await once(free, 'listening'); const port = free.address().port; free.close(); await once(free, 'close');
const server = new PGLiteSocketServer({ db: client, host: '127.0.0.1', port }); await server.start();
const other = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', max: 1 }) }) });
check('Kysely: selectFrom lines', written(await other.selectFrom('lines').selectAll().orderBy('id').execute()), right);
const nested = (await other.selectFrom('orders').select((eb) => ['id', jsonArrayFrom(eb.selectFrom('lines').selectAll().whereRef('lines.order_id', '=', 'orders.id').orderBy('lines.id')).as('lines')]).execute())[0];
check('   the order', nested.id, '1795953600123456789');
check('   jsonArrayFrom: its lines', written(nested.lines), ['1795953600123456800 of 1795953600123456800: 19.9', '1795953600123456800 of 1795953600123456800: 12345678901234567000']);
process.exit(0);
E
timeout 240 node t.mjs
