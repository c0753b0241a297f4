#!/usr/bin/env bash
# Expected: readers that keep microseconds agree about 23:59:59.9999999Z, a time with seven digits as .NET and Windows write them.
# Happens: PostgreSQL 18.6's timestamptz, msgspec 0.22.0 and arrow 1.4.0 round it to the next day; Python 3.11's fromisoformat, pydantic 2.14.4, pendulum
#   3.3.0, ciso8601 2.4.1 and python-dateutil 4.0.0 cut it. Any seventh digit from 5 makes them differ by one microsecond, not at midnight alone.
# Means: a row whose time PostgreSQL read from the body is not found by the time that Python read from the same body; half of all such events fail in
#   `where time = %s`, in deduplication and at the edge of a day. Keep the text, or cut to microseconds before either reads it.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts @electric-sql/pglite@0.5.14
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check msgspec==0.22.0 arrow==1.4.0 pydantic==2.14.4 pendulum==3.3.0 ciso8601==2.4.1 python-dateutil==4.0.0
cat > t.py <<'E'
import datetime as d, json, sys, arrow, ciso8601, dateutil.parser, msgspec, pendulum, pydantic
from importlib.metadata import version as v
readers = {f"python {sys.version.split()[0]} fromisoformat": d.datetime.fromisoformat, f"ciso8601 {v('ciso8601')}": ciso8601.parse_rfc3339,
    f"dateutil {v('python-dateutil')}": dateutil.parser.isoparse, f"pendulum {v('pendulum')}": pendulum.parse, f"pydantic {v('pydantic')}": pydantic.TypeAdapter(d.datetime).validate_python,
    f"msgspec {v('msgspec')}": lambda text: msgspec.json.decode(json.dumps(text).encode(), type=d.datetime), f"arrow {v('arrow')}": lambda text: arrow.get(text).datetime}
cut, up = d.datetime(2024, 1, 1, 23, 59, 59, 999999, d.timezone.utc), d.datetime(2024, 1, 2, tzinfo=d.timezone.utc)
for name, read in readers.items():
    got = read("2024-01-01T23:59:59.9999999Z")
    print(f"{name:30} {got.isoformat()}")
    assert got == (up if name.startswith(("msgspec", "arrow")) else cut)
E
timeout 60 v/bin/python t.py
cat > t.mjs <<'E'
import { PGlite } from '@electric-sql/pglite';
const db = await PGlite.create();
const [row] = (await db.query("select split_part(version(), ' on ', 1) as v, ('2024-01-01T23:59:59.9999999Z'::timestamptz at time zone 'UTC')::text as t")).rows;
console.log(row.v.padEnd(30), row.t); process.exit(row.t === '2024-01-02 00:00:00' ? 0 : 1);
E
timeout 120 node t.mjs
