#!/usr/bin/env bash
# Expected: procrastinate's queueing_lock (one waiting job for each customer; its page says to add `lock`, so that one runs at a time) and its retry= go
#   together: a job that fails while the next one waits is tried again, or it gives way to that one, which stands for it.
# Happens: procrastinate 3.10.0 gives a failed job back to the queue, where its queueing_lock is taken by the one that waits; PostgreSQL refuses (unique
#   index), and the worker drops that error ("Task exception was never retrieved"). The job stays "doing" with attempts 0: not tried again, not failed, not
#   stalled while its worker lives. With the same lock, no job of that customer runs any more, the waiting one neither; new ones are refused as
#   AlreadyEnqueued. A restart changes nothing, and the recipe for stalled jobs (retry_job) ends with the same error. (PostgreSQL 16.2 of pgserver 0.1.4)
# Means: it takes one 503 of the next service and two events within one try, and this customer's events are refused for good, while the worker is healthy
#   and its log said "Error, to retry". Do not give retry= to tasks with a queueing_lock; catch errors in the task and defer a new job.
set -euo pipefail
dir=$(mktemp -d); bin=; worker=; trap 'kill $worker 2>/dev/null || true; wait 2>/dev/null || true
  [ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; mkdir data socket; [ "$(id -u)" != 0 ] || chown 65534:65534 data socket
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check procrastinate==3.10.0 'psycopg[binary,pool]==3.3.9' pgserver==0.1.4
bin=$(echo "$dir"/v/lib/python3*/site-packages/pgserver/pginstall/bin)
export LC_ALL=C.UTF-8 PGHOST=$dir/socket PGUSER=u PGDATABASE=postgres PYTHONPATH=$dir
as "$bin/initdb" -D data -U u -A trust -N -E UTF8 --locale C.UTF-8 >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-k $dir/socket -c listen_addresses=" start
cat > t.py <<'E'
import os, time, procrastinate
app = procrastinate.App(connector=procrastinate.PsycopgConnector())
@app.task(name="deliver", retry=procrastinate.RetryStrategy(max_attempts=5, wait=1))
def deliver(customer, n):
    with open("ran", "a") as f: f.write(f"{customer} event {n}\n")
    if (customer, n) == ("cus_1", 1):
        while not os.path.exists("second"): time.sleep(0.05)
        raise OSError("503 of the next service")
def put(customer, n): app.configure_task("deliver", lock=customer, queueing_lock=customer).defer(customer=customer, n=n)
E
cat > put.py <<'E'
import sys, t
with t.app.open():
    try: t.put(sys.argv[1], int(sys.argv[2])); print("queued", *sys.argv[1:])
    except Exception as e: print(type(e).__name__, *sys.argv[1:])
E
cat > stalled.py <<'E'
import asyncio, sys, t
async def main():
    async with t.app.open_async():
        for job in await t.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=float(sys.argv[1])):
            try: await t.app.job_manager.retry_job(job); print("stalled, retried:", job.id)
            except Exception as e: print("stalled:", job.id, type(e).__name__)
asyncio.run(main())
E
failed=0
same() { if [ "$2" = "$3" ]; then echo "$1: $2"; else echo "$1: $2, changed: expected $3"; failed=1; fi; }
jobs() { "$bin/psql" -XAt -F' ' -c "SELECT string_agg(concat(id, ' ', status, ' ', attempts), ', ' ORDER BY id) FROM procrastinate_jobs"; }
ran() { paste -sd, ran; }
work() { v/bin/procrastinate -a t.app worker -p 1 --fetch-job-polling-interval 0.5 >>worker.log 2>&1 & worker=$!; }
wait_for() { for _ in $(seq 200); do grep -q "$1" "$2" 2>/dev/null && return; sleep 0.1; done; echo "no $1 in $2"; cat worker.log; exit 1; }
v/bin/python -c 'from importlib.metadata import version; print("procrastinate", version("procrastinate"), "psycopg", version("psycopg"))'
v/bin/procrastinate -a t.app schema --apply >/dev/null
work; v/bin/python put.py cus_1 1; wait_for 'cus_1 event 1' ran; v/bin/python put.py cus_1 2; touch second
wait_for 'Error, to retry' worker.log; sleep 4
v/bin/python put.py cus_2 1; wait_for 'cus_2 event 1' ran; sleep 1
same "jobs (id, status, attempts)" "$(jobs)" "1 doing 0, 2 todo 0, 3 succeeded 1"
same "ran" "$(ran)" "cus_1 event 1,cus_2 event 1"
same "a further event of the customer" "$(v/bin/python put.py cus_1 3)" "AlreadyEnqueued cus_1 3"
same "stalled jobs while the worker lives" "$(v/bin/python stalled.py 30)" ""
kill -TERM $worker; wait $worker || true; grep -o 'Task exception was never retrieved' worker.log | head -1; work; sleep 5
same "ran, after a restart" "$(ran)" "cus_1 event 1,cus_2 event 1"
same "stalled jobs after the restart" "$(v/bin/python stalled.py 30)" "stalled: 1 UniqueViolation"
same "jobs in the end" "$(jobs)" "1 doing 0, 2 todo 0, 3 succeeded 1"
[ $failed = 0 ] || tail -40 worker.log
exit $failed
