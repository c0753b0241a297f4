#!/usr/bin/env bash
# Expected: a sheet with dates and times that openpyxl (or Excel) wrote has the same times as CSV: openpyxl's format for a datetime is "yyyy-mm-dd h:mm:ss", in which
#   h is the hour of 0 to 23, as long as no AM/PM follows. xlsx2csv is the converter that Debian has as well, and an engine of polars' read_excel.
# Happens: xlsx2csv 0.8.6 reads h as the hour of a 12-hour clock, and AM/PM does not follow: 2026-01-01 13:30:15 is 2026-01-01 01:30:15, 00:05 is 12:05, and an event five
#   minutes after midnight has the same text as one five minutes after noon. So with openpyxl 3.1.5, and with Excel's own format for a date with a time (m/d/yy h:mm,
#   number 22). Moreover each tenth second of a day comes out one second early (09:30:15 as 09:30:14), also of those that pandas 3.1.1 writes with hh, which are right
#   apart from that; and numbers have six digits after the point: a rate of 0.0000125 is 0.000013, 0.0000004 is 0. polars 2.1.0 with engine="xlsx2csv" shows the same
#   columns. openpyxl itself, csvkit's in2csv 2.2.0 and polars with openpyxl are right.
# Means: a report that another job reads again has each event of the afternoon in the morning, looks plausible in every cell, and sorts and matches wrongly. Give
#   --dateformat '%Y-%m-%d %H:%M:%S' (a second may still be missing), write times as text, or read the sheet with another library.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check xlsx2csv==0.8.6 openpyxl==3.1.5 polars==2.1.0 pandas==3.1.1 csvkit==2.2.0
cat > t.py <<'E'
import csv, datetime as d, subprocess, sys
from importlib.metadata import version
import openpyxl, pandas, polars
print("versions:", *(f"{name} {version(name)}" for name in ("xlsx2csv", "openpyxl", "polars", "pandas", "csvkit"))); failed = False
def show(name, got, wanted):
    global failed
    print(f"  {name:64} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def convert(file, *options): return list(csv.reader(subprocess.run(["v/bin/xlsx2csv", *options, file], check=True, capture_output=True, text=True).stdout.splitlines()))[1:]
day = d.datetime(2026, 1, 1); times = [day.replace(hour=h, minute=m, second=s) for h, m, s in ((0, 5, 0), (9, 30, 15), (12, 5, 0), (13, 30, 15), (23, 59, 59))]
book = openpyxl.Workbook(); sheet = book.active; sheet.append(["at", "at22", "rate"])
for n, at in enumerate(times):
    sheet.append([at, at, (0.0000125, 0.0000004, 19.99, 20, 0.123456)[n]]); sheet.cell(sheet.max_row, 2).number_format = openpyxl.styles.numbers.BUILTIN_FORMATS[22]
print("  formats:", sheet["A2"].number_format, "|", sheet["B2"].number_format); book.save("openpyxl.xlsx")
wrong = ["2026-01-01 12:05:00", "2026-01-01 09:30:14", "2026-01-01 12:05:00", "2026-01-01 01:30:15", "2026-01-01 11:59:59"]
rows = convert("openpyxl.xlsx")
show("xlsx2csv, written by openpyxl", [row[0] for row in rows], wanted=wrong)
show("xlsx2csv, Excel's format 22", [row[1] for row in rows], ["01/01/26 12:05", "01/01/26 09:30", "01/01/26 12:05", "01/01/26 01:30", "01/01/26 11:59"])
show("xlsx2csv, numbers", [row[2] for row in rows], ["0.000013", "0", "19.99", "20", "0.123456"])
show("polars, engine xlsx2csv", polars.read_excel("openpyxl.xlsx", engine="xlsx2csv")["at"].to_list(), wrong)
show("polars, engine xlsx2csv, numbers", polars.read_excel("openpyxl.xlsx", engine="xlsx2csv")["rate"].to_list(), [0.000013, 0.0, 19.99, 20.0, 0.123456])
show("polars, engine openpyxl", polars.read_excel("openpyxl.xlsx", engine="openpyxl")["at"].to_list() == times, True)
show("openpyxl itself", [row[0] for row in openpyxl.load_workbook("openpyxl.xlsx").active.iter_rows(min_row=2, values_only=True)] == times, True)
show("in2csv", [row.split(",")[0] for row in subprocess.run(["v/bin/in2csv", "openpyxl.xlsx"], check=True, capture_output=True, text=True).stdout.splitlines()[1:]] == [at.isoformat() for at in times], True)
show("xlsx2csv --dateformat '%Y-%m-%d %H:%M:%S'", [row[0] for row in convert("openpyxl.xlsx", "--dateformat", "%Y-%m-%d %H:%M:%S")], [str(at) if at.second != 15 or at.hour != 9 else "2026-01-01 09:30:14" for at in times])
every = [day + d.timedelta(seconds=second) for second in range(0, 86400, 3)]
pandas.DataFrame({"at": every}).to_excel("pandas.xlsx", index=False)
got = [d.datetime.fromisoformat(row[0]) for row in convert("pandas.xlsx")]
show("written by pandas: times, seconds by which they are early", (len(got), sorted({(at - is_at).seconds for at, is_at in zip(every, got)})), (28800, [0, 1]))
early = sum(at != is_at for at, is_at in zip(every, got)); show("of 28,800 times (each third second of the day), one second early", early, 2816)
sys.exit(failed)
E
timeout 90 v/bin/python t.py
