#!/usr/bin/env bash
# Expected: a library that reads times gives the moment that a text with an offset says, as JavaScript's own Date does for all of the texts here, or refuses it.
# Happens: moment 2.31.0's moment.utc() and date-fns 4.4.0's parseJSON() leave the offset out where a blank is before it, "2026-11-29 22:00:00 +0200", as Ruby,
#   git log --date=iso and so some webhooks write it: 22:00 UTC, two hours late; moment() reads the same text rightly, parseISO() refuses it. chrono-node 2.10.3
#   leaves out fraction and offset where six digits are behind the point, as Python writes them: "22:00:00.123456+02:00", and with Z as well, is 22:00:00
#   on the clock of the machine. @internationalized/date 3.12.4's parseAbsolute() counts the minutes of an offset below zero the wrong way: with
#   -03:30 (Newfoundland) the time is an hour early. any-date-parser 2.2.4's fromString() adds the machine's own offset to every time
#   that says one: "2026-11-29T22:00:00Z" is 03:00 of the next day in New York; under UTC, as in its tests, it is right. luxon 3.7.2, dayjs 1.11.23 and
#   parseISO() read what they read rightly.
# Means: "within five minutes", expiry and order are off by hours for one sender or on one machine, while times with Z and three digits, those of tests, are
#   right. Read with new Date() or Temporal, and test with a blank, six digits, an odd offset and TZ set. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts moment@2.31.0 date-fns@4.4.0 chrono-node@2.10.3 @internationalized/date@3.12.4 any-date-parser@2.2.4 luxon@3.7.2 dayjs@1.11.23
cat > t.mjs <<'E2'
import { createRequire } from 'node:module'; import { readFileSync } from 'node:fs';
const require = createRequire(import.meta.url), moment = require('moment'), { parseJSON, parseISO } = require('date-fns'), chrono = require('chrono-node');
const { parseAbsolute } = require('@internationalized/date'), any = require('any-date-parser'), { DateTime } = require('luxon'), dayjs = require('dayjs');
moment.suppressDeprecationWarnings = true;
if (process.env.TZ === 'UTC') console.log('node', process.version, ...['moment', 'date-fns', 'chrono-node', '@internationalized/date', 'any-date-parser', 'luxon', 'dayjs'].map((n) => `${n} ${JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version}`));
console.log(`TZ=${process.env.TZ}`);
const iso = (d) => Number.isNaN(+d) ? 'refused' : new Date(+d).toISOString().replace('.000', ''), blank = '2026-11-29 22:00:00 +0200', six = '2026-11-29T22:00:00.123456+02:00';
const readers = { 'moment()': moment, 'moment.utc()': moment.utc, 'parseJSON()': parseJSON, 'parseISO()': parseISO, 'chrono parseDate()': (t) => chrono.parseDate(t) ?? NaN,
  'parseAbsolute()': (t) => { try { return parseAbsolute(t, 'UTC').toDate(); } catch { return NaN; } }, 'any-date-parser': (t) => (any.default ?? any).fromString(t), luxon: (t) => DateTime.fromISO(t), dayjs };
const away = process.env.TZ === 'America/New_York', local = away ? '2026-11-30T03:00:00Z' : '2026-11-29T22:00:00Z', shifted = (iso) => new Date(+new Date(iso) + (away ? 5 : 0) * 3600000);
const cases = [[blank, { 'moment.utc()': '2026-11-29T22:00:00Z', 'parseJSON()': '2026-11-29T22:00:00Z' }], [six, { 'chrono parseDate()': local }], ['2026-11-29T22:00:00.123456Z', { 'chrono parseDate()': local }],
  ['2026-11-29T22:00:00.123+02:00', {}], ['2026-11-29T22:00:00Z', {}], ['2026-11-29T22:00:00-05:00', {}], ['2026-11-29T22:00:00+05:30', {}],
  ['2026-11-29T22:00:00-03:30', { 'parseAbsolute()': '2026-11-30T00:30:00Z' }]];
const refuses = { [blank]: ['parseISO()', 'parseAbsolute()', 'luxon'] };
for (const [text, wrong] of cases) {
  const right = iso(new Date(text)), said = [];
  for (const [name, read] of Object.entries(readers)) {
    const now = iso(read(text)), wanted = wrong[name] ?? (refuses[text]?.includes(name) ? 'refused' : name === 'any-date-parser' ? iso(shifted(right)) : right);
    if (now !== right) said.push(`${name} ${now}`);
    if (now !== wanted) { process.exitCode = 1; said.push(`CHANGED: ${name} ${now}, expected ${wanted}`); }
  }
  console.log(`   ${text.padEnd(33)} is ${right}; ${said.length ? said.join(', ') : 'all nine right'}`);
}
E2
for zone in UTC America/New_York; do TZ=$zone timeout 40 node t.mjs; done
