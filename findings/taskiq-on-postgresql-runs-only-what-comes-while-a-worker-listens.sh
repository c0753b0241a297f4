#!/usr/bin/env bash
# Expected: a task that taskiq has put into a table of PostgreSQL (await task.kiq() returned, the row is there, with the status "pending") runs when a worker is there: the one that is running, or the
#   next one that starts. That is what the table is for; with the brokers for Redis and RabbitMQ it is so. The readme of taskiq-postgres speaks of a "message broker using PostgreSQL LISTEN/NOTIFY".
# Happens: taskiq-postgres 0.9.1 (AsyncpgBroker; taskiq 0.13.0) learns of a row by NOTIFY only, and nobody looks into the table, at the start of a worker neither. What was queued while no worker was
#   listening stays "pending" for ever; later tasks run. A delay (label delay=3) is a timer in the process that queued it: if that one ends before, nobody tells of the row. What a killed worker had
#   taken stays "processing". No error and no line in the log on either side.
# Means: every deploy of the worker, each restart of PostgreSQL (the worker's connection is gone, the producer's pool comes back) loses the events of those seconds, which the sender was told are
#   stored; a web process that is recycled loses its delayed retries. NOTIFY each old row again from time to time (SELECT pg_notify('taskiq', id::text) FROM taskiq_messages WHERE status = 'pending'),
#   and set those long "processing" back to "pending" first; or take another broker. (PostgreSQL 16.2)
set -euo pipefail
dir=$(mktemp -d); bin=; trap 'for f in *.group; do [ ! -e "$f" ] || kill -KILL -- -"$(cat "$f")" 2>/dev/null || true; done
  [ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; mkdir data socket; [ "$(id -u)" != 0 ] || chown 65534:65534 data socket
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check taskiq==0.13.0 taskiq-postgres==0.9.1 asyncpg==0.32.0 pgserver==0.1.4
bin=$(echo "$dir"/v/lib/python3*/site-packages/pgserver/pginstall/bin)
export LC_ALL=C.UTF-8 PGHOST=$dir/socket PGUSER=u PGDATABASE=postgres PYTHONPATH=$dir PYTHONDONTWRITEBYTECODE=1
as "$bin/initdb" -D data -U u -A trust -N -E UTF8 --locale C.UTF-8 >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-k $dir/socket -c listen_addresses=" start
cat > tasks.py <<'E'
import asyncio, os
from taskiq_pg.asyncpg import AsyncpgBroker
broker = AsyncpgBroker(f"postgresql://u@/postgres?host={os.environ['PGHOST']}", channel_name=os.environ["NAME"], table_name="messages_" + os.environ["NAME"])
@broker.task("deliver")
async def deliver(event: str, hold: bool = False) -> None:
    with open(f"ran.{os.environ['NAME']}", "a") as file: file.write(event + "\n")
    if hold: await asyncio.sleep(600)
E
cat > put.py <<'E'
import asyncio, sys
from tasks import broker, deliver
async def main(event, *options):
    await broker.startup()
    kicker = deliver.kicker().with_labels(delay=3) if "delay" in options else deliver.kicker()
    await kicker.kiq(event, hold="hold" in options)
    await broker.shutdown()
asyncio.run(main(*sys.argv[1:]))
E
failed=0
same() { if [ "$2" = "$3" ]; then echo "   $1: $2"; else echo "   $1: $2, changed: expected $3"; failed=1; fi; }
sql() { "$bin/psql" -XAtc "$1"; }
until_true() { for _ in $(seq 600); do [ "$(sql "$1" 2>/dev/null)" != t ] || return 0; sleep 0.1; done; echo "waited in vain: $1"; cat "worker.$NAME.log"; exit 1; }
put() { v/bin/python put.py "$@"; }
ran() { touch "ran.$NAME"; paste -sd, "ran.$NAME"; }
wait_ran() { for _ in $(seq 600); do grep -qsx "$1" "ran.$NAME" && return; sleep 0.1; done; echo "not run: $1"; cat "worker.$NAME.log"; exit 1; }
work() { setsid v/bin/taskiq worker --workers 1 --log-level WARNING tasks:broker >>"worker.$NAME.log" 2>&1 & pid=$!; echo $pid >"worker.$NAME.group"
  until_true "SELECT count(*) > 0 FROM pg_stat_activity WHERE query ILIKE 'LISTEN%$NAME%'"; }
stop() { kill -KILL -- -$pid; wait $pid 2>/dev/null || true; rm "worker.$NAME.group"; until_true "SELECT count(*) = 0 FROM pg_stat_activity WHERE query ILIKE 'LISTEN%$NAME%'"; }
rows() { sql "SELECT string_agg(concat(message::jsonb -> 'args' ->> 0, ' ', status), ', ' ORDER BY id) FROM messages_$NAME"; }
empty() { until_true "SELECT count(*) = 0 FROM messages_$NAME WHERE message LIKE '%$1%'"; }
export NAME=q; v/bin/python -c 'import sys; from importlib.metadata import distributions, version
print("python", sys.version.split()[0], *sorted(f"{d.name} {d.version}" for d in distributions() if d.name in ("taskiq", "taskiq-postgres")))'
work; put first; wait_ran first; empty first; stop
put "while no worker listens"; work; put second; wait_ran second; empty second; stop; work; put third; wait_ran third; empty third
same "ran, after two starts of a worker" "$(ran)" "first,second,third"
same "rows" "$(rows)" "while no worker listens pending"
put "in 3 seconds" delay; sleep 5; put fourth; wait_ran fourth; empty fourth
same "ran, 5 s after the process that put the delayed one has ended" "$(ran)" "first,second,third,fourth"
put "of a killed worker" hold; wait_ran "of a killed worker"; stop; work; put fifth; wait_ran fifth; empty fifth
same "ran, in the end" "$(ran)" "first,second,third,fourth,of a killed worker,fifth"
same "rows" "$(rows)" "while no worker listens pending, in 3 seconds pending, of a killed worker processing"
sql "UPDATE messages_$NAME SET status = 'pending'; SELECT pg_notify('$NAME', id::text) FROM messages_$NAME" >/dev/null; wait_ran "while no worker listens"; wait_ran "in 3 seconds"
same "after a NOTIFY of each row by hand" "$(tail -n +7 "ran.$NAME" | sort | paste -sd,)" "in 3 seconds,of a killed worker,while no worker listens"
stop; same "lines in the log of the worker" "$(wc -l < "worker.$NAME.log")" 0
exit $failed
