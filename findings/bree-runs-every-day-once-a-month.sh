#!/usr/bin/env bash
# Expected: Bree, the job scheduler for Node.js, takes interval: 'every 2 days', 'every 5 minutes', 'at 10:15 am' (so its readme) and gives any other text to human-interval, which knows 'day', '1 hour'.
#   So 'every day' is each day and 'every hour' each hour, or start() says that it does not understand, as it does of 'daily'.
# Happens: bree 9.2.9 (@breejs/later 4.2.0): 'every' without a number is the unit above: 'every minute' runs each hour, 'every hour' each midnight, 'every day' on the 1st of the month and
#   'every month' once a year; 'every day at 9:00 am' as well: on the 1st, at midnight. The parser says where it stopped (error: 6), Bree only asks whether a schedule came out. 'every 1 day' is each
#   day. What is understood counts from the start of the unit above: 'every 90 minutes' runs each hour, 'every 36 hours' each midnight, while '90m' and '36h' are those. Nothing raises, warns or is logged.
# Means: the job that sends events again "every hour" runs once a day, the daily report comes once a month, in a text that anybody reads rightly. Write a number into it ('every 1 day'; '1 day', '1h'
#   count from the start of the program), or a cron line; look at bree.config.jobs[0].interval.error, which is to be -1.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts bree@9.2.9 @breejs/later@4.2.0
cat > tick.js <<'E'
require('fs').appendFileSync(require('worker_threads').workerData.job.worker.workerData.file, '.'); process.exit(0);
E
cat > t.js <<'E'
const Bree = require('bree'), later = require('@breejs/later'), fs = require('fs'), path = require('path');
const version = (n) => JSON.parse(fs.readFileSync(`node_modules/${n}/package.json`)).version, from = new Date('2026-11-28T09:00:10Z'); // a Saturday
console.log('node', process.version, 'bree', version('bree'), '@breejs/later', version('@breejs/later'));
const job = { name: 'x', path: path.resolve('tick.js'), timezone: 'UTC' };
const runs = async (how) => {
  const bree = new Bree({ root: false, logger: false, jobs: [{ ...job, ...how }] }); await bree.init(); const i = bree.config.jobs[0].interval;
  return typeof i === 'number' ? i / 60000 + ' min' : later.schedule(i).next(4, from).filter((d) => d > from).slice(0, 3).map((d) => d.toISOString().slice(5, 16)).join(' ');
};
const check = async (how, wanted) => {
  const seen = await runs(how).catch(() => 'refused'); console.log(JSON.stringify(how).padEnd(40), seen);
  if (seen !== wanted) { process.exitCode = 1; console.log('   changed: expected', wanted); }
};
(async () => {
  await check({ interval: 'every 5 minutes' }, '11-28T09:05 11-28T09:10 11-28T09:15'); await check({ interval: 'at 10:15 am' }, '11-28T10:15 11-29T10:15 11-30T10:15');
  await check({ interval: 'daily' }, 'refused'); await check({ interval: 'every monday' }, 'refused'); await check({ interval: 'day' }, '1440 min');
  await check({ interval: 'every minute' }, '11-28T10:00 11-28T11:00 11-28T12:00'); await check({ interval: 'every hour' }, '11-29T00:00 11-30T00:00 12-01T00:00');
  await check({ interval: 'every 1 day' }, '11-29T00:00 11-30T00:00 12-01T00:00');
  await check({ interval: 'every day' }, '12-01T00:00 01-01T00:00 02-01T00:00'); await check({ interval: 'every day at 9:00 am' }, '12-01T00:00 01-01T00:00 02-01T00:00');
  await check({ interval: 'every month' }, '01-01T00:00 01-01T00:00 01-01T00:00');
  await check({ interval: 'every 90 minutes' }, '11-28T10:00 11-28T11:00 11-28T12:00'); await check({ interval: '90m' }, '90 min');
  await check({ interval: 'every 36 hours' }, '11-29T00:00 11-30T00:00 12-01T00:00'); await check({ interval: '36h' }, '2160 min');
  // Two jobs that really run, for six seconds that lie within one minute.
  const left = 60 - new Date().getSeconds(); if (left < 10) await new Promise((r) => setTimeout(r, (left + 1) * 1000));
  const bree = new Bree({ root: false, logger: false, jobs: ['every second', '1 second'].map((interval, n) => ({ ...job, name: 'job' + n, interval, worker: { workerData: { file: 'out' + n } } })) });
  for (const n of [0, 1]) fs.writeFileSync('out' + n, ''); await bree.start(); await new Promise((r) => setTimeout(r, 6000)); await bree.stop();
  const n = [0, 1].map((i) => fs.readFileSync('out' + i).length); console.log("runs in 6 seconds of 'every second':", n[0], " of '1 second':", n[1]);
  if (n[0] !== 0 || n[1] < 1) { process.exitCode = 1; console.log('   changed'); }
})();
E
TZ=UTC timeout 60 node t.js
