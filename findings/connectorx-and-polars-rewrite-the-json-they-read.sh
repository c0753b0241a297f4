#!/usr/bin/env bash
# Expected: a `json` column of PostgreSQL keeps the letters of a body, which is why one takes it for signed bodies; every client reads these letters.
# Happens: connectorx 0.4.6, and polars 2.1.0's read_database_uri, which uses it by default, parse the value and write another: keys in the order of the
#   alphabet, of two equal keys the last, 1.10 is 1.1, and an integer beyond 64 bits becomes a float: two ids of 23 digits are one. With a body that holds
#   1E400 the whole query fails. With engine="adbc" (adbc-driver-postgresql 1.13.0), and with psycopg 3.3.9's text, the letters are kept
#   (PostgreSQL 16.2 of pgserver 0.1.4).
# Means: an export of an inbox by polars has ids that no other system knows and bodies whose signatures fail, with nothing said; read `body::text`, or
#   keep bodies as text or bytea.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pgserver==0.1.4 connectorx==0.4.6 polars==2.1.0 pyarrow==26.0.1 \
  adbc-driver-postgresql==1.13.0 'psycopg[binary]==3.3.9'
bin=$(echo "$dir"/v/lib/python3*/site-packages/pgserver/pginstall/bin)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'); export LC_ALL=C
as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1" start
cat > t.py <<'E'
import sys, connectorx, polars as pl, psycopg
from importlib.metadata import version
url, failed = f"postgresql://u@127.0.0.1:{sys.argv[1]}/postgres", False
bodies = ['{"to":"b","id":10000000000000000001,"at":1.10,"a":1,"a":2}', '{"to":"b","id":20000000000000000000001}', '{"to":"b","id":20000000000000000000002}']
inbox = psycopg.connect(url, autocommit=True); inbox.execute("CREATE TABLE event (seq int, body json)")
inbox.cursor().executemany("INSERT INTO event VALUES (%s, %s)", list(enumerate(bodies)))
print(inbox.execute("SELECT version()").fetchone()[0].split(" on ")[0], *(f"{name} {version(name)}" for name in ("connectorx", "polars", "adbc-driver-postgresql", "psycopg")))
query = "SELECT body FROM event ORDER BY seq"
readers = {"psycopg, body::text": lambda: [row[0] for row in inbox.execute(query.replace("body", "body::text", 1))], "connectorx": lambda: connectorx.read_sql(url, query, return_type="arrow"),
  "polars read_database_uri": lambda: pl.read_database_uri(query, url), 'polars, engine="adbc"': lambda: pl.read_database_uri(query, url, engine="adbc")}
def read(reader):
    try: got = reader()
    except Exception as error: return str(error).split(" at line")[0]
    if isinstance(got, list): return got
    got = got if isinstance(got, pl.DataFrame) else pl.from_arrow(got)
    return got["body"].to_list()
rewritten = ['{"a":2,"at":1.1,"id":10000000000000000001,"to":"b"}', '{"id":2e22,"to":"b"}', '{"id":2e22,"to":"b"}']
refused = "error deserializing column 0: number out of range"
def show(wanted):
    global failed
    for name, reader in readers.items():
        got = read(reader); right = wanted[name.startswith("connectorx") or name.endswith("_uri")]
        print(f"{name:26}", *(got if isinstance(got, list) else [got]), sep="\n   ")
        if got != right: failed = True; print("   changed: expected", right)
print("stored:", *bodies, sep="\n   "); show((bodies, rewritten))
inbox.execute("INSERT INTO event VALUES (9, '{\"n\":1E400}')"); print('with {"n":1E400} besides:'); show((bodies + ['{"n":1E400}'], refused))
sys.exit(failed)
E
timeout 60 v/bin/python t.py "$port"
