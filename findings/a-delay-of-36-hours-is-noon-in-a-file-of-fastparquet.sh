#!/usr/bin/env bash
# Expected: a column of Timedelta (how long an event waited, when to try again, what an agreement allows) in a data frame of pandas, written to Parquet by fastparquet, is a length of time for other
#   programs, too, as one that pyarrow wrote is: 36 hours are 36 hours. Or it is refused, as fastparquet does with a column of datetime.time or date.
# Happens: fastparquet 2026.9.0 writes it as Parquet's TIME, a time of day, and 36 hours stay 36 hours in there, which no day has: to_pylist() of pyarrow 26.0.1 says 12:00, of minus five minutes
#   23:55, and of three days midnight; polars 2.1.0 has null for each of them and 01:00 for an hour, and an empty field in its write_csv(). pandas with pyarrow raises as soon as one value is
#   above a day, and has times of day before. The other way round, a Timedelta that pandas wrote with pyarrow is for fastparquet the number of its microseconds. What fastparquet wrote it
#   reads back right itself.
# Means: as long as all lengths are below a day they look like times, and the first longer or negative one is another or none, without a word. Write seconds: span.dt.total_seconds().
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check fastparquet==2026.9.0 pandas==3.1.1 pyarrow==26.0.1 polars==2.1.0
cat > t.py <<'E'
import importlib.metadata, sys, warnings
import fastparquet, pandas as pd, polars as pl, pyarrow.parquet as pq
warnings.simplefilter("error"); warnings.simplefilter("ignore", ResourceWarning); failed = False
print("Python", sys.version.split()[0], *(f"{name} {importlib.metadata.version(name)}" for name in ("fastparquet", "pandas", "pyarrow", "polars")))
def check(what, read, wanted):
    global failed
    try: got = read()
    except Exception as e: got = "raises " + type(e).__name__
    print(f"   {what:48} {got}")
    if got != wanted: failed = True; print("      changed: expected", wanted)
spans = ["1h", "36h", "-5min", "3D"]; events = pd.DataFrame({"id": range(4), "wait": pd.to_timedelta(spans)})
text = lambda values: [str(value) for value in values]
fastparquet.write("f.parquet", events); table = pq.read_table("f.parquet")
print("written by fastparquet:", spans)
check("pyarrow: type", lambda: str(table.schema.field("wait").type), "time64[us]")
check("pyarrow: to_pylist()", lambda: text(table.column("wait").to_pylist()), ["01:00:00", "12:00:00", "23:55:00", "00:00:00"])
check("polars: read_parquet()", lambda: text(pl.read_parquet("f.parquet")["wait"].to_list()), ["01:00:00", "None", "None", "None"])
check("polars: write_csv()", lambda: pl.read_parquet("f.parquet", columns=["id", "wait"]).write_csv().split(), ["id,wait", "0,01:00:00.000000000", "1,", "2,", "3,"])
check("pandas with pyarrow", lambda: text(pd.read_parquet("f.parquet", engine="pyarrow")["wait"]), "raises ValueError")
right = ["0 days 01:00:00", "1 days 12:00:00", "-1 days +23:55:00", "3 days 00:00:00"]
check("fastparquet: to_pandas()", lambda: text(fastparquet.ParquetFile("f.parquet").to_pandas()["wait"]), right)
fastparquet.write("short.parquet", events[:1]); print("written by fastparquet: the first alone")
check("pandas with pyarrow", lambda: text(pd.read_parquet("short.parquet", engine="pyarrow")["wait"]), ["01:00:00"])
events.to_parquet("a.parquet", engine="pyarrow"); print("written by pyarrow")
check("pyarrow: to_pylist()", lambda: text(pq.read_table("a.parquet").column("wait").to_pylist()), ["1:00:00", "1 day, 12:00:00", "-1 day, 23:55:00", "3 days, 0:00:00"])
check("polars", lambda: text(pl.read_parquet("a.parquet")["wait"].to_list()), ["1:00:00", "1 day, 12:00:00", "-1 day, 23:55:00", "3 days, 0:00:00"])
check("fastparquet: to_pandas()", lambda: text(fastparquet.ParquetFile("a.parquet").to_pandas()["wait"]), text([3600 * 10**6, 36 * 3600 * 10**6, -300 * 10**6, 3 * 86400 * 10**6]))
sys.exit(failed)
E
timeout 150 v/bin/python t.py
