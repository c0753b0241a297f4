#!/usr/bin/env bash
# Expected: a batch of events is inserted, repeats are ignored, and each object that the ORM gives back or fills in has its own row's id, or none.
# Happens: with a batch of [a, d], a a repeat, on PostgreSQL, TypeORM 1.1.1 (insert().orIgnore()) and Objection 3.1.5 (onConflict().ignore()) give a the id of
#   d, and d none; Sequelize 6.37.8 (bulkCreate with ignoreDuplicates) turns the object of a into d, with d's id, and leaves d without one. TypeORM's
#   upsert() with skipUpdateIfNoValuesChanged shifts in the same way. On SQLite (sql.js 1.17.0) TypeORM's upsert() of a alone, a repeat, sets the id of
#   whatever row was inserted last into the object, of any table. The rows are right each time. (MikroORM 7.2.5 is right.)
# Means: what is written next with event.id (the job, the delivery, the link to the customer) is that of another event, and only in a batch with a repeat,
#   so during a sender's retries. After such an insert read the ids by the events' own ids. (PostgreSQL 16.2)
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; mkdir data socket; [ "$(id -u)" != 0 ] || chown 65534:65534 data socket
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pgserver==0.1.4
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts --legacy-peer-deps typeorm@1.1.1 reflect-metadata@0.2.2 sequelize@6.37.8 \
  knex@3.3.0 objection@3.1.5 @mikro-orm/core@7.2.5 @mikro-orm/postgresql@7.2.5 pg@8.23.1 sql.js@1.17.0
cat > t.mjs <<'E'
import 'reflect-metadata'; import { createRequire } from 'module'; import { readFileSync } from 'fs'; import pg from 'pg';
import { DataSource, EntitySchema } from 'typeorm'; import { Sequelize, DataTypes } from 'sequelize'; import { MikroORM, EntitySchema as Schema } from '@mikro-orm/postgresql';
const require = createRequire(import.meta.url), { Model } = require('objection'), host = process.argv[2], database = 'postgres', user = 'u';
const names = ['typeorm', 'sequelize', 'objection', 'knex', '@mikro-orm/core', 'pg', 'sql.js'];
console.log('node', process.version, ...names.map((n) => `${n} ${JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version}`));
const db = new pg.Client({ host, database, user }); await db.connect(); console.log((await db.query('select version()')).rows[0].version.split(' on ')[0]);
const rows = async () => (await db.query('select eid, id from event order by id')).rows.map((r) => `${r.eid} ${r.id}`).join(', ');
const fresh = async () => { await db.query("drop table if exists event; create table event (id serial primary key, eid text unique, n int); insert into event (eid, n) values ('a', 1), ('b', 1), ('c', 1)"); };
const line = (objects) => objects.map((o) => `${o.eid} ${o.id ?? '-'}`).join(', ');
const check = async (what, objects, wanted, wantedRows) => {
  const seen = [line(objects), await rows()]; console.log(what.padEnd(52), 'the objects:', seen[0].padEnd(14), 'the rows:', seen[1]);
  if (seen[0] !== wanted || seen[1] !== wantedRows) { process.exitCode = 1; console.log('   changed: expected', wanted, '|', wantedRows); }
};
const columns = { id: { type: Number, primary: true, generated: true }, eid: { type: String, unique: true }, n: { type: Number, nullable: true } };
const Event = new EntitySchema({ name: 'Event', tableName: 'event', columns }), old = 'a 1, b 2, c 3';
const typeorm = await new DataSource({ type: 'postgres', host, database, username: user, entities: [Event] }).initialize(), repo = typeorm.getRepository('Event');
const ignore = async (batch) => { await repo.createQueryBuilder().insert().values(batch).orIgnore().execute(); return batch; };
const batch = () => [{ eid: 'a' }, { eid: 'd' }], fine = () => [{ eid: 'd' }, { eid: 'e' }];
await fresh(); await check('TypeORM insert().orIgnore(), no repeat', await ignore(fine()), 'd 4, e 5', `${old}, d 4, e 5`);
await fresh(); await check('TypeORM insert().orIgnore()', await ignore(batch()), 'a 5, d -', `${old}, d 5`);
await fresh(); let b = [{ eid: 'a', n: 1 }, { eid: 'd', n: 1 }]; await repo.upsert(b, { conflictPaths: ['eid'], skipUpdateIfNoValuesChanged: true });
await check('TypeORM upsert(), skipUpdateIfNoValuesChanged', b, 'a 5, d -', `${old}, d 5`);
await fresh(); b = [{ eid: 'a', n: 1 }, { eid: 'd', n: 1 }]; await repo.upsert(b, ['eid']); await check('TypeORM upsert()', b, 'a 1, d 5', `${old}, d 5`);
await typeorm.destroy();
const sequelize = new Sequelize(database, user, '', { host, dialect: 'postgres', logging: false });
const Row = sequelize.define('event', { eid: { type: DataTypes.TEXT, unique: true }, n: DataTypes.INTEGER }, { timestamps: false, tableName: 'event' });
await fresh(); await check('Sequelize bulkCreate(), ignoreDuplicates, no repeat', await Row.bulkCreate(fine(), { ignoreDuplicates: true }), 'd 4, e 5', `${old}, d 4, e 5`);
await fresh(); await check('Sequelize bulkCreate(), ignoreDuplicates', await Row.bulkCreate(batch(), { ignoreDuplicates: true }), 'd 5, d -', `${old}, d 5`);
await sequelize.close();
const knex = require('knex')({ client: 'pg', connection: { host, database, user } }); class O extends Model { static tableName = 'event'; } O.knex(knex);
await fresh(); await check('Objection onConflict().ignore(), no repeat', await O.query().insert(fine()).onConflict('eid').ignore(), 'd 4, e 5', `${old}, d 4, e 5`);
await fresh(); await check('Objection onConflict().ignore()', await O.query().insert(batch()).onConflict('eid').ignore(), 'a 5, d -', `${old}, d 5`);
await knex.destroy();
const M = new Schema({ name: 'M', tableName: 'event', properties: { id: { type: 'number', primary: true, autoincrement: true }, eid: { type: 'string', unique: true }, n: { type: 'number', nullable: true } } });
const mikro = await MikroORM.init({ entities: [M], host, dbName: database, user, allowGlobalContext: true });
await fresh(); await check('MikroORM upsertMany(), ignore', await mikro.em.fork().upsertMany(M, batch(), { onConflictAction: 'ignore', onConflictFields: ['eid'] }), 'a 1, d 5', `${old}, d 5`);
await mikro.close(); await db.end();
const Job = new EntitySchema({ name: 'Job', columns: { id: columns.id, what: { type: String } } });
const lite = await new DataSource({ type: 'sqljs', entities: [Event, Job], synchronize: true }).initialize(), events = lite.getRepository('Event');
await events.insert([{ eid: 'a' }, { eid: 'b' }]); for (let i = 0; i < 7; i++) await lite.getRepository('Job').insert({ what: 'deliver' });
const again = { eid: 'a', n: 2 }; await events.upsert(again, ['eid']);
const seen = [line([again]), line(await events.find()), (await events.findOneBy({ eid: 'a' })).n]; console.log('TypeORM upsert() of a on SQLite, after 7 rows of jobs: the object:', ...seen.slice(0, 1), ' the rows:', seen[1]);
if (JSON.stringify(seen) !== '["a 7","a 1, b 2",2]') { process.exitCode = 1; console.log('   changed'); }
await lite.destroy();
E
bin=$(echo "$dir"/v/lib/python3*/site-packages/pgserver/pginstall/bin); export LC_ALL=C.UTF-8
as "$bin/initdb" -D data -U u -A trust -N -E UTF8 --locale C.UTF-8 >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-k $dir/socket -c listen_addresses=" start
timeout 60 node t.mjs "$dir/socket"
