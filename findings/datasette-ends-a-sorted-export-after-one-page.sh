#!/usr/bin/env bash
# Expected: Datasette's export of a table as CSV, "all rows" (?_stream=on), has each row once, sorted or not; and so has a program that follows
#   next_url of the JSON to its end.
# Happens: Datasette 0.65.5: where the column to sort by has no declared type, as a column computed from JSON has it (CREATE TABLE ... AS SELECT
#   json_extract(body, '$.amount'), or a generated column "amount AS (json_extract(...))"), the sort ends after the first page: 100 of 250 events, and
#   status 200. Sorted the other way it gives the same 100 events again and again, until the limit of an export (100 MB). JSON: the second page is
#   empty and the last; the other way next_url never ends. The position goes through the URL as text, and SQLite puts each number before any text if
#   no type says what to compare as. Unsorted, or with "amount REAL", all is right; so are times and amounts that are strings in the JSON.
# Means: an export of the day's payments by amount lacks more than half of them, those of the highest amounts, and looks complete. Declare the type of
#   such columns (CAST(... AS REAL) in the SELECT, "amount REAL AS (...)"), and count the rows.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check datasette==0.65.5
cat > t.py <<'E'
import asyncio, collections, csv, io, json, sqlite3, sys
import datasette.version
from datasette.app import Datasette
db = sqlite3.connect("e.db")
db.execute("CREATE TABLE raw (id TEXT PRIMARY KEY, body TEXT)")
for n in range(1, 251):
    db.execute("INSERT INTO raw VALUES (?, ?)", (f"evt_{n:03}", json.dumps({"amount": n * 1.25, "at": f"2024-05-06T07:{n // 60:02}:{n % 60:02}Z"})))
columns = "id, json_extract(body, '$.amount') AS amount, json_extract(body, '$.at') AS at"
db.execute(f"CREATE TABLE computed AS SELECT {columns} FROM raw")
db.execute("CREATE TABLE generated (id TEXT PRIMARY KEY, body TEXT, amount AS (json_extract(body, '$.amount')))")
db.execute("CREATE TABLE declared (id TEXT PRIMARY KEY, body TEXT, amount REAL AS (json_extract(body, '$.amount')))")
for table in ("generated", "declared"): db.execute(f"INSERT INTO {table} SELECT id, body FROM raw")
db.commit()
print("datasette", datasette.version.__version__, "SQLite", sqlite3.sqlite_version)
failed = False
def check(name, got, wanted):
    global failed
    print(f"{name:54} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def counts(ids, cut=False):
    times = collections.Counter(ids); most = max(times.values())
    return f"{len(times)} events" + (", each once" if most == 1 else ", over and over" if most > 20 else f", up to {most} times") + (", then cut off" if cut else "")
async def exported(ds, table, query):
    answer = await ds.client.get(f"/e/{table}.csv?_stream=on{query}"); assert answer.status_code == 200, answer
    text = answer.text; cut = text.rstrip().endswith("bytes") and text.rstrip().rsplit("\n", 1)[-1].startswith("CSV contains more")
    rows = list(csv.reader(io.StringIO(text)))[1:]; place = 1 if rows[0][0].isdigit() else 0
    return counts([row[place] for row in rows if len(row) > 1 and row[place].startswith("evt_")], cut)
async def followed(ds, table, query):
    url, ids, pages = f"/e/{table}.json?_shape=objects&_size=100{query}", [], 0
    while url and pages < 30:
        page = (await ds.client.get(url)).json(); pages += 1; ids += [row["id"] for row in page["rows"]]
        url = page["next_url"] and "/e/" + page["next_url"].split("/e/", 1)[1]
    return counts(ids, False) + ("" if url is None else ", no end")
async def main():
    ds = Datasette(["e.db"], settings={"max_csv_mb": 1})
    all_once = "250 events, each once"
    for table in ("computed", "generated"):
        check(f"CSV, {table}, not sorted", await exported(ds, table, ""), all_once)
        check(f"CSV, {table}, sorted by amount", await exported(ds, table, "&_sort=amount"), "100 events, each once")
        check(f"CSV, {table}, highest amount first", await exported(ds, table, "&_sort_desc=amount"), "100 events, over and over, then cut off")
        check(f"JSON, {table}, sorted by amount", await followed(ds, table, "&_sort=amount"), "100 events, each once")
        check(f"JSON, {table}, highest amount first", await followed(ds, table, "&_sort_desc=amount"), "100 events, over and over, no end")
    check("CSV, computed, sorted by a time that is a string", await exported(ds, "computed", "&_sort=at"), all_once)
    for query in ("&_sort=amount", "&_sort_desc=amount"):
        check(f"CSV, amount REAL, {query[1:]}", await exported(ds, "declared", query), all_once)
        check(f"JSON, amount REAL, {query[1:]}", await followed(ds, "declared", query), all_once)
asyncio.run(main())
sys.exit(1 if failed else 0)
E
timeout 100 v/bin/python t.py 2>errors.log || { code=$?; cat errors.log; exit $code; }
