#!/usr/bin/env bash
# Expected: a change of one column (new, done) arrives in logical replication as the row that it makes; a client library gives the whole row, or says what
#   it does not know.
# Happens: PostgreSQL does not send a value that is stored apart (a body of more than about 2 kB) where an UPDATE leaves it as it was, but a mark "unchanged";
#   npm pg-logical-replication 2.5.0 makes `undefined` of the mark: the key is there, JSON.stringify drops it, pg 8.23.1 stores it as NULL. Short bodies of
#   the same table arrive with each change (PostgreSQL 16.2 of pgserver 0.1.4, pgoutput).
# Means: a copy kept by "insert or overwrite with the row that came" loses just the large bodies, and at the change that says they are done. REPLICA IDENTITY
#   FULL sends the old row too, and the library fills the gap from it; or overwrite only keys that are not undefined.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts pg-logical-replication@2.5.0 pg@8.23.1
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pgserver==0.1.4
bin=$(echo "$dir"/v/lib/python3*/site-packages/pgserver/pginstall/bin)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'); export LC_ALL=C
as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1 -c wal_level=logical" start
cat > t.mjs <<'E'
import assert from 'node:assert'; import { randomBytes } from 'node:crypto'; import fs from 'node:fs'; import pg from 'pg'; import { LogicalReplicationService, PgoutputPlugin } from 'pg-logical-replication';
const at = { host: '127.0.0.1', port: +process.argv[2], user: 'u', database: 'postgres' }, db = new pg.Client(at); await db.connect();
const { version } = JSON.parse(fs.readFileSync('node_modules/pg-logical-replication/package.json'));
console.log((await db.query('SELECT version()')).rows[0].version.split(' on ')[0], 'Node.js', process.version, 'pg-logical-replication', version);
for (const name of ['inbox', 'copy']) await db.query(`CREATE TABLE ${name} (id int PRIMARY KEY, status text, body text)`);
await db.query('CREATE PUBLICATION p FOR TABLE inbox'); await db.query("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
const body = (bytes) => JSON.stringify({ data: randomBytes(bytes).toString('hex') });
await db.query("INSERT INTO inbox VALUES (1, 'new', $1), (2, 'new', $2)", [body(300), body(50000)]);
await db.query("UPDATE inbox SET status = 'done'"); await db.query('ALTER TABLE inbox REPLICA IDENTITY FULL'); await db.query("UPDATE inbox SET status = 'seen'");
const rows = await new Promise((done, fail) => {
  const seen = [], service = new LogicalReplicationService(at, { acknowledge: { auto: false, timeoutSeconds: 0 } });
  service.on('data', (_, change) => { if (change.new) seen.push(change.new); if (seen.length === 6) service.stop().then(() => done(seen)); }); service.on('error', fail);
  service.subscribe(new PgoutputPlugin({ protoVersion: 1, publicationNames: ['p'] }), 's').catch(fail); setTimeout(() => fail(new Error('too late')), 20000).unref();
});
const kind = (row) => `${row.id} ${row.status}: ${row.body === undefined ? 'undefined' : 'whole'}`;
console.log('as the library gives them:   ', rows.map(kind).join(', '));
for (const row of rows.slice(0, 4)) await db.query('INSERT INTO copy VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET status = excluded.status, body = excluded.body', [row.id, row.status, row.body]);
const bytes = async (table) => (await db.query(`SELECT id, length(body) AS n FROM ${table} ORDER BY id`)).rows.map((row) => row.n);
console.log('length of bodies in the inbox:', await bytes('inbox'), 'in a copy of inserts and updates until done:', await bytes('copy'));
assert.deepStrictEqual(rows.map(kind), ['1 new: whole', '2 new: whole', '1 done: whole', '2 done: undefined', '1 seen: whole', '2 seen: whole']);
assert('body' in rows[3] && JSON.stringify(rows[3]) === '{"id":2,"status":"done"}'); assert((await bytes('copy'))[1] === null && (await bytes('inbox'))[1] > 99999);
process.exit(0);
E
timeout 60 node t.mjs "$port"
