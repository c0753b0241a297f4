#!/usr/bin/env bash
# Expected: a library that makes milliseconds of "30 minutes" (a time-out, a time to live, a delay between tries, from a setting or a form) makes NaN or undefined of what it does not know, as ms and
#   @lukeed/ms do for "1h30m" and "1:30"; its readme compares itty-time with these two. "30 min", "1 hr" and "1 Hour" are right for both.
# Happens: itty-time 2.0.2 takes a unit that it does not know for milliseconds: "30 min" is 30 ms, "1 hr" and "1 Hour" 1 ms, "30 secs" 30 ms ("30 minutes", "1 hour" are right; "30min" without a
#   blank is NaN). to-time 1.0.2 keeps the last unit before a number with no blank: "1h30m" is one minute, "1d12h" one hour. parse-duration 2.1.9 takes a comma out (its readme has "27,681"), "1,5h" is
#   15 hours, and adds up numbers without a unit on both sides of a colon: "01:30:00" is 1.03 ms; so does juration 0.1.1, with 31 seconds, and "1,5h" is five hours and a second. Each is right about
#   "1.5 hours" or "90 minutes".
# Means: a session ends at once, a retry waits 30 ms in place of half an hour and asks a thousand times, an event is remembered for a minute. Numbers in settings, with the unit in the name
#   (retryDelayMs), or one form of text, checked at the start by a regular expression. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts itty-time@2.0.2 to-time@1.0.2 parse-duration@2.1.9 juration@0.1.1 ms@2.1.3 @lukeed/ms@2.0.2
cat > t.mjs <<'E'
import { readFileSync } from 'node:fs'; import { isDeepStrictEqual } from 'node:util'; import ms from 'ms'; import { parse as lukeed } from '@lukeed/ms'; import { ms as itty } from 'itty-time'; import toTime from 'to-time'; import parseDuration from 'parse-duration'; import juration from 'juration';
let failed = false; const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version, s = 1000, m = 60 * s, h = 60 * m;
const libraries = { 'itty-time': itty, 'to-time': (x) => toTime(x).ms(), 'parse-duration': parseDuration, juration: (x) => juration.parse(x) * 1000, ms, '@lukeed/ms': lukeed };
console.log('node', process.version);
const check = (name, wanted) => { const got = Object.fromEntries(Object.keys(wanted).map((x) => [x, libraries[name](x)])); console.log(`   ${name} ${version(name)}`, got); if (!isDeepStrictEqual(got, wanted)) { failed = true; console.log('      changed: expected', wanted); } };
check('itty-time', { '30 minutes': 30 * m, '1 hour': h, '30 min': 30, '1 hr': 1, '1 Hour': 1, '30 secs': 30, '30min': NaN });
check('to-time', { '1h': h, '1h 30m': 90 * m, '1h30m': m, '1d12h': h });
check('parse-duration', { '1h30m': 90 * m, '1.5 hours': 90 * m, '1,5h': 15 * h, '01:30:00': 1.03, '1:30': 1.03 });
check('juration', { '1h30m': 90 * m, '1.5 hours': 90 * m, '1,5h': 5 * h + s, '01:30:00': 31 * s, '1:30': 31 * s });
for (const name of ['ms', '@lukeed/ms']) check(name, { '30 min': 30 * m, '1 hr': h, '1 Hour': h, '30 secs': 30 * s, '1h30m': undefined, '1,5h': undefined, '1:30': undefined });
process.exit(failed ? 1 : 0);
E
timeout 30 node t.mjs
