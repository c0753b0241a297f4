#!/usr/bin/env bash
# Expected: with knex, `timestamps(true, true)` (or timestamp().defaultTo(knex.fn.now())) fills created_at, and where('created_at', '<', new Date(...))
#   compares with it, as on PostgreSQL: both are knex's own ways to write a time, and one code for SQLite in the tests and PostgreSQL in production is what it
#   is for.
# Happens: knex 3.3.0 on SQLite makes the default a text ('2026-01-31 10:00:00') and binds a Date as a number of milliseconds; for SQLite every text is
#   greater than every number. So `where created_at < cutoff` matches no such row, ever, and del() says 0; `created_at > since` matches all of them, also
#   since tomorrow; order by created_at puts each row whose time the application gave (an event's own time) before all others; max(created_at) is never such a
#   row's. No error, no warning.
# Means: the daily clean-up keeps every body for ever, and "what is new since the last run" sends all again each time, while a test that writes its times
#   itself passes. Give each time yourself, always (a number of milliseconds or an ISO text), without a default in the table; look with typeof(created_at) at
#   a table that is there already.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; mkdir data socket; [ "$(id -u)" != 0 ] || chown 65534:65534 data socket
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pgserver==0.1.4
# libsql is SQLite behind the interface of better-sqlite3, and its builds come from npm; knex loads it by that name.
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts knex@3.3.0 better-sqlite3@npm:libsql@0.5.29 pg@8.23.1
cat > t.mjs <<'E'
import assert from 'node:assert'; import fs from 'node:fs'; import knex from 'knex';
const version = (n) => { const p = JSON.parse(fs.readFileSync(`node_modules/${n}/package.json`)); return `${p.name} ${p.version}`; };
console.log('node', process.version, ['knex', 'better-sqlite3', 'pg'].map(version).join(', '));
const day = 86_400_000, at = (days) => new Date(Date.now() + days * day);
const sqlite = { client: 'better-sqlite3', connection: { filename: ':memory:' }, useNullAsDefault: true }, postgres = { client: 'pg',
  connection: { host: process.argv[2], database: 'postgres', user: 'u' } };
const check = async (name, config, ...wanted) => {
  const db = knex(config); await db.schema.createTable('event', (t) => { t.string('id').primary(); t.timestamps(true, true); });
  await db('event').insert({ id: 'first' }); await new Promise((done) => setTimeout(done, 1100));
  await db('event').insert({ id: 'second', created_at: new Date() });
  const ids = async (query) => (await query.select('id')).map((r) => r.id),
    kinds = name === 'SQLite' ? (await db.raw('select typeof(created_at) as kind from event order by id')).map((r) => r.kind) : [];
  const got = [await ids(db('event').where('created_at', '<', at(1)).orderBy('id')), await ids(db('event').where('created_at', '>', at(1))),
    await ids(db('event').orderBy('created_at'))];
  got.push(await db('event').where('created_at', '<', at(30)).del(), await ids(db('event')), kinds); console.log(name);
  for (const [n, what] of ['created before tomorrow:', 'created after tomorrow:', 'in the order of created_at:', 'del() of those before the next month:',
    'what is left:', 'typeof(created_at):'].entries()) console.log('   ', what.padEnd(40), String(got[n]));
  assert.deepStrictEqual(got, wanted); await db.destroy();
};
await check('SQLite', sqlite, ['second'], ['first'], ['second', 'first'], 1, ['first'], ['text', 'integer']); // first has the default, second a Date
await check('PostgreSQL', postgres, ['first', 'second'], [], ['first', 'second'], 2, [], []);
E
bin=$(echo "$dir"/v/lib/python3*/site-packages/pgserver/pginstall/bin); export LC_ALL=C.UTF-8
as "$bin/initdb" -D data -U u -A trust -N -E UTF8 --locale C.UTF-8 >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-k $dir/socket -c listen_addresses=" start
timeout 60 node t.mjs "$dir/socket"
