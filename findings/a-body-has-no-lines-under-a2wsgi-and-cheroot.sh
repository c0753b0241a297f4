#!/usr/bin/env bash
# Expected: wsgi.input is a file (PEP 3333): read(), readline(), readlines() and a `for` loop see the same bytes. Django's request can be read like a file, too:
#   `for line in request` gives a batch of events (NDJSON) line by line, whichever server is in front.
# Happens: a2wsgi 1.10.10 (which FastAPI's documentation recommends for mounting Django or Flask, and which `uvicorn --interface wsgi` takes when it is there)
#   looks only into its buffer when readline() has a size, and the buffer is empty at first: b"", "the end". Django 5.2.19 always gives a size, so for it no
#   body has any line: `for`, readline() and readlines() are empty, without an error, while request.body is whole. readlines() of a2wsgi adds a newline to
#   a body that does not end with one. cheroot 11.1.2 (the server of CherryPy): readlines() is [] for every body; Flask 3.1.3's request.stream passes it on.
# Means: a view that takes batches line by line finds zero events and answers 200, and the sender drops them all; nothing is in any log. Count the lines
#   against Content-Length, or take request.body and split. A signature over b"".join(readlines()) fails by one byte.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --disable-pip-version-check a2wsgi==1.10.10 uvicorn==0.54.0 Django==5.2.19 Flask==3.1.3 cheroot==11.1.2 gunicorn==27.0.1
cat > site_.py <<'E'
import json
import a2wsgi, django, flask
from django.conf import settings
settings.configure(SECRET_KEY="k", ROOT_URLCONF="site_", ALLOWED_HOSTS=["*"], MIDDLEWARE=[])
django.setup()
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
def until_empty(readline): return list(iter(readline, b""))
WAYS = {"for": list, "readline()": lambda f: until_empty(f.readline), "readline(n)": lambda f: until_empty(lambda: f.readline(65536)),
        "readlines()": lambda f: f.readlines(), "read()": lambda f: [f.read()], "body": lambda f: [f.body]}
def tell(parts): return json.dumps([len(parts), sum(map(len, parts))])
def view(request): return HttpResponse(tell(WAYS[request.headers["X-Way"]](request)))
urlpatterns = [path("django", view)]
in_django = get_wsgi_application()
in_flask = flask.Flask("app")
@in_flask.post("/flask")
def receive(): return tell(WAYS[flask.request.headers["X-Way"]](flask.request.stream))
def app(environ, start):
    if environ["PATH_INFO"] == "/django": return in_django(environ, start)
    if environ["PATH_INFO"] == "/flask": return in_flask(environ, start)
    answer = tell(WAYS[environ["HTTP_X_WAY"]](environ["wsgi.input"])).encode()
    start("200 OK", [("Content-Length", str(len(answer)))]); return [answer]
asgi = a2wsgi.WSGIMiddleware(app)
E
cat > ask.py <<'E'
import json, sys, urllib.request
name, url, failed = sys.argv[1], sys.argv[2], False
body = b'{"id":"msg_1"}\n{"id":"msg_2"}\n{"id":"msg_3"}'      # 44 bytes, no newline at the end
def ask(where, way, wanted):
    global failed
    request = urllib.request.Request(url + where, body, {"X-Way": way, "Content-Type": "application/x-ndjson"})
    got = json.load(urllib.request.urlopen(request, timeout=20))
    print(f"{name:24} {where:7} {way:12} parts: {got[0]}  bytes: {got[1]} of {len(body)}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
whole, none, more = [3, 44], [0, 0], [3, 45]
bad, old = "a2wsgi" in name, name == "cheroot"
for way in ("for", "readline()", "readlines()"): ask("django", way, none if bad else whole)
for way in ("read()", "body"): ask("django", way, [1, 44])
ask("wsgi", "readline(n)", none if bad else whole)
ask("wsgi", "readline()", whole)
ask("wsgi", "readlines()", more if bad else none if old else whole)
ask("flask", "readline()", whole)
ask("flask", "readlines()", none if old else whole)
sys.exit(failed)
E
v/bin/python - <<'E'
import platform, importlib.metadata
print("python", platform.python_version(), *[p + " " + importlib.metadata.version(p) for p in "a2wsgi uvicorn Django Flask cheroot gunicorn".split()])
E
failed=0
for name in gunicorn cheroot "uvicorn + a2wsgi" "uvicorn wsgi (a2wsgi)"; do
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  case $name in
    gunicorn) v/bin/gunicorn --log-level error -b 127.0.0.1:$port site_:app & ;;
    cheroot) v/bin/python -c "import site_; from cheroot.wsgi import Server; Server(('127.0.0.1', $port), site_.app).start()" & ;;
    "uvicorn + a2wsgi") v/bin/uvicorn --log-level error --port $port site_:asgi & ;;
    *) v/bin/uvicorn --log-level error --port $port --interface wsgi site_:app & ;;
  esac
  server=$!
  for _ in $(seq 600); do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
  v/bin/python ask.py "$name" "http://127.0.0.1:$port/" || failed=1
  kill $server; wait $server 2>/dev/null || true
done
exit $failed
