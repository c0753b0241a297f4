#!/usr/bin/env bash
# Expected: better-queue, a queue inside of a Node.js program, replaces a task that waits by a newer one of the same id (its readme: the same id replaces the previous task; merge(oldTask, newTask) can
#   join them). With maxRetries, a task that failed is tried again; if a newer one of its id waits by then, that is the newer one still. maxRetries counts for each task.
# Happens: better-queue 3.8.12 puts a failed task back as if it were new. "paid", pushed while "created" of the same order runs, is replaced by "created" when that one fails; merge() is called with the
#   two in that order. "created" runs again, "paid" never, and the callback of the push of "paid" says success, as soon as "created" does. With a retryDelay and a free worker "paid" runs, and then
#   "created" again, last. And failures are counted by id, without an end: a success does not set them back. With maxRetries: 3, order 7's third event is given up at its first failure, as two events
#   before failed once and then succeeded. In batches (batchSize) ids of digits come sorted as numbers, before all others, not in the order of the push. No error for the one that was lost.
# Means: one 503 of the next service while two events of one order come, and the newer state is gone, reported as done; an id that lives long (a customer, a shop) has in the end no retries at all. Give
#   each event its own id, and keep the latest state by a number in it: merge: (a, b, cb) => cb(null, a.seq > b.seq ? a : b).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts better-queue@3.8.12
cat > t.cjs <<'E'
const Queue = require('better-queue'), { isDeepStrictEqual } = require('node:util'); let failed = false;
console.log('node', process.version, 'better-queue', require('better-queue/package.json').version);
const show = (what, got, wanted) => { console.log(`   ${what}: ${JSON.stringify(got)}`); if (!isDeepStrictEqual(got, wanted)) { failed = true; console.log('      changed: expected', JSON.stringify(wanted)); } };
const until = async (check) => { for (let i = 0; i < 2000; i++) { if (check()) return; await new Promise((f) => setTimeout(f, 10)); } throw new Error('waited in vain: ' + check); };
const start = (options) => {   // each run waits for end(error)
  const self = { ran: [], ended: [], complaints: [], open: null }; self.queue = new Queue((task, cb) => { self.ran.push(task.state ?? task.n); self.open = cb; }, options);
  for (const event of ['error', 'task_failed']) self.queue.on(event, (...args) => self.complaints.push(event));
  self.push = (task) => new Promise((accepted) => { self.queue.push(task, (e) => self.ended.push(`${task.state ?? task.n} ${e ? 'failed' : 'done'}`)).on('queued', accepted); });
  self.running = (n) => until(() => self.ran.length === n && self.open); self.end = (error) => { const cb = self.open; self.open = null; cb(error ?? null); }; return self;
};
(async () => {
  let q = start({ maxRetries: 5 });
  await q.push({ id: 'order 7', state: 'created' }); await q.running(1); await q.push({ id: 'order 7', state: 'paid' }); q.end('503'); await q.running(2); q.end(); await until(() => q.ended.length === 2);
  await q.push({ id: 'order 8', state: 'another' }); await q.running(3); q.end(); await until(() => q.ended.length === 3);
  show('maxRetries 5: ran', q.ran, ['created', 'created', 'another']); show('   told to whoever pushed', q.ended.sort(), ['another done', 'created done', 'paid done']); show('   complaints', q.complaints, []);
  const merges = []; q = start({ maxRetries: 5, merge: (oldTask, newTask, cb) => { merges.push(`${oldTask.state} -> ${newTask.state}`); cb(null, newTask); } });
  await q.push({ id: 'order 7', state: 'created' }); await q.running(1); await q.push({ id: 'order 7', state: 'paid' }); q.end('503'); await q.running(2); q.end(); await until(() => q.ended.length === 2);
  show('with merge(): old and new', merges, ['paid -> created']);
  q = start({ maxRetries: 5, retryDelay: 1000 });
  await q.push({ id: 'order 7', state: 'created' }); await q.running(1); await q.push({ id: 'order 7', state: 'paid' }); q.end('503'); await q.running(2); q.end(); await q.running(3); q.end(); await until(() => q.ended.length === 2);
  show('retryDelay 1 s, worker free: ran', q.ran, ['created', 'paid', 'created']);
  q = start({ maxRetries: 3 });
  for (const n of [1, 2]) { await q.push({ id: 'shop 7', n }); await q.running(2 * n - 1); q.end('503'); await q.running(2 * n); q.end(); await until(() => q.ended.length === n); }
  await q.push({ id: 'shop 7', n: 3 }); await q.running(5); q.end('503'); await until(() => q.ended.length === 3);
  await q.push({ id: 'shop 8', n: 4 }); await q.running(6); q.end('503'); await q.running(7); q.end('503'); await q.running(8); q.end(); await until(() => q.ended.length === 4);
  show('maxRetries 3, each event fails once: ran', q.ran, [1, 1, 2, 2, 3, 4, 4, 4]); show('   the ends (4 is of another shop and fails twice)', q.ended, ['1 done', '2 done', '3 failed', '4 done']);
  let batch; const pushed = ['30', '4', 'evt_1', '12', '7'], b = new Queue((tasks, cb) => { batch = tasks.map((t) => t.id); cb(null); }, { batchSize: 5, batchDelay: 60000 });
  for (const id of pushed) await new Promise((f) => b.push({ id }).on('queued', f));
  await until(() => batch); show('pushed, the batch', [pushed, batch], [pushed, ['4', '7', '12', '30', 'evt_1']]);
  process.exit(failed ? 1 : 0);
})().catch((e) => { console.log(e); process.exit(2); });
E
timeout 60 node t.cjs
