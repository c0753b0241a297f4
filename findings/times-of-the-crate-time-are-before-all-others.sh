#!/usr/bin/env bash
# Expected: `#[serde(with = "time::serde::iso8601")]` of the crate time writes a time as other programs write ISO 8601, beginning with four digits of the year; to_string by
#   the same crate's Iso8601::DEFAULT does, and time::serde::rfc3339 does. Its documentation: "the well-known ISO 8601 format".
# Happens: time 0.3.55 writes "+002024-06-01T10:00:00.000000000Z" into the JSON: six digits of the year with a sign, which ISO 8601 allows only by agreement. JavaScript
#   reads it, so the page is right. In SQLite datetime() and julianday() of it are NULL and as a text it stands before '2024-01-01' (and before all times written by
#   others): "WHERE created_at < '2024-01-01'" finds all rows. Python 3, python-dateutil 2.9.0 and the crate chrono 0.4.45 refuse it; chrono-node 2.9.1 finds a
#   time zone in it, and reads: today.
# Means: a purge of old rows deletes what has come today, a queue ordered by the text runs new jobs first, and "order by created_at" has two orders in one table since the
#   writer was changed. In a query string the "+" becomes a blank. Take time::serde::rfc3339, or a format of your own with four digits.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v cargo >/dev/null || { echo "needs cargo"; exit 2; }
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts chrono-node@2.9.1
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check python-dateutil==2.9.0.post0
mkdir src; cat > Cargo.toml <<'E2'
[package]
name = "probe"
version = "0.0.0"
edition = "2021"
[dependencies]
time = { version = "=0.3.55", features = ["serde", "formatting", "parsing"] }
serde_json = "=1.0.154"
chrono = { version = "=0.4.45", default-features = false, features = ["alloc"] }
[profile.dev]
debug = 0
E2
cat > src/main.rs <<'E2'
use serde_json::{json, value::Serializer};
use time::{format_description::well_known::Iso8601, OffsetDateTime};
fn main() {
    let at = OffsetDateTime::from_unix_timestamp(1717236000).unwrap();
    // what #[serde(with = "time::serde::iso8601")] calls
    let (iso, rfc) = (time::serde::iso8601::serialize(&at, Serializer).unwrap(), time::serde::rfc3339::serialize(&at, Serializer).unwrap());
    let read = |text: &serde_json::Value| chrono::DateTime::parse_from_rfc3339(text.as_str().unwrap()).map_or("refused".to_string(), |t| t.to_rfc3339());
    println!("{}", json!({"iso": iso, "rfc": rfc, "plain": at.format(&Iso8601::DEFAULT).unwrap(), "chrono": format!("{}, {}", read(&iso), read(&rfc))}));
}
E2
CARGO_TARGET_DIR=$dir/target timeout 110 nice cargo run --quiet -j2 > event.json; cat event.json
cat > t.mjs <<'E2'
import { readFileSync } from 'node:fs'; import * as chrono from 'chrono-node';
const { iso, rfc } = JSON.parse(readFileSync('event.json', 'utf8')), read = (t, f) => { try { return f(t).toISOString(); } catch (e) { return 'refused'; } };
const found = chrono.parseDate(iso), days = Math.abs(found - Date.now()) / 86400000;
console.log(JSON.stringify({ 'new Date': [read(iso, (t) => new Date(t)), read(rfc, (t) => new Date(t))], 'chrono-node': [days < 3 ? 'about today' : found.toISOString(), read(rfc, chrono.parseDate)] }));
E2
node t.mjs > node.json
cat > t.py <<'E2'
import datetime, importlib.metadata, json, sqlite3, sys
from dateutil import parser
event, node = json.load(open("event.json")), json.load(open("node.json")); iso, rfc = event["iso"], event["rfc"]; failed = False
print("python", sys.version.split()[0], "dateutil", importlib.metadata.version("python-dateutil"), "SQLite", sqlite3.sqlite_version)
def read(f, t):
    try: return f(t).isoformat()
    except ValueError: return "refused"
def show(name, got, wanted):
    global failed
    print(f"{name:52} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
june, js = "2024-06-01T10:00:00+00:00", "2024-06-01T10:00:00.000Z"
show("time::serde::iso8601", iso, "+002024-06-01T10:00:00.000000000Z"); show("time::serde::rfc3339", rfc, "2024-06-01T10:00:00Z"); show("format(&Iso8601::DEFAULT)", event["plain"], "2024-06-01T10:00:00.000000000Z")
show("both, read by JavaScript's Date", node["new Date"], [js, js]); show("by chrono-node", node["chrono-node"], ["about today", js]); show("by the crate chrono", event["chrono"], "refused, " + june)
old = lambda t: datetime.datetime.fromisoformat(t.replace("Z", "+00:00").replace(".000000000", ""))
show("by Python's fromisoformat (without Z, to the second)", [read(old, iso), read(old, rfc)], ["refused", june]); show("by python-dateutil", [read(parser.parse, iso), read(parser.parse, rfc)], ["refused", june])
db = sqlite3.connect(":memory:"); db.execute("CREATE TABLE event (by TEXT, created_at TEXT)"); db.executemany("INSERT INTO event VALUES (?, ?)", [("iso8601", iso), ("rfc3339", rfc), ("other", "1999-01-01T00:00:00Z")])
ask = lambda q: db.execute(q).fetchall()
show("SQLite: datetime()", ask("SELECT by, datetime(created_at) FROM event WHERE by <> 'other'"), [("iso8601", None), ("rfc3339", "2024-06-01 10:00:00")])
show("SQLite: oldest first", ask("SELECT by FROM event ORDER BY created_at"), [("iso8601",), ("other",), ("rfc3339",)])
db.execute("DELETE FROM event WHERE created_at < '2024-01-01'"); show("SQLite: left after deleting what is before 2024", ask("SELECT by FROM event"), [("rfc3339",)])
sys.exit(failed)
E2
v/bin/python t.py
