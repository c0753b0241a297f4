#!/usr/bin/env bash
# Expected: a text for a length of time with units ("1m30s", "523.4µs", "-5m", as Go, Prometheus and many logs and webhooks write them) is read as that length, or
#   refused, as a library for such texts does for what it does not know.
# Happens: timestring 7.0.0 drops letters that it does not know, and signs: "523.4µs" is 523 seconds, a thousand times a
#   thousand more, "-5m" is plus five minutes; "523us" it refuses. enhanced-ms 5.0.0 makes plus 90 seconds of "-1m30s", and five hours of ".5h".
#   @sapphire/duration 1.2.0 and parse-duration-ms 0.1.0 make minus 30 seconds of "-1m30s": the sign is the first unit's alone. duration-js 4.0.0 has zero for
#   "523.4µs". parse-duration 2.1.9 is right about these. "1m30s", "2h45m0s", "1.5h" and "300ms" are right in all six. No error.
# Means: the fast calls of a Go service are its slowest on the page, "how far is the clock off" has no sign, and a window that should open 90 seconds before
#   opens half a minute before, or after. Write numbers with one unit, and try "µs", a sign and two units before taking a library. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts timestring@7.0.0 enhanced-ms@5.0.0 @sapphire/duration@1.2.0 parse-duration-ms@0.1.0 duration-js@4.0.0 parse-duration@2.1.9
cat > t.mjs <<'E2'
import { createRequire } from 'node:module'; import { readFileSync } from 'node:fs'; import * as enhanced from 'enhanced-ms'; import parse from 'parse-duration'; import * as small from 'parse-duration-ms';
const require = createRequire(import.meta.url), timestring = require('timestring'), { Duration } = require('@sapphire/duration'), Js = require('duration-js');
console.log('node', process.version, ...['timestring', 'enhanced-ms', '@sapphire/duration', 'parse-duration-ms', 'duration-js', 'parse-duration'].map((n) => `${n} ${JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version}`));
const T = 'timestring', E = 'enhanced-ms', S = '@sapphire/duration', M = 'parse-duration-ms', D = 'duration-js', none = 'refused';
const read = { [T]: (t) => timestring(t, 'ms'), [E]: enhanced.parse ?? enhanced.ms, [S]: (t) => new Duration(t).offset, [M]: small.parseDuration ?? small.default, [D]: (t) => new Js(t).milliseconds(), 'parse-duration': parse };
const cases = [['1m30s', 90000, {}], ['2h45m0s', 9900000, {}], ['1.5h', 5400000, {}], ['300ms', 300, {}],
  ['523.4µs', 0.5234, { [T]: 523400, [E]: none, [S]: none, [M]: none, [D]: 0 }], ['523us', 0.523, { [T]: none, [E]: none, [M]: none, [D]: 0 }],
  ['-5m', -300000, { [T]: 300000, [E]: 300000 }], ['-1m30s', -90000, { [T]: 90000, [E]: 90000, [S]: -30000, [M]: -30000 }], ['.5h', 1800000, { [E]: 18000000 }]];
for (const [text, right, wrong] of cases) {
  const said = [];
  for (const [name, f] of Object.entries(read)) {
    let now; try { now = f(text); } catch { now = none; } if (now == null || Number.isNaN(now)) now = none; if (typeof now === 'number') now = Number(now.toPrecision(9));
    if (now !== right) said.push(`${name} ${now}`);
    if (now !== (wrong[name] ?? right)) { process.exitCode = 1; said.push(`CHANGED: expected ${wrong[name] ?? right}`); }
  }
  console.log(`${text.padEnd(8)} is ${right} ms: ${said.join(', ') || 'all six right'}`);
}
E2
timeout 60 node t.mjs
