#!/usr/bin/env bash
# Expected: twig (npm, Twig.js: the language of Twig in JavaScript, a subset of it, by its readme) fills in a mail or a page as Twig does: {{ at|date('H:i', 'America/New_York') }} is the clock of New York, T in
#   the format is the zone of the clock that was written, sort puts numbers in order and leaves the list of the program as it is, first is the first value of an object, and -0.5 with
#   number_format is -1. What it can't do it refuses: date('e'), date(timezone='UTC') and arrow functions raise.
# Happens: twig 2.0.0 takes the second argument of date and does not look at it, whatever is in it: the time is that of the machine's zone, also for 'UTC', 'Asia/Tokyo' and 'No/Where'. T writes "UTC" in
#   every zone: on a machine in Berlin 23:30Z is "01:30 UTC". sort goes by letters (1 10 100 9), and sorts the program's own list, which stays so after the mail. first of an object is empty.
#   number_format cuts what is negative otherwise than PHP: -1234.565 is -1,234.56, and round of it -1234.57. No error, nothing logged.
# Means: an appointment or a deadline is hours off in the mail, with a zone beside it that is not the one; the dearest of the orders is 9; amounts and names that were in the same order in two lists are
#   not any more. Format times before (Intl.DateTimeFormat with timeZone), and give sorted copies.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
export TZ=Europe/Berlin; cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts twig@2.0.0
cat > t.cjs <<'E'
const assert = require('assert'), fs = require('fs'), { twig } = require('twig'); const logged = [];
for (const name of ['log', 'warn', 'error']) { const said = console[name]; console[name] = (...args) => { if (name === 'log') said(...args); else logged.push(args); }; }
console.log('Node.js', process.version, 'twig', JSON.parse(fs.readFileSync('node_modules/twig/package.json')).version, 'TZ', process.env.TZ);
const fill = (data, context) => twig({ data, rethrow: true }).render(context);
const check = (data, context, wanted) => { const got = fill(data, context); console.log(data.padEnd(58), got); assert.strictEqual(got, wanted); };
const at = '2026-07-02T23:30:00Z', intl = (timeZone) => new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }).format(new Date(at));
check("{{ at|date('Y-m-d H:i') }}", { at }, '2026-07-03 01:30');
for (const [zone, right] of [['America/New_York', '2026-07-02 19:30'], ['UTC', '2026-07-02 23:30'], ['Asia/Tokyo', '2026-07-03 08:30']]) {
  assert.strictEqual(intl(zone), right); check(`{{ at|date('Y-m-d H:i', '${zone}') }}`, { at }, '2026-07-03 01:30');
}
check("{{ at|date('Y-m-d H:i', 'No/Where') }}", { at }, '2026-07-03 01:30');
check("{{ date(at, 'UTC')|date('H:i') }}", { at }, '01:30');
check("{{ at|date('H:i T') }}, {{ at|date('H:i O') }}", { at }, '01:30 UTC, 01:30 +0200');
const amounts = [9, 10, 100, 1];
check("{{ amounts|sort|join(' ') }}", { amounts }, '1 10 100 9'); check('{{ amounts|sort|last }}', { amounts }, '9');
console.log('the list of the program afterwards'.padEnd(58), amounts); assert.deepStrictEqual(amounts, [1, 10, 100, 9]);
check('{{ max(amounts) }}', { amounts }, '100');
check('({{ order|first }}) {{ order|last }}', { order: { id: 'o1', total: 5 } }, '() 5');
check('{{ n|number_format(2) }} {{ n|round(2) }} {{ m|number_format(2) }}', { n: -1234.565, m: 1234.565 }, '-1,234.56 -1234.57 1,234.57');
check('{{ n|number_format }} {{ m|number_format }}', { n: -0.5, m: 0.5 }, '0 1');
for (const data of ["{{ at|date('H:i e') }}", "{{ at|date(timezone='UTC') }}", '{{ [2, 1]|sort((a, b) => a - b) }}']) assert.throws(() => fill(data, { at }));
if (logged.length > 2) console.log('lines of the three that raised:', logged.length);
E
timeout 150 node t.cjs
