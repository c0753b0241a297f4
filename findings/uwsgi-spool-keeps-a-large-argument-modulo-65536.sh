#!/usr/bin/env bash
# Expected: the arguments of a job for uWSGI's spooler have at most 64 kB together, what is larger belongs into `body`: uWSGI says so in its log, and the call raises
#   ("unable to spool job").
# Happens: uWSGI 2.0.21 (Debian 12) takes the length of an argument modulo 65,536 before it looks. 65,535 bytes raise; 65,536 and 131,072 bytes are spooled as nothing,
#   70,000 as the first 4,464, 200,000 as the first 3,392. The call returns the name of the job's file as ever, the log has one line more, which says "written", and the
#   job runs with the short value; the other arguments are right. With pass_arguments=True (a function with arguments of its own) the job ends with an UnpicklingError
#   and is tried again, for ever. As `body` all sizes are whole.
# Means: a test with a body that is a little too large raises, as documented, and real ones, larger than that, are stored without their ends, or empty, after 200. Give
#   the spooler the event as body= (bytes), and compare its length in the job with one that is sent beside it.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); server=; trap '[ -z "$server" ] || { kill -QUIT $server; wait $server; } 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq uwsgi-core uwsgi-plugin-python3 python3-uwsgidecorators libpython3.11 libpython3.11-minimal libpython3.11-stdlib libpcre3 libyajl2 libjansson4 libcap2 libexpat1 \
  >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f uwsgi-core_*.deb Version); echo "uwsgi-core $version"; [[ $version == 2.0.21-* ]] || { echo "   changed: expected 2.0.21"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr; mkdir spool
cat > app.py <<'E'
import os, uwsgi
from uwsgidecorators import spool
here = os.getcwd()

def note(kind, values):
    line = " ".join(f"{name}={len(values[name])}{'' if values[name][-1:] in (b']', ']', b'', '') else ', without its end'}" for name in sorted(values))
    with open(f"{here}/done", "a") as done: done.write(f"{kind}: {line}\n")

@spool
def store(job):
    note("spooled", {name: job[name] for name in ("event", "body", "after") if name in job}); return uwsgi.SPOOL_OK

@spool(pass_arguments=True)
def call(event):
    note("called", {"event": event}); return uwsgi.SPOOL_OK

def application(environ, start_response):
    body = environ["wsgi.input"].read(); way = environ["PATH_INFO"]
    try:
        if way == "/argument": result = store(event=body, after=b"[end]")
        elif way == "/body": result = store(body=body, after=b"[end]")
        else: result = call(body)
        answer = "a file's name" if b"uwsgi_spoolfile" in result else repr(result)
    except Exception as error: answer = repr(error)
    start_response("200 OK", [("Content-Type", "text/plain")]); return [answer.encode()]
E
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
LD_LIBRARY_PATH=$usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu PYTHONHOME=$usr PYTHONPATH=$usr/lib/python3/dist-packages PYTHONDONTWRITEBYTECODE=1 "$usr/bin/uwsgi-core" \
  --plugins-dir "$usr/lib/uwsgi/plugins" --plugin python311 --http-socket "127.0.0.1:$port" --master --processes 1 --disable-logging --wsgi-file app.py \
  --spooler "$dir/spool" --spooler-frequency 1 >uwsgi.log 2>&1 & server=$!
cat > t.py <<'E'
import os, sys, time, urllib.request
port = sys.argv[1]; failed = False
def post(way, size, tries=1):
    for left in reversed(range(tries)):
        try: return urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/{way}", b"[" + b"x" * (size - 2) + b"]"), timeout=20).read().decode()
        except OSError:
            if not left: raise
            time.sleep(0.1)
def done(wait):
    for _ in range(wait * 10):
        if os.path.exists("done") and not os.listdir("spool"): lines = open("done").read().splitlines(); os.remove("done"); return lines
        time.sleep(0.1)
    return []
def check(name, got, wanted):
    global failed
    print(f"{name:72} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
fine, cut, end = "a file's name", ", without its end", "spooled: after=5 "
for way, size, answer, ran in (("argument", 10, fine, [end + "event=10"]), ("argument", 60000, fine, [end + "event=60000"]), ("argument", 65535, "ValueError('unable to spool job')", []),
    ("argument", 65536, fine, [end + "event=0"]), ("argument", 70000, fine, [end + f"event=4464{cut}"]), ("argument", 131072, fine, [end + "event=0"]),
    ("argument", 200000, fine, [end + f"event=3392{cut}"]), ("body", 65535, fine, [end + "body=65535"]), ("body", 70000, fine, [end + "body=70000"]), ("body", 200000, fine, [end + "body=200000"]),
    ("call", 60000, fine, ["called: event=60000"])):
    check(f"an event of {size:6} bytes as {way}: returned", post(way, size, 100), answer); check("   what the job had", done(10) if ran else [], ran)
check("an event of  70000 bytes as call: returned", post("call", 70000), fine); time.sleep(4.5)
check("   what the job had", done(0), []); check("   still in the spool", len(os.listdir("spool")), 1)
log = open("uwsgi.log").read(); errors = log.count("UnpicklingError: pickle data was truncated"); check("   tried again and again", errors > 1 or errors, True)
check("lines in the log about the limit (for 65,535)", log.count("limited to 64k"), 1)
sys.exit(failed)
E
timeout 100 python3 t.py "$port" || { tail -5 uwsgi.log; exit 1; }
