#!/usr/bin/env bash
# Expected: a schedule for the 31st leaves out the months without one, 5-7 is Friday to Sunday, and a list of the next runs (to show them, to look for
#   missed ones, to set a timer) has each once, in order.
# Happens: aws-cron-parser 1.1.12 (for EventBridge, and by its readme for all of its syntax) lists for "0 10 31 * ? *", asked in November, the
#   1st of December, and the 3rd of March for February's; for "0 10 29 2 ? *" the 1st of March in three years of four, and prev() gives the same 1st of
#   March again and again. @cheap-glitch/mi-cron 1.0.1 has the 1st of December and the 3rd of March as well. @datasert/cronjs-matcher 1.4.0
#   leaves the Sunday out of 5-7 and 1-7 (7 alone is right); where summer time begins it names two half hours twice, going back, and where it ends it leaves the second 02:00 to
#   03:00 out. @breejs/later 4.2.0, below Bree, takes 7 for Saturday. croner 11.0.0 and cron-parser 5.10.5 are right in all of it.
# Means: the month's report is looked for on a day when nothing ran, a weekend job never runs on one of its days, and a loop over "what should have run since"
#   is wrong or has no end. Compare a year of runs by two libraries; write SUN alone, and the 1st. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts aws-cron-parser@1.1.12 @cheap-glitch/mi-cron@1.0.1 @datasert/cronjs-matcher@1.4.0 @datasert/cronjs-parser@1.4.0 @breejs/later@4.2.0 \
  croner@11.0.0 cron-parser@5.10.5
cat > t.mjs <<'E2'
import { createRequire } from 'node:module'; import { readFileSync } from 'node:fs'; import { Cron } from 'croner';
const require = createRequire(import.meta.url), aws = require('aws-cron-parser'), mi = require('@cheap-glitch/mi-cron').parseCron, { getFutureMatches } = require('@datasert/cronjs-matcher');
const later = require('@breejs/later'), { CronExpressionParser } = require('cron-parser'); later.date.UTC();
const names = ['aws-cron-parser', '@cheap-glitch/mi-cron', '@datasert/cronjs-matcher', '@breejs/later', 'croner', 'cron-parser'];
console.log('node', process.version, ...names.map((n) => `${n} ${JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version}`));
const repeat = (n, from, next) => { let d = from; return Array.from({ length: n }, () => (d = next(d))); };
const how = {
  croner: (text, from, n, zone) => new Cron(text, { timezone: zone }).nextRuns(n, from),
  'cron-parser': (text, from, n, zone) => { const i = CronExpressionParser.parse(text, { currentDate: from, tz: zone }); return Array.from({ length: n }, () => i.next().toDate()); },
  'aws-cron-parser': (text, from, n) => { const c = aws.parse(text.replace(/\*$/, '? *')); return repeat(n, from, (d) => aws.next(c, d)); },
  'mi-cron': (text, from, n) => { const c = mi(text); return repeat(n, from, (d) => mi.nextDate(c, d)); },
  cronjs: (text, from, n, zone) => getFutureMatches(text, { startAt: from.toISOString(), matchCount: n, timezone: zone === 'UTC' ? 'Etc/UTC' : zone }),
  later: (text, from, n) => later.schedule(later.parse.cron(text)).next(n, from),
};
const A = 'aws-cron-parser', M = 'mi-cron', C = 'cronjs', L = 'later', november = '2026-11-29T22:15:00Z', all = Object.keys(how), other = all.filter((n) => n !== A), weekly = ['croner', 'cron-parser', C, L];
const cases = [
  ['0 10 30 * *', november, 'UTC', 2, all, '2026-11-30 2026-12-30', {}],
  ['0 10 31 * *', november, 'UTC', 4, all, '2026-12-31 2027-01-31 2027-03-31 2027-05-31', { [A]: '2026-12-01 2026-12-31 2027-01-31 2027-03-03', [M]: '2026-12-01 2026-12-31 2027-01-31 2027-03-03' }],
  ['0 10 29 2 *', november, 'UTC', 2, ['croner', 'cron-parser', A, M], '2028-02-29 2032-02-29', { [A]: '2027-03-01 2028-02-29', [M]: '2027-03-01 2028-02-29' }],
  ['0 10 * * 1-5', november, 'UTC', 6, other, '2026-11-30 2026-12-01 2026-12-02 2026-12-03 2026-12-04 2026-12-07', {}],
  ['0 10 * * 0', november, 'UTC', 2, other, '2026-12-06 2026-12-13', {}],
  ['0 10 * * 7', november, 'UTC', 2, weekly, '2026-12-06 2026-12-13', { [L]: '2026-12-05 2026-12-12' }],
  ['0 10 * * 6,7', november, 'UTC', 3, weekly, '2026-12-05 2026-12-06 2026-12-12', { [L]: '2026-12-05 2026-12-12 2026-12-19' }],
  ['0 10 * * 5-7', november, 'UTC', 4, weekly, '2026-12-04 2026-12-05 2026-12-06 2026-12-11', { [C]: '2026-12-04 2026-12-05 2026-12-11 2026-12-12', [L]: '2026-12-04 2026-12-05 2026-12-11 2026-12-12' }],
  ['0 10 * * 1-7', '2026-12-04T12:00:00Z', 'UTC', 3, ['croner', 'cron-parser', C], '2026-12-05 2026-12-06 2026-12-07', { [C]: '2026-12-05 2026-12-07 2026-12-08' }],
  ['*/30 * * * *', '2026-03-29T00:20:00Z', 'Europe/Berlin', 6, ['croner', 'cron-parser', C], '00:30 01:00 01:30 02:00 02:30 03:00', { [C]: '00:30 01:00 01:30 01:00 01:30 02:00' }],
  ['*/30 * * * *', '2026-10-25T00:20:00Z', 'Europe/Berlin', 4, ['croner', 'cron-parser', C], '00:30 01:00 01:30 02:00', { [C]: '00:30 02:00 02:30 03:00' }],
];
for (const [text, from, zone, n, list, right, wrong] of cases) {
  const said = [];
  for (const name of list) {
    const now = how[name](text, new Date(from), n, zone).map((d) => { const iso = new Date(d).toISOString(); return zone === 'UTC' ? iso.slice(0, 10) : iso.slice(11, 16); }).join(' ');
    if (now !== right) said.push(`${name}: ${now}`);
    if (now !== (wrong[name] ?? right)) { process.exitCode = 1; said.push(`CHANGED: ${name}, expected ${wrong[name] ?? right}`); }
  }
  console.log(`${text} after ${from}${zone === 'UTC' ? '' : ` in ${zone} (hours in UTC)`}: ${right}; ${said.join('; ') || `all ${list.length} right`}`);
}
const leap = aws.parse('0 10 29 2 ? *'), back = repeat(3, new Date(november), (d) => aws.prev(leap, d)).map((d) => d.toISOString().slice(0, 10)).join(' ');
console.log('aws-cron-parser prev() of 0 10 29 2 ? *:', back); if (back !== '2026-03-01 2026-03-01 2026-03-01') { process.exitCode = 1; console.log('   CHANGED'); }
E2
TZ=UTC timeout 60 node t.mjs
