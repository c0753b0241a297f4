#!/usr/bin/env bash
# Expected: of two equal keys in a JSON object (allowed by RFC 8259, made by careless templates) the last one counts, as in every usual reader.
# Happens: json_extract and ->> of SQLite (3.40 to 3.54.1) and DuckDB 2.0.1 return the FIRST; Python, jq 1.6 and JavaScript return the last. SQLite's json_set and
#   json_remove touch only the first, so that a removed key is still there, with its other value; json_patch kept the first in 3.40.1 and has the last in 3.54.1.
# Means: an index, a filter or an erasure of personal data done in SQL works on another value than the application that reads the same body.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in jq node; do command -v $tool >/dev/null || { echo "needs Debian's $tool"; exit 2; }; done
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check apsw==3.54.1.0 duckdb==2.0.1
cat > t.py <<'E'
import json, sqlite3, apsw, duckdb
BODY = '{"id":"first","id":"last"}'
print("body:", BODY)
assert json.loads(BODY)["id"] == "last"; print("python json      : last")
SQL = "select sqlite_version(), json_extract(?1, '$.id'), ?1 ->> 'id', json_set(?1, '$.id', 'new'), json_remove(?1, '$.id'), json_patch('{}', ?1)"
for db in (sqlite3.connect(":memory:"), apsw.Connection(":memory:")):
    version, extract, arrow, put, removed, patched = db.execute(SQL, (BODY,)).fetchone()
    print(f"SQLite {version:10}: json_extract {extract}, ->> {arrow}, json_set {put}, json_remove {removed}, json_patch {patched}")
    assert (extract, arrow, put, removed) == ("first", "first", '{"id":"new","id":"last"}', '{"id":"last"}')
    if version == "3.54.1": assert patched == '{"id":"last"}'
    if version == "3.40.1": assert patched == BODY
got = duckdb.sql(f"select json_extract_string('{BODY}', '$.id')").fetchall()[0][0]
print("DuckDB", duckdb.__version__, "    :", got); assert got == "first"
E
timeout 60 v/bin/python t.py
jq --version; got=$(jq -r .id <<<'{"id":"first","id":"last"}'); echo "jq               : $got"; [ "$got" = last ]
got=$(node -p 'JSON.parse(`{"id":"first","id":"last"}`).id'); echo "node $(node --version)    : $got"; [ "$got" = last ]
