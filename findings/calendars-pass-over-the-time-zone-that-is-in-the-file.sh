#!/usr/bin/env bash
# Expected: an iCalendar file of a booking defines each time zone it uses (VTIMEZONE: the offsets, and when summer time begins and ends), so that 10:00 is the same
#   moment for whoever reads it, whatever the zone is called. Outlook, Exchange, Evolution and Thunderbird have names of their own, and a company may.
# Happens: of the same definition of Berlin under six names the Python package ics 0.7.3 knows "Europe/Berlin" alone: each appointment of Outlook is read as UTC, two
#   hours off in summer. node-ical 0.27.2 looks into the file for some names of Microsoft and takes the zone OF THE SERVER for the rest; ical-expander 3.2.0 does so
#   for all that are not in a list of its own, though its readme says that the list is for files without a definition. No error. icalendar 7.3.0, icalevents 0.3.1,
#   ts-ics 2.4.6 and ical.js 2.2.1 (with the zones of the file registered) are right.
# Means: reminders for customers of one mail program go out hours early or late, by as much as the server is from their zone. Read with icalendar, ts-ics or ical.js,
#   or refuse a name that is no IANA zone. (Python 3.11, Node.js 20; reported upstream for ics, and for node-ical in part)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts node-ical@0.27.2 ical-expander@3.2.0 ts-ics@2.4.6 ical.js@2.2.1 zod@4.1.12
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check ics==0.7.3 icalendar==7.3.0 icalevents==0.3.1
cat > t.py <<'E2'
import datetime as dt, json, sys, warnings
warnings.simplefilter("ignore")
import icalendar, icalevents.icalevents, ics
from importlib.metadata import version
names = ["Europe/Berlin", "W. Europe Standard Time", "Customized Time Zone", "/freeassociation.sourceforge.net/Europe/Berlin",
    "/mozilla.org/20070129_1/Europe/Berlin", "Berlin Office"]
part = lambda kind, start, before, after, month: [f"BEGIN:{kind}", f"DTSTART:{start}", f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}", f"RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH={month}", f"END:{kind}"]
lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//test//EN"]
for n in names:
    lines += ["BEGIN:VTIMEZONE", "TZID:" + n, *part("STANDARD", "19701025T030000", "+0200", "+0100", 10), *part("DAYLIGHT", "19700329T020000", "+0100", "+0200", 3), "END:VTIMEZONE"]
for i, n in enumerate(names):
    lines += ["BEGIN:VEVENT", f"UID:{i}", "DTSTAMP:20260101T000000Z", f"SUMMARY:{i}", f"DTSTART;TZID={n}:20260710T100000", f"DTEND;TZID={n}:20260710T110000", "END:VEVENT"]
text = "\r\n".join([*lines, "END:VCALENDAR", ""]); open("a.ics", "w", newline="").write(text); json.dump(names, open("names.json", "w"))
hour = lambda d: d.astimezone(dt.timezone.utc).strftime("%H")
got = {"icalendar": {e["UID"]: hour(e["DTSTART"].dt) for e in icalendar.Calendar.from_ical(text).walk("VEVENT")},
    "icalevents": {e.uid: hour(e.start) for e in icalevents.icalevents.events(string_content=text, start=dt.date(2026, 7, 1), end=dt.date(2026, 7, 20))},
    "ics": {e.uid: hour(e.begin.datetime) for e in ics.Calendar(text).events}}
print("Python", sys.version.split()[0], *(f"{n} {version(n)}" for n in got))
wanted = {"icalendar": ["08"] * 6, "icalevents": ["08"] * 6, "ics": ["08"] + ["10"] * 5}
changed = False
for lib, hours in got.items():
    now = [hours.get(str(i), "--") for i in range(6)]; changed |= now != wanted[lib]
    print(f"  {lib}: 10:00 of Berlin in July under six names is in UTC, hour {' '.join(now)}{'' if now == wanted[lib] else '   CHANGED'}")
sys.exit(1 if changed else 0)
E2
cat > t.mjs <<'E2'
import ICAL from 'ical.js'; import nodeIcal from 'node-ical'; import Expander from 'ical-expander'; import { convertIcsCalendar } from 'ts-ics'; import { readFileSync } from 'node:fs';
const libs = ['ical.js', 'node-ical', 'ical-expander', 'ts-ics'], text = readFileSync('a.ics', 'utf8'), names = JSON.parse(readFileSync('names.json'));
console.log('node', process.version, ...libs.map((n) => `${n} ${JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version}`), 'on a server in', Intl.DateTimeFormat().resolvedOptions().timeZone);
const read = {
  'ical.js': () => { const c = new ICAL.Component(ICAL.parse(text)); for (const z of c.getAllSubcomponents('vtimezone')) ICAL.TimezoneService.register(new ICAL.Timezone(z));
    return c.getAllSubcomponents('vevent').map((v) => new ICAL.Event(v)).map((e) => [e.uid, e.startDate.toJSDate()]); },
  'node-ical': () => Object.values(nodeIcal.sync.parseICS(text)).filter((e) => e.type === 'VEVENT').map((e) => [e.uid, e.start]),
  'ical-expander': () => new Expander({ ics: text }).between(new Date('2026-07-01'), new Date('2026-07-20')).events.map((e) => [e.uid, e.startDate.toJSDate()]),
  'ts-ics': () => convertIcsCalendar(undefined, text).events.map((e) => [e.uid, e.start.date]),
};
const server = { 'America/New_York': '14', UTC: '10' }[process.env.TZ], own = (...places) => names.map((n, i) => (places.includes(i) ? server : '08')).join(' ');
const wanted = { 'ical.js': own(), 'node-ical': own(3, 4, 5), 'ical-expander': own(2, 3, 4, 5), 'ts-ics': own() };
for (const lib of libs) {
  const found = Object.fromEntries(read[lib]().map(([uid, date]) => [uid, date.toISOString().slice(11, 13)])), now = names.map((n, i) => found[i] ?? '--').join(' ');
  const wrong = names.filter((n, i) => found[i] !== '08'); if (now !== wanted[lib]) process.exitCode = 1;
  console.log(`  ${lib}: hour ${now}${wrong.length ? `, wrong: ${wrong.map((n) => `"${n}"`).join(' ')}` : ''}${now === wanted[lib] ? '' : `   CHANGED, expected ${wanted[lib]}`}`);
}
E2
status=0; timeout 60 v/bin/python t.py || status=1
for zone in America/New_York UTC; do TZ=$zone timeout 60 node t.mjs || status=1; done; exit $status
