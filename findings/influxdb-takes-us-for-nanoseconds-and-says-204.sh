#!/usr/bin/env bash
# Expected: a write to InfluxDB whose ?precision= the server does not know is refused, as one with an unknown consistency is. InfluxDB 2 and 3 say us for microseconds
#   where InfluxDB 1 says u, so a sender made for one meets the other sooner or later.
# Happens: InfluxDB 1.6.7 (Debian 12) takes every precision that it does not know for nanoseconds: us, sec, second, seconds, S, µ: 204, and the points are there, in
#   January 1970. ?epoch= of a query is the same: us, and even µ, which the manual names, are nanoseconds, a thousand times what was asked for. `influx -import
#   -precision us` says that the precision is unknown, imports all the same as nanoseconds, and ends with 0. Only a limited retention makes it an error (400).
# Means: all answers are good and every dashboard of the last hour is empty; in a second of 1970, events of a quarter of an hour lie together, and with seconds, a year's
#   in 32 ms. Write u for microseconds there, or nanoseconds without any precision, which mean the same to all versions, and read one point back when you set it up.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null && wait $server || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq influxdb influxdb-client >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f influxdb_*.deb Version); echo "influxdb $version"; [[ $version == 1.6.7* ]] || { echo "   changed: expected 1.6.7"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port); cat > influxdb.conf <<E
reporting-disabled = true
bind-address = "127.0.0.1:$(free_port)"
[meta]
  dir = "$dir/meta"
[data]
  dir = "$dir/data"
  wal-dir = "$dir/wal"
[http]
  bind-address = "127.0.0.1:$port"
[monitor]
  store-enabled = false
E
HOME=$dir root/usr/bin/influxd run -config influxdb.conf >influxdb.log 2>&1 & server=$!
for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
cat > t.py <<'E'
import json, os, subprocess, sys, urllib.error, urllib.parse, urllib.request
failed = False; base = f"http://127.0.0.1:{sys.argv[1]}"
def check(text, got, wanted):
    global failed
    print(f"  {text:44} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def ask(path, parameters, body):
    try: answer = urllib.request.urlopen(urllib.request.Request(f"{base}{path}?{urllib.parse.urlencode(parameters)}", body.encode(), {"Content-Type": "text/plain"}), timeout=20)
    except urllib.error.HTTPError as error: return error.code, json.load(error)
    return answer.status, json.loads(answer.read() or "null")
def query(text, **parameters):
    body = ask("/query", {"db": "hooks", "q": text, **parameters}, "")[1]["results"][0]
    return body["series"][0]["values"] if "series" in body else body
query("CREATE DATABASE hooks"); seconds = 1700000000
def write(name, precision, time, **more):
    status, body = ask("/write", {"db": "hooks", "precision": precision, **more}, f"{name} value=1 {time}")
    return (status, body["error"]) if body else (status, query(f"SELECT value FROM {name}")[0][0])
print("write"); right = (204, "2023-11-14T22:13:20Z")
for number, (precision, time, wanted) in enumerate((("ns", seconds * 10**9, right), ("u", seconds * 10**6, right), ("ms", seconds * 1000, right), ("s", seconds, right), ("", seconds * 10**9, right),
    ("us", seconds * 10**6, (204, "1970-01-20T16:13:20Z")), ("µ", seconds * 10**6, (204, "1970-01-20T16:13:20Z")), ("sec", seconds, (204, "1970-01-01T00:00:01.7Z")),
    ("seconds", seconds, (204, "1970-01-01T00:00:01.7Z")), ("S", seconds, (204, "1970-01-01T00:00:01.7Z")))):
    check(f"precision={precision} {time}", write(f"event{number}", precision, time), wanted)
check("control: consistency=two", write("event90", "s", seconds, consistency="two"), (400, "invalid consistency level"))
print("read 1700000000 s")
for epoch, wanted in ("s", seconds), ("ms", seconds * 1000), ("u", seconds * 10**6), ("ns", seconds * 10**9), ("us", seconds * 10**9), ("µ", seconds * 10**9), ("sec", seconds * 10**9):
    check(f"epoch={epoch}", query("SELECT value FROM event0", epoch=epoch)[0][0], wanted)
print("influx -import")
open("lines", "w").write(f"# DML\n# CONTEXT-DATABASE: hooks\nimported value=1 {seconds * 10**6}\n")
done = subprocess.run(["root/usr/bin/influx", "-port", sys.argv[1], "-import", "-path", "lines", "-precision", "us"], capture_output=True, text=True, env={**os.environ, "HOME": os.getcwd()})
check("-precision us: ends with", done.returncode, 0)
check("   says", "Unknown precision" in done.stdout + done.stderr and "Failed 0 inserts" in done.stdout + done.stderr, True)
check("   and has written", query("SELECT value FROM imported")[0][0], "1970-01-20T16:13:20Z")
print("a database that keeps thirty days"); query("ALTER RETENTION POLICY autogen ON hooks DURATION 30d")
check("precision=us", write("event91", "us", seconds * 10**6), (400, "partial write: points beyond retention policy dropped=1"))
sys.exit(failed)
E
timeout 60 python3 t.py "$port"
