#!/usr/bin/env bash
# Expected: a reader of JSON lines shows each field that is in the file, or fails; a field that only some lines have is null in the others.
# Happens: polars 2.1.0 read_ndjson looks at the first 100 lines, DuckDB 2.0.1 at the first 20,480: a field that comes up later is left out silently, with
#   its lines kept. infer_schema_length=None and sample_size=-1 show it.
# Means: in logs the rare fields are the ones that matter (error, retry_after, dead_letter): a query over a day's log says that there was none.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check polars==2.1.0 duckdb==2.0.1
cat > t.py <<'E'
import json, duckdb, polars
def write(name, quiet):
    with open(name, "w") as f:
        for n in range(quiet): f.write(json.dumps({"n": n}) + "\n")
        f.write(json.dumps({"n": quiet, "error": "refused"}) + "\n")
def of_polars(name, **more):
    frame = polars.read_ndjson(name, **more); return frame.height, frame.columns
def of_duckdb(name, **more):
    result = duckdb.read_json(name, **more); return len(result.fetchall()), result.columns
for label, read, quiet, cure in ((f"polars {polars.__version__}", of_polars, (99, 100), dict(infer_schema_length=None)),
                                 (f"duckdb {duckdb.__version__}", of_duckdb, (20479, 30000), dict(sample_size=-1))):
    for lines, seen in zip(quiet, (["n", "error"], ["n"])):
        write("log.ndjson", lines); got = read("log.ndjson")
        print(f"{label}: `error` in line {lines + 1}: {got[0]} lines, columns {got[1]}")
        assert got == (lines + 1, seen), got
    got = read("log.ndjson", **cure); print(f"{label}: with {cure}: columns {got[1]}"); assert got == (quiet[1] + 1, ["n", "error"])
E
timeout 100 v/bin/python t.py
