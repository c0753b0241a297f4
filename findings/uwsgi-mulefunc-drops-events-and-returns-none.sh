#!/usr/bin/env bash
# Expected: a function with @mulefunc runs later in a mule of uWSGI, which is for slow work after the answer; a call that cannot be queued raises, or says so.
# Happens: uWSGI 2.0.21 (Debian 12) queues in the buffer of a datagram socket, room for some 280 small calls while the mule is busy, and drops each later one. The
#   call returns None either way and raises nothing; uwsgi.mule_msg(), which it uses, returned False, and the log has a line. A call larger than that buffer (some
#   200 kB) is dropped, too. One of more than 65,536 bytes is taken (True), and the mule gets the first 65,536: of a function's arguments an UnpicklingError in the
#   mule, of a plain message a body without its end. A reload (SIGHUP, touch-reload: each deployment) drops all that waits.
# Means: the view has said 200, so a burst during one slow event, one large body, or a deployment in between, loses events that nobody will send again. Put events into
#   a store or a queue on disk before the answer; with mules look at what uwsgi.mule_msg() returns, and at the length, and say 503.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); server=; trap '[ -z "$server" ] || { kill -QUIT $server; wait $server; } 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq uwsgi-core uwsgi-plugin-python3 python3-uwsgidecorators libpython3.11 libpython3.11-minimal libpython3.11-stdlib libpcre3 libyajl2 libjansson4 libcap2 libexpat1 \
  >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f uwsgi-core_*.deb Version); echo "uwsgi-core $version"; [[ $version == 2.0.21-* ]] || { echo "   changed: expected 2.0.21"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr
cat > app.py <<'E'
import os, time, uwsgi
from uwsgidecorators import mulefunc

def note(body, kind):
    with open("done", "a") as done: done.write(f"{kind} {len(body)} {body[:1]}\n")
    while os.path.exists("slow"): time.sleep(0.02)

@mulefunc
def book(body): note(body, "function")

decorated = uwsgi.mule_msg_hook
uwsgi.mule_msg_hook = lambda message: decorated(message) if message[:1] == b"\x80" else note(message, "message")

def application(environ, start_response):
    body = environ["wsgi.input"].read()
    result = book(body) if environ["PATH_INFO"] == "/function" else uwsgi.mule_msg(body)
    start_response("200 OK", [("Content-Type", "text/plain")]); return [repr(result).encode()]
E
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
LD_LIBRARY_PATH=$usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu PYTHONHOME=$usr PYTHONPATH=$usr/lib/python3/dist-packages PYTHONDONTWRITEBYTECODE=1 "$usr/bin/uwsgi-core" \
  --plugins-dir "$usr/lib/uwsgi/plugins" --plugin python311 --http-socket "127.0.0.1:$port" --master --processes 1 --disable-logging --wsgi-file app.py --mule >uwsgi.log 2>&1 & server=$!
cat > t.py <<'E'
import collections, os, signal, sys, time, urllib.request
port, server = sys.argv[1], int(sys.argv[2]); failed = False
def post(kind, body, tries=1):
    for left in reversed(range(tries)):
        try:
            with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/{kind}", body), timeout=20) as answer: return answer.status, answer.read().decode()
        except OSError:
            if not left: raise
            time.sleep(0.1)
def done(): return open("done").read().split("\n")[:-1] if os.path.exists("done") else []
def settled(least=0, wait=10): # what the mule has done, once nothing new comes
    end = time.time() + wait; before = None
    while time.time() < end and (len(done()) < least or done() != before): before = done(); time.sleep(0.7)
    return done()
def slow(on): open("slow", "w") if on else os.remove("slow")
def clear(): os.path.exists("done") and os.remove("done")
def check(name, got, wanted):
    global failed
    print(f"{name:86} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
check("one event: answer, returned by the function", post("function", b'{"id":1}', 100), (200, "None")); check("  and what the mule did", settled(1), ["function 8 b'{'"])
for kind, returned in (("function", {"None"}), ("message", {"True", "False"})):
    clear(); slow(True); post(kind, b"first"); settled(1); answers = [post(kind, b'{"id":"evt_%03d"}' % number) for number in range(600)]; slow(False)
    ran = len(settled(2, 20)) - 1; counts = collections.Counter(value for _, value in answers)
    print(f"600 small events while the mule is at work, as a {kind}: ran {ran}, returned {dict(counts)}")
    check("  answered with 200", sum(status == 200 for status, _ in answers), 600); check("  returned", set(counts), returned)
    check("  some ran, some did not", 50 < ran < 550, True)
    if kind == "message": check("  ran as many as True was returned", ran == counts["True"], True)
for kind, size, returned, wanted in (("function", 65000, "None", ["function 65000 b'{'"]), ("function", 70000, "None", []), ("message", 65536, "True", ["message 65536 b'{'"]),
    ("message", 70000, "True", ["message 65536 b'{'"]), ("message", 1_000_000, "False", []), ("function", 1_000_000, "None", [])):
    clear(); check(f"one event of {size:7} bytes as a {kind}: answer, returned", post(kind, b"{" + b" " * (size - 2) + b"}"), (200, returned)); check("  and what the mule did", settled(len(wanted), 3), wanted)
clear(); slow(True); post("function", b"first"); settled(1)
check("50 events while the mule is at work, then a reload: answers", {post("function", b'{"id":"evt_%03d"}' % number) for number in range(50)}, {(200, "None")})
os.kill(server, signal.SIGHUP); time.sleep(2.5); slow(False); post("function", b"[last]", 100); check("  what the mule did", settled(2), ["function 5 b'f'", "function 6 b'['"])
log = open("uwsgi.log").read(); check("UnpicklingErrors in the log", log.count("UnpicklingError: pickle data was truncated"), 1)
sys.exit(failed)
E
timeout 100 python3 t.py "$port" "$server" || { tail -5 uwsgi.log; exit 1; }
