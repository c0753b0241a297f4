#!/usr/bin/env bash
# Expected: timeParse() and utcParse() of d3-time-format read what timeFormat() and utcFormat() wrote with the same pattern, and '%G-W%V-%u' is the day of an ISO week, as it is for strptime
#   of Python and of C, which d3 names as its model: 2026-W48-7 is Sunday, the 29th of November.
# Happens: d3-time-format 4.1.1 takes %V and %u, and leaves the day of the week out: each date is the Monday of its week,
#   2026-W48-7 the 23rd. Of 2,557 days from 2020 to 2026, written and read again, 2,192 are others, up to six days early, and with %H:%M behind, the time of day is right on the
#   wrong day. No error, and not null (as for a week 54 or a letter for the day). %u with %W, and %V with %w, %a or %A instead of %u, are right.
#   dayjs 1.11.23 with customParseFormat and isoWeek makes today of each such date, unless strict; luxon 3.7.2 and date-fns 4.4.0 are right.
# Means: due dates, deliveries and shifts that an ERP or a planning system hands on as 2026-W48-5 fall on Monday: reminders go out days early, a week's amounts stand in one day's bar, and
#   keys of days (one sum per day) run together. Tests with a Monday pass. Read such dates by hand, or change %u into %w (7 is 0 there). (Node.js 20; reported
#   upstream)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts d3-time-format@4.1.1 dayjs@1.11.23 luxon@3.7.2 date-fns@4.4.0
cat > t.mjs <<'E'
import { timeFormat, timeParse, utcFormat, utcParse } from 'd3-time-format'; import { parse } from 'date-fns'; import dayjs from 'dayjs'; import customParseFormat from 'dayjs/plugin/customParseFormat.js'; import isoWeek from 'dayjs/plugin/isoWeek.js'; import { DateTime } from 'luxon';
import { execFileSync } from 'node:child_process'; import { readFileSync } from 'node:fs';
const installed = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`;
console.log('node', process.version, ...['d3-time-format', 'dayjs', 'luxon', 'date-fns'].map(installed));
const check = (what, seen, wanted) => { const same = JSON.stringify(seen) === JSON.stringify(wanted); if (!same) process.exitCode = 1; console.log(`${what}: ${JSON.stringify(seen)}${same ? '' : `   CHANGED: expected ${JSON.stringify(wanted)}`}`); };
const day = (date) => (date === null ? null : date.toISOString().slice(0, 10)), iso = '%G-W%V-%u', week = ['2026-W48-1', '2026-W48-3', '2026-W48-7', '2026-W01-4', '2027-W01-5'];
const python = JSON.parse(execFileSync('python3', ['-c', `import datetime, json, sys; print(json.dumps([str(datetime.datetime.strptime(text, "${iso}").date()) for text in sys.argv[1:]]))`, ...week]));
check('Python reads', python, ['2026-11-23', '2026-11-25', '2026-11-29', '2026-01-01', '2027-01-08']);
const mondays = ['2026-11-23', '2026-11-23', '2026-11-23', '2025-12-29', '2027-01-04'];
check('d3 writes these days', python.map((text) => utcFormat(iso)(new Date(text))), week);
check('   and reads them, utcParse', week.map((text) => day(utcParse(iso)(text))), mondays);
check('   timeParse (TZ is UTC)', week.map((text) => day(timeParse(iso)(text))), mondays);
check('   with a time of day', utcParse(`${iso}T%H:%M:%SZ`)('2026-W48-7T22:00:00Z'), '2026-11-23T22:00:00.000Z');
check('   a week 54, a letter for the day', ['2026-W54-1', '2026-W48-x'].map((text) => day(utcParse(iso)(text))), [null, null]);
const days = Array.from({ length: 2557 }, (_, n) => new Date(Date.UTC(2020, 0, 1 + n)));
const moved = (pattern, format = utcFormat, parse = utcParse) => days.map((date) => (parse(pattern)(format(pattern)(date)) - date) / 86400000);
const count = (differences) => [differences.filter((difference) => difference !== 0).length, Math.min(...differences), Math.max(...differences)];
check('of 2,557 days, written and read again: others, least and most days off', count(moved(iso)), [2192, -6, 0]); check('   timeFormat and timeParse', count(moved(iso, timeFormat, timeParse)), [2192, -6, 0]);
for (const pattern of ['%G-W%V-%w', '%G-W%V-%a', '%G-W%V-%A', '%Y-W%W-%u', '%Y-%j', '%Y-%m-%d']) check(`   with ${pattern}`, count(moved(pattern)), [0, 0, 0]);
check('days of a week as keys', new Set(days.slice(5, 12).map((date) => day(utcParse(iso)(utcFormat(iso)(date))))).size, 1);
check('with %w, from %u by hand', day(utcParse('%G-W%V-%w')('2026-W48-7'.replace(/7$/, '0'))), '2026-11-29');
check('luxon', week.map((text) => DateTime.fromFormat(text, "kkkk-'W'WW-c").toISODate()), python); check('date-fns', week.map((text) => day(parse(text, "RRRR-'W'II-i", new Date(0)))), python);
dayjs.extend(customParseFormat); dayjs.extend(isoWeek); const [before, read, after] = [day(new Date()), week.map((text) => dayjs(text, 'GGGG-[W]WW-E').format('YYYY-MM-DD')), day(new Date())];
check('dayjs: today, each', read.every((text) => text === before || text === after), true); check('   strict: valid', dayjs(week[0], 'GGGG-[W]WW-E', true).isValid(), false);
E
TZ=UTC timeout 60 node t.mjs
