#!/usr/bin/env bash
# Expected: spacetime reads the offset of an ISO time, which its readme shows, all the more the one that it wrote itself; add(1.5, 'hours') is an hour and a half, or is refused, and
#   nearest('day'), nearest('year') are what their names say.
# Happens: spacetime 7.15.0 leaves out the minutes of an offset that are not 30: 22:00:00+05:45 (Nepal) is 17:00 UTC, 45 minutes late, and so with +08:45 and
#   +12:45; of +0545 it takes nothing, 22:00 UTC. format('iso') of a time in Asia/Kathmandu writes +05:45, which it reads back as another moment. add() cuts
#   fractions: 1.5 hours are one, 0.5 hours and 0.5 minutes nothing, -1.5 hours are -2; 1.5 weeks and 1.5 seconds are right; "2" days, as text, are 281. A quarter of a day makes
#   the time invalid, and that is before all others. nearest('day') does nothing, and nearest('year') of the last evening of 2026 is 2028. No error. luxon 3.7.2 is
#   right about offsets and fractions.
# Means: events of one country are 45 minutes off, and a time that is stored and read again changes; "try again in half an hour" is at once, again and again. Read with Date or
#   Temporal, and give add() whole minutes or seconds. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts spacetime@7.15.0 luxon@3.7.2
cat > t.mjs <<'E'
import { DateTime } from 'luxon'; import { readFileSync } from 'node:fs'; import spacetime from 'spacetime';
const installed = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`;
console.log('node', process.version, installed('spacetime'), installed('luxon'));
const check = (what, seen, wanted) => { const same = JSON.stringify(seen) === JSON.stringify(wanted); if (!same) process.exitCode = 1; console.log(`${what}: ${JSON.stringify(seen)}${same ? '' : `   CHANGED: expected ${JSON.stringify(wanted)}`}`); };
const minutes = (text, read) => (read(text) - Date.parse(text.replace(/(\d\d)(\d\d)$/, '$1:$2'))) / 60000, by = { spacetime: (text) => spacetime(text).epoch, luxon: (text) => DateTime.fromISO(text).toMillis() };
for (const [offset, wanted] of [['+05:30', 0], ['-03:30', 0], ['+02:00', 0], ['+05:45', 45], ['+08:45', 45], ['+12:45', 45], ['+0530', 0], ['+0545', 345]]) {
  const text = `2026-11-29T22:00:00${offset}`; check(`minutes that ${text} is late: spacetime, luxon`, [minutes(text, by.spacetime), minutes(text, by.luxon)], [wanted, 0]);
}
const at = '2026-11-29T16:15:00Z', kathmandu = spacetime(at).goto('Asia/Kathmandu'), written = kathmandu.format('iso');
check('in Kathmandu, written by spacetime', written, '2026-11-29T22:00:00.000+05:45'); check('   read again: minutes late', (spacetime(written).epoch - Date.parse(at)) / 60000, 45);
check('   the same with Asia/Kolkata', (spacetime(spacetime(at).goto('Asia/Kolkata').format('iso')).epoch - Date.parse(at)) / 60000, 0);
const from = spacetime('2026-01-31T10:00:00Z'), start = DateTime.fromISO('2026-01-31T10:00:00Z', { zone: 'utc' });
for (const [n, unit, wanted, right] of [[1, 'hours', 60, 60], [90, 'minutes', 90, 90], [1.5, 'hours', 60, 90], [0.5, 'hours', 0, 30], [-1.5, 'hours', -120, -90], [0.5, 'minutes', 0, 0.5], [1.5, 'days', 1440, 2160], [1.5, 'weeks', 15120, 15120], [1.5, 'seconds', 0.025, 0.025]])
  check(`minutes by add(${n}, '${unit}'): spacetime, luxon`, [(from.add(n, unit).epoch - from.epoch) / 60000, (start.plus({ [unit]: n }) - start) / 60000], [wanted, right]);
check("days by add('2', 'days')", (from.add('2', 'days').epoch - from.epoch) / 86400000, 281); check('   add(2)', (from.add(2, 'days').epoch - from.epoch) / 86400000, 2);
const quarter = from.add(0.25, 'day'); check("add(0.25, 'day'): valid, epoch, before the year 2000", [quarter.isValid(), quarter.epoch, quarter.isBefore(spacetime('2000-01-01T00:00:00Z'))], [false, null, true]);
const evening = spacetime('2026-12-31T23:45:00Z');
check("nearest('hour'), ('day'), ('month'), ('year') of 2026-12-31T23:45:00Z", ['hour', 'day', 'month', 'year'].map((unit) => evening.nearest(unit).format('iso').slice(0, 16)), ['2027-01-01T00:00', '2026-12-31T23:45', '2027-01-01T00:00', '2028-01-01T00:00']);
E
TZ=UTC timeout 60 node t.mjs
