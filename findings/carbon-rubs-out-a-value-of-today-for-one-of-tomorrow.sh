#!/usr/bin/env bash
# Expected: carbon and whisper (Graphite) store a point at its time, and refuse one that no archive covers: whisper.update() raises TimestampNotCovered for a
#   time in the future. One wrong point spoils itself.
# Happens: carbon 1.1.10 with whisper 1.1.10: carbon writes by whisper.update_many(), which does not look whether a time is in the future. An archive is a ring:
#   a point one length ahead (in 60s:1d a time of tomorrow, an event's "due" or "starts_at", a clock a day ahead) takes the place of today's value of that
#   minute, which is gone from its archive; no line in the log. When its day comes, the point stands there as that day's value. A time in milliseconds, as
#   JavaScript gives it, is worse for its neighbours: the write raises, and all points of this metric that waited for the same write are dropped with it, the
#   right ones too.
# Means: a sum over today is short after something about tomorrow was counted, and an alert on "no data" fires for another minute. Give carbon the time of
#   arrival (or -1), whole seconds; check the range of times before the socket, not behind.
set -euo pipefail
dir=$(mktemp -d); carbon=; trap '[ -z "$carbon" ] || { kill $carbon && wait $carbon; } 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check carbon==1.1.10 whisper==1.1.10 Twisted==26.10.0 'setuptools==80.9.0'
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir conf storage
printf '%s\n' '[cache]' 'LINE_RECEIVER_INTERFACE = 127.0.0.1' "LINE_RECEIVER_PORT = $port" 'PICKLE_RECEIVER_PORT = 0' 'CACHE_QUERY_INTERFACE = 127.0.0.1' 'CACHE_QUERY_PORT = 0' \
  'MAX_UPDATES_PER_SECOND = 500' 'MAX_CREATES_PER_MINUTE = 1000' 'LOG_UPDATES = True' > conf/carbon.conf
printf '%s\n' '[all]' 'pattern = .*' 'retentions = 60s:1d' > conf/storage-schemas.conf
printf '%s\n' '[all]' 'pattern = .*' 'xFilesFactor = 0' 'aggregationMethod = sum' > conf/storage-aggregation.conf
GRAPHITE_ROOT=$dir v/bin/carbon-cache.py --nodaemon --pidfile="$dir/carbon.pid" --config="$dir/conf/carbon.conf" --logdir="$dir" start >carbon.log 2>&1 & carbon=$!
cat > t.py <<'E'
import socket, sys, time, whisper
failed = False; port = int(sys.argv[1]); now = int(time.time()); now -= now % 60 + 60; day = 86400
def check(name, got, wanted):
    global failed; print(f"  {name:<66} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
for _ in range(150):
    try: carbon = socket.create_connection(("127.0.0.1", port)); break
    except OSError: time.sleep(0.2)
def send(name, *points): carbon.sendall("".join(f"{name} {value} {at}\n" for value, at in points).encode())
def log(): return open("carbon.log").read()
def wait(text, count=1):  # until carbon has written
    for _ in range(150):
        if log().count(text) >= count: return
        time.sleep(0.2)
    sys.exit("no " + text + " in the log:\n" + log())
def stored(name): return [None if value is None else int(value) for value in whisper.fetch(f"storage/whisper/{name}.wsp", now - 600, now, now + 60)[1]]
ten = [(n + 1, now - 60 * n) for n in range(10)]; whole = list(range(10, 0, -1))
for name in "tomorrow", "seconds", "milliseconds": send(name, *ten)
for name in "tomorrow", "seconds", "milliseconds": wait(f"wrote 10 datapoints for {name} "); check(f"{name}: ten minutes", stored(name), whole)
send("tomorrow", (777, now - 180 + day)); wait("wrote 1 datapoints for tomorrow ")
check("tomorrow: after one point of tomorrow, same minute", stored("tomorrow"), [10, 9, 8, 7, 6, 5, None, 3, 2, 1])
later = whisper.fetch("storage/whisper/tomorrow.wsp", now - 240 + day, now - 120 + day, now + day)[1]
check("tomorrow: what will be read tomorrow", 777.0 in later, True)
send("tomorrow", (888, now - 300 + 10 * 365 * day)); wait("wrote 1 datapoints for tomorrow ", 2)
check("tomorrow: after one point of ten years ahead", stored("tomorrow"), [10, 9, 8, 7, None, 5, None, 3, 2, 1])
send("seconds", (5, now - 300), (100, now), (200, now - 60)); wait("wrote 3 datapoints for seconds ")
check("seconds: three later values for three of the minutes", stored("seconds"), [10, 9, 8, 7, 5, 5, 4, 3, 200, 100])
send("milliseconds", (5, (now - 300) * 1000), (100, now), (200, now - 60)); wait("Error writing to milliseconds"); time.sleep(2)
check("milliseconds: the same, one of them in milliseconds", stored("milliseconds"), whole)
send("milliseconds", (300, now - 120)); wait("wrote 1 datapoints for milliseconds ")
check("milliseconds: one more, alone", stored("milliseconds"), [10, 9, 8, 7, 6, 5, 4, 300, 2, 1])
check("lines with an error in carbon's log", sorted({line.split(" :: ")[1].split(":")[0] for line in log().splitlines() if "Error writing" in line}), ["[console] Error writing to milliseconds"])
whisper.create("one.wsp", [(60, 1440)])
try: whisper.update("one.wsp", 777, now + day); got = "written"
except whisper.TimestampNotCovered: got = "TimestampNotCovered"
check("whisper.update() of tomorrow", got, "TimestampNotCovered")
sys.exit(failed)
E
timeout 90 v/bin/python t.py "$port"
