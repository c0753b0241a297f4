#!/usr/bin/env bash
# Expected: `vd -b events.db +:payments:: -o payments.csv`, VisiData's batch mode, "with no interface", converts a table of SQLite to CSV with the values that
#   the table has; disp_float_fmt is, by its name and in the man page, for what is shown. Into a new SQLite file numbers go as numbers.
# Happens: VisiData 3.4 writes each column that the table declares as REAL with two decimals into CSV and TSV: a fee of 0.0049 is "0.00", -0.004 is "-0.00", a
#   rate of 1.08455 is "1.08", 0.00012345 bitcoin is "0.00". The same table to JSON Lines or SQLite has every digit, and so has a CSV made of a JSON or an Excel
#   file or of DOUBLE and DECIMAL: there the columns have no type. But those are TEXT in a new SQLite file: the largest amount of 5, 9.5 and 1000
#   is 9.5. No word, exit code 0. (Its authors say of CSV that it is as shown, by design)
# Means: a nightly export for the accountant looks right as long as the amounts have two decimals, and has lost fees, rates and small coins. Call with
#   --disp-float-fmt='{}', write JSON Lines, or use sqlite3 -csv, and .backup or VACUUM INTO for a copy.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check visidata==3.4 openpyxl==3.1.5; export HOME=$dir TERM=xterm
cat > t.py <<'E'
import csv, json, sqlite3, subprocess, sys
from importlib.metadata import version
from pathlib import Path
import openpyxl
print("VisiData", version("visidata"), "Python", sys.version.split()[0], "SQLite", sqlite3.sqlite_version); failed = False
names = ["id", "fee", "rate", "coins", "exact", "amount"]
rows = [["evt_1", 0.0049, 1.08455, 0.00012345, 1.2345, 5], ["evt_2", -0.004, 0.00031, 12.5, 0.0001, 9.5], ["evt_3", 1.5, 2.25, 3.75, 4.125, 1000]]
db = sqlite3.connect("events.db"); db.execute("CREATE TABLE payments (id TEXT PRIMARY KEY, fee REAL, rate REAL, coins REAL, exact DOUBLE, amount DECIMAL(10, 2))")
db.executemany("INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?)", rows); db.commit(); db.close()
Path("events.jsonl").write_text("".join(json.dumps(dict(zip(names, row))) + "\n" for row in rows))
book = openpyxl.Workbook(); book.active.title = "payments"
for row in [names, *rows]: book.active.append(row)
book.save("events.xlsx")
def export(source, target, *options):
    done = subprocess.run(["v/bin/vd", "-N", "-b", *options, *source.split(), "-o", target], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    words = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith(("saul.pw", "opening", "saving"))]
    if words: print("   said:", words)
    if target.endswith("jsonl"): return [list(json.loads(line).values()) for line in open(target)]
    return list(csv.reader(open(target), delimiter="\t" if target.endswith("tsv") else ","))[1:]
def check(what, got, wanted):
    global failed
    print(f"{what:58} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
cut = [["evt_1", "0.00", "1.08", "0.00", "1.2345", "5"], ["evt_2", "-0.00", "0.00", "12.50", "0.0001", "9.5"], ["evt_3", "1.50", "2.25", "3.75", "4.125", "1000"]]
text = [[str(value) for value in row] for row in rows]
check("SQLite to CSV", export("events.db +:payments::", "a.csv"), cut)
check("SQLite to TSV", export("events.db +:payments::", "a.tsv"), cut)
check("SQLite to JSON Lines", export("events.db +:payments::", "a.jsonl"), rows)
check("SQLite to CSV, --disp-float-fmt={}", export("events.db +:payments::", "b.csv", "--disp-float-fmt={}"), text)
check("JSON Lines to CSV", export("events.jsonl", "c.csv"), text)
check("Excel to CSV", export("events.xlsx +:payments::", "d.csv"), text)
subprocess.run(["v/bin/vd", "-N", "-b", "events.db", "+:payments::", "-o", "copy.sqlite"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
for name, fee, amount in [("events.db", "real", 1000), ("copy.sqlite", "real", "9.5")]:
    db = sqlite3.connect(name); check(f"{name}: type of fee, largest amount", db.execute("SELECT typeof(fee), max(amount) FROM payments").fetchone(), (fee, amount))
    check(f"   sum of the fees", db.execute("SELECT round(sum(fee), 4) FROM payments").fetchone(), (1.5009,))
sys.exit(failed)
E
timeout 110 v/bin/python t.py
