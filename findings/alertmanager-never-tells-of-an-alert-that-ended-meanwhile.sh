#!/usr/bin/env bash
# Expected: Alertmanager repeats a notification until its webhook receiver takes it; a receiver that was away (503), or asked for patience (429 with Retry-After), hears
#   of each alert when it is back, of one that has ended meanwhile as "resolved" (send_resolved is on unless set).
# Happens: Alertmanager 0.25.0 (Debian 12) repeats after a 5xx only as long as group_interval (5 minutes unless set), and after a 429 or 408 not at all. At the next
#   group_interval it looks at what is there then: an alert that began and ended meanwhile was never notified as firing, so there is nothing to resolve, and nothing
#   is sent, ever. One that still fires is sent, and so is the end of one whose beginning had arrived. A 301 or 302 is followed with a GET without a body, whose 200
#   is the delivery.
# Means: an outage of the receiver that is longer than group_interval hides every alert that was over within it, and one 429 is such an outage. Answer 503, not 429,
#   and better still take and store at once; read alerts that must not be missed from Prometheus (the series ALERTS); give the last URL, not one that moves.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d /tmp/am.XXXXXXXXXX); manager=; trap '[ -z "$manager" ] || { kill $manager; wait $manager; } 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq prometheus-alertmanager >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -x prometheus-alertmanager_*.deb root
# The package reads its templates from a fixed path: the copy of the program here reads them from a path of the same length here.
fixed=/usr/share/prometheus/alertmanager; here=$dir/$(printf 'templates%.0s' 1 2 3 | head -c $((${#fixed} - ${#dir} - 1)))
cp -r "root$fixed" "$here"; LC_ALL=C sed "s#$fixed#$here#g" root/usr/bin/prometheus-alertmanager >alertmanager; chmod +x alertmanager
version=$(./alertmanager --version 2>&1 | sed -n 1p); echo "${version%% (*}"; [[ $version == "alertmanager, version 0.25.0 "* ]] || { echo "   changed: expected 0.25.0"; exit 1; }
read -r port receiver < <(python3 -c 'import socket
s = [socket.socket() for _ in range(2)]; [x.bind(("127.0.0.1", 0)) for x in s]; print(*[x.getsockname()[1] for x in s])')
python3 - "$receiver" >alertmanager.yml <<'E'
import json, sys
names = ["ok", "503", "429", "408", "301", "302", "308"]
print(json.dumps({"route": {"receiver": "ok", "group_by": ["..."], "group_wait": "0s", "group_interval": "10s", "repeat_interval": "4h",
    "routes": [{"receiver": name, "matchers": [f'to="{name}"']} for name in names]},
  "receivers": [{"name": name, "webhook_configs": [{"url": f"http://127.0.0.1:{sys.argv[1]}/{name}"}]} for name in names]}))
E
./alertmanager --config.file=alertmanager.yml --storage.path="$dir/data" --web.listen-address="127.0.0.1:$port" --cluster.listen-address= >alertmanager.log 2>&1 & manager=$!
cat > t.py <<'E'
import datetime, http.server, json, sys, threading, time, urllib.request
port, receiver = map(int, sys.argv[1:]); failed = False; heard = {}; answers = {}; away = False
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)); where = self.path.strip("/"); code = 200
        if away and where in ("503", "429", "408"): code = int(where)
        if where in ("301", "302", "308"): code = int(where)
        for alert in json.loads(body or b'{"alerts": [{"labels": {"alertname": "none"}, "status": "no body"}]}')["alerts"]:
            heard.setdefault((where, alert["labels"]["alertname"]), []).append((code, f"{self.command} {alert['status']}"))
        self.send_response(code)
        if code in (301, 302, 308): self.send_header("Location", f"/after-{code}")
        if code in (503, 429): self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "0"); self.end_headers()
    do_GET = do_POST
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", receiver), Receiver); threading.Thread(target=server.serve_forever, daemon=True).start()
def alert(name, to, ended=False):
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(); event = {"labels": {"alertname": name, "to": to}, **({"endsAt": now} if ended else {})}
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/api/v2/alerts", json.dumps([event]).encode(), {"Content-Type": "application/json"}), timeout=10).close()
def taken(where, name): return [what for code, what in heard.get((where, name), []) if code == 200]
def refused(where, name): return sum(code != 200 for code, _ in heard.get((where, name), []))
def check(text, got, wanted):
    global failed
    print(f"{text:92} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
for left in range(600):
    try: urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5).close(); break
    except OSError: time.sleep(0.1)
for name in ("503", "429"): alert("before", name)
def wait(done, seconds):
    while not done() and seconds > 0: time.sleep(0.1); seconds -= 0.1
wait(lambda: all(taken(name, "before") for name in ("503", "429")), 30); away = True; since = time.monotonic()
for name in ("ok", "503", "429", "408"): alert("short", name)
for name in ("503", "429"): alert("long", name)
for name in ("301", "302", "308"): alert("short", name)
time.sleep(4); wait(lambda: taken("ok", "short") and refused("503", "short") > 1 and all(refused(name, "short") for name in ("429", "408")), 4)
for name in ("ok", "503", "429", "408"): alert("short", name, ended=True)
for name in ("503", "429"): alert("before", name, ended=True)
tries = {name: refused(name, "short") for name in ("503", "429", "408")}
time.sleep(max(0, since + 24 - time.monotonic())); away = False; time.sleep(24)
check("a receiver that was not away, an alert of 4 seconds:", taken("ok", "short"), ["POST firing", "POST resolved"])
for name in ("503", "429", "408"):
    check(f"away with {name} for 24 seconds, an alert of 4 seconds within: tries while it fired", "several" if tries[name] > 1 else tries[name], "several" if name == "503" else 1)
    check("   and after it was back:", taken(name, "short"), [])
for name in ("503", "429"):
    check(f"away with {name}, an alert that fires to the end:", taken(name, "long"), ["POST firing"])
    check(f"away with {name}, the end of an alert that had begun before:", taken(name, "before"), ["POST firing", "POST resolved"])
for code in (301, 302): check(f"{code} to another path, what comes there:", heard.get((f"after-{code}", "none")), [(200, "GET no body")])
check("308 to another path:", heard.get(("after-308", "short")), [(200, "POST firing")])
sys.exit(failed)
E
timeout 170 python3 t.py "$port" "$receiver" || { tail -3 alertmanager.log; exit 1; }
