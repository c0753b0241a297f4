#!/usr/bin/env bash
# Expected: rows appended to a table of PostgreSQL whose column has another type are converted, or refused: ADBC's description of the mode "append" has an error
#   for a table whose schema is not that of the rows.
# Happens: adbc-driver-postgresql 1.13.0, and with it polars 2.1.0 (write_database, engine="adbc") and pandas 3.1.1 (to_sql), sends each value in the binary form
#   of its own type, and PostgreSQL takes these bytes for the type of the column if their number fits. 2.99 in a bigint column is 4613915300242936300, 5 in a
#   double precision column is 2.5e-323, Unix milliseconds in timestamptz are a day of January 2000, a datetime in bigint counts from 2000, a text of 16
#   letters in a uuid column is its letters. Into integer it is refused (four bytes). pandas by SQLAlchemy converts: 5 is 5.0 (and 2.99, in bigint, 3).
# Means: the first batch of events decides the type; a later one whose amounts are all whole (or for once not) is stored as zeros or as quintillions, without
#   an error, in rows that look like all others. Create the table by hand, cast the batch to its types (df.cast, schema_overrides), compare a sum afterwards.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pgserver==0.1.4 adbc-driver-postgresql==1.13.0 polars==2.1.0 pandas==3.1.1 \
  pyarrow==25.0.1 SQLAlchemy==2.1.9 'psycopg[binary]==3.3.9'
bin=$(echo "$dir"/v/lib/python3*/site-packages/pgserver/pginstall/bin)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'); export LC_ALL=C
as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1" start
cat > t.py <<'E'
import sys, warnings, pandas, polars, psycopg, pyarrow, sqlalchemy
from adbc_driver_postgresql import dbapi
from datetime import datetime
from importlib.metadata import version
address = f"u@127.0.0.1:{sys.argv[1]}/postgres"; url, failed = "postgresql://" + address, False
reader = psycopg.connect(url, autocommit=True)
print(reader.execute("SELECT version()").fetchone()[0].split(" on ")[0],
      *(f"{name} {version(name)}" for name in ("adbc-driver-postgresql", "polars", "pandas", "pyarrow", "SQLAlchemy", "psycopg")))
def by_adbc(rows):
    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("event", pyarrow.Table.from_pylist(rows), mode="create_append"); connection.commit()
def by_polars(rows):
    there = reader.execute("SELECT to_regclass('event')").fetchone()[0]
    polars.DataFrame(rows).write_database("event", url, if_table_exists="append" if there else "fail", engine="adbc")
def by_pandas(rows):
    with dbapi.connect(url) as connection: pandas.DataFrame(rows).to_sql("event", connection, if_exists="append", index=False); connection.commit()
def by_sqlalchemy(rows): pandas.DataFrame(rows).to_sql("event", sqlalchemy.create_engine("postgresql+psycopg://" + address), if_exists="append", index=False)
def attempt(way, first, *batches):
    """`first` is a batch, by which the library makes the table, or the type of the column that is made by hand."""
    reader.execute("DROP TABLE IF EXISTS event")
    if isinstance(first, str): reader.execute(f"CREATE TABLE event (value {first})")
    try:
        for batch in ([] if isinstance(first, str) else [first]) + list(batches): way([{"value": value} for value in batch])
    except Exception as error:
        while error.__cause__: error = error.__cause__
        return "refused: " + ("binary data" if "incorrect binary data format" in str(error) else "type" if "is of type" in str(error) else str(error))
    return [row[0] for row in reader.execute("SELECT value::text FROM event")]
cases = [("whole, then with cents", [[5, 7], [2.99, 0.49]], ["5", "7", "4613915300242936300", "4602498675187552092"], ["5", "7", "3", "0"]),
  ("with cents, then whole", [[2.99, 0.49], [5, 7]], ["2.99", "0.49", "2.5e-323", "3.5e-323"], ["2.99", "0.49", "5", "7"]),
  ("milliseconds into timestamptz", ["timestamptz", [1700000000000]], ["2000-01-20 16:13:20+00"], "refused: type"),
  ("2024-01-01T00:00 into bigint", ["bigint", [datetime(2024, 1, 1)]], ["757382400000000"], "refused: type"),
  ("a text of 16 letters into uuid", ["uuid", ["evt_0123456789ab"]], ["6576745f-3031-3233-3435-363738396162"], "refused: type"),
  ("whole into integer", ["integer", [5]], "refused: binary data", ["5"]),
  ("whole into bigint", ["bigint", [5]], ["5"], ["5"]),
  ("cents into double precision", ["double precision", [2.99]], ["2.99"], ["2.99"])]
reader.execute("ALTER DATABASE postgres SET timezone = 'UTC'"); reader.execute("SET timezone = 'UTC'"); warnings.simplefilter("ignore")
for name, batches, adbc, sql in cases:
    for way, wanted in ((by_adbc, adbc), (by_polars, adbc), (by_pandas, adbc), (by_sqlalchemy, sql)):
        got = attempt(way, *batches); print(f"{name:31} {way.__name__:14} {got if isinstance(got, str) else ', '.join(got)}")
        if got != wanted: failed = True; print("   changed: expected", wanted)
sys.exit(failed)
E
timeout 80 v/bin/python t.py "$port"
