#!/usr/bin/env bash
# Expected: DateTime.make() of Effect, and Schema.DateTimeUtcFromString that decodes by it, read a text as JavaScript's Date does, but for one without a zone, which is UTC whatever the
#   machine's zone (so they write it in the code). The date of a mail has an offset, and often its name in brackets behind it: "Mon, 01 Jun 2026 10:00:00 -0500 (CDT)" is 15:00 UTC.
# Happens: effect 4.1.0 does not see an offset that has something behind it, puts a Z at the end, and then the Z counts: 10:00 UTC, five hours early; with "+0200 (CEST)" two hours late. With
#   "+0200 (MESZ)" or "+1200 (NZST)" all is right, for there is a Z in the name, and with nothing behind the offset. "10:00 AM UTC+2" is 10:00 UTC. A date like "06-01-2026" is midnight in the
#   machine's zone, for "-2026" passes for an offset, where "06/01/2026" and "1 June 2026" are midnight UTC. No error: Option.some, and a decoded value. Date is right in all of these mails,
#   and so is Schema.DateFromString; luxon 3.7.2 as well.
# Means: the mails of one provider that come in by a webhook are hours off in both directions by the sender's zone, sort before what they answer, and pass an age check or not, while
#   a test with GMT, "+0000 (UTC)" or none sees nothing. Hand over new Date(text), or take " (CDT)" off first. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts effect@4.1.0 luxon@3.7.2
cat > t.mjs <<'E'
import { DateTime, Option, Schema } from 'effect'; import { DateTime as Luxon } from 'luxon'; import { readFileSync } from 'node:fs';
const version = (n) => `${n} ${JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version}`; let failed = false;
console.log('node', process.version, version('effect'), version('luxon'), 'TZ', process.env.TZ);
const effect = (text) => Option.match(DateTime.make(text), { onNone: () => 'none', onSome: DateTime.formatIso });
const schema = (text) => DateTime.formatIso(Schema.decodeUnknownSync(Schema.DateTimeUtcFromString)(text));
const check = (text, got, wanted) => { console.log(text.padEnd(48), got.join('  ')); if (String(got) !== String(wanted)) { failed = true; console.log('   changed: expected', wanted.join('  ')); } };
const short = (iso) => iso.slice(5, 16), mail = (text, right, wrong) => check(text,
  [new Date(text).toISOString(), Luxon.fromRFC2822(text).toUTC().toISO(), Schema.decodeUnknownSync(Schema.DateFromString)(text).toISOString(), effect(text), schema(text)].map(short), [right, right, right, wrong, wrong]);
console.log('text'.padEnd(48), ['Date', 'luxon', 'DateFromString', 'DateTime.make', 'DateTimeUtcFromString'].join('  '));
mail('Mon, 01 Jun 2026 10:00:00 -0500 (CDT)', '06-01T15:00', '06-01T10:00');
mail('Mon, 01 Jun 2026 10:00:00 -0700 (PDT)', '06-01T17:00', '06-01T10:00');
mail('Mon, 01 Jun 2026 10:00:00 +0200 (CEST)', '06-01T08:00', '06-01T10:00');
mail('Mon, 01 Jun 2026 10:00:00 +0530 (IST)', '06-01T04:30', '06-01T10:00');
mail('Mon, 01 Jun 2026 10:00:00 +0200 (MESZ)', '06-01T08:00', '06-01T08:00');
mail('Mon, 01 Jun 2026 10:00:00 +1200 (NZST)', '05-31T22:00', '05-31T22:00');
mail('Mon, 01 Jun 2026 10:00:00 +0000 (UTC)', '06-01T10:00', '06-01T10:00');
mail('Mon, 01 Jun 2026 10:00:00 -0500', '06-01T15:00', '06-01T15:00');
const two = (text, ...wanted) => check(text, [short(new Date(text).toISOString()), short(effect(text))], wanted);
console.log('text'.padEnd(48), 'Date  DateTime.make');
two('June 1, 2026 10:00 AM UTC+2', '06-01T08:00', '06-01T10:00');
two('06-01-2026', '06-01T04:00', '06-01T04:00');
two('06/01/2026', '06-01T04:00', '06-01T00:00');
two('1 June 2026', '06-01T04:00', '06-01T00:00');
check('DateTime.make(new Date("... -0500 (CDT)"))', [short(DateTime.formatIso(DateTime.makeUnsafe(new Date('Mon, 01 Jun 2026 10:00:00 -0500 (CDT)'))))], ['06-01T15:00']);
process.exit(failed ? 1 : 0);
E
TZ=America/New_York timeout 30 node t.mjs
