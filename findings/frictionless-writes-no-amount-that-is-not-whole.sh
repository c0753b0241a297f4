#!/usr/bin/env bash
# Expected: frictionless (the data toolkit of Frictionless Data / Open Knowledge) reads a CSV file of events, works out the types, and write() puts the same rows
#   into another file or table, or raises: field_confidence (0.9) is how sure it is to be of a type, and each of the first hundred rows has its say in it.
# Happens: frictionless 5.21.0 gives a column the type that 90 % of the sampled rows fit (field_confidence), and write() of a row that does not fit leaves the
#   field empty, with no error and no warning: of 20 amounts of which one is 19.99 and the others whole, the 19.99 is gone in CSV, JSON
#   lines and SQLite, and so is the id "evt_20" behind 19 ids of digits. Each time loses its fraction on the way into CSV and JSON lines
#   (10:00:20.250+02:00 is 10:00:20+0200; SQLite keeps it), in SQLite times with an offset are UTC, and 0012 is 12. With two of 20 both are
#   gone, with three all is right. validate() does report the fields.
# Means: a conversion of an export drops the amounts with cents where they are rare, and two events of one second have one time. validate() before each write()
#   and stop if it is not valid; Detector(field_type="string") or a schema of your own; Detector(field_confidence=1).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check "frictionless[sql,json]==5.21.0"
cat > t.py <<'E'
import csv, json, os, sqlite3, sys, warnings
warnings.filterwarnings("ignore")
from importlib.metadata import version
from frictionless import Detector, Resource, formats, validate
failed = False
def check(name, got, wanted):
    global failed; print(f"  {name:<52} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def file(cents):                                                      # 20 events, the last of them with cents and another kind of id
    with open("in.csv", "w") as out:
        out.write("id,amount,at,code\n")
        for i in range(1, 21): rare = i > 20 - cents; out.write(f"{'evt_' if rare else ''}{i},{'19.99' if rare else 5},2026-06-01T10:00:{i:02}.250+02:00,{i:04}\n")
    return Resource("in.csv")
print("frictionless", version("frictionless"), "Python", sys.version.split()[0])
file(1).write("out.csv"); check("in.csv, last line", open("in.csv").read().split()[-1], "evt_20,19.99,2026-06-01T10:00:20.250+02:00,0020")
check("write() to CSV, last line", open("out.csv").read().split()[-1], ",,2026-06-01T10:00:20+0200,20")
file(1).write("out.jsonl"); check("write() to JSON lines, last line", json.loads(open("out.jsonl").read().split("\n")[-2]), [None, None, "2026-06-01T10:00:20+0200", 20])
file(1).write("sqlite:///out.db", control=formats.SqlControl(table="events")); stored = sqlite3.connect("out.db").execute("SELECT * FROM events").fetchall()
check("write() to SQLite, last row", stored[-1], (None, None, "2026-06-01 08:00:20.250000", 20))
check("validate()", [error.type for task in validate(file(1)).tasks for error in task.errors], ["type-error", "type-error"])
def sum_written(**options):
    if os.path.exists("out.csv"): os.remove("out.csv")
    Resource("in.csv", **options).write("out.csv"); return round(sum(float(row["amount"] or 0) for row in csv.DictReader(open("out.csv"))), 2)
for cents, wanted in ((2, 90.0), (3, 144.97)):
    file(cents); check(f"{cents} of 20 with cents: sum written (in.csv: {5 * (20 - cents) + 19.99 * cents:.2f})", sum_written(), wanted)
file(1); check("1 of 20, field_confidence=1", sum_written(detector=Detector(field_confidence=1)), 114.99)
check("1 of 20, field_type=string", (sum_written(detector=Detector(field_type="string")), open("out.csv").read().split()[-1]), (114.99, "evt_20,19.99,2026-06-01T10:00:20.250+02:00,0020"))
sys.exit(failed)
E
timeout 80 v/bin/python t.py
