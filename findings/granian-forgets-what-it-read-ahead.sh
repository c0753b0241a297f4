#!/usr/bin/env bash
# Expected: read(3) of a request's body, and then read(): the first gives three bytes, the second all the rest, as with any file (a look at a byte order mark
#   or at gzip's two bytes before one goes on; a first line with readline() and then the rest).
# Happens: Granian 2.8.9 (wsgi) puts what came in with the first call aside, gives three bytes of it, and read() without a size does not look there: these
#   bytes are gone. Of a body that comes in one piece the first three are left; in one that comes in pieces a hole is left in the middle.
#   No error, 200. So in Flask 3.1.3's request.stream, too. read(3) and then read(n) with a size is whole, and so is Django 5.2.19, which always gives one.
#   gunicorn 27.0.1 and waitress 3.0.2 lose nothing.
# Means: moving from gunicorn to Granian a signature that was right is wrong from one day to the next, or, where nothing is verified, events are stored cut off.
#   Take the body once and whole (request.get_data()), or always give read() a size until b"" comes.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --disable-pip-version-check granian==2.8.9 Flask==3.1.3 Django==5.2.19 gunicorn==27.0.1 waitress==3.0.2
cat > site_.py <<'E'
import json
import django, flask
from django.conf import settings
settings.configure(SECRET_KEY="k", ROOT_URLCONF="site_", ALLOWED_HOSTS=["*"], MIDDLEWARE=[])
django.setup()
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
def until_empty(read): return list(iter(read, b""))
WAYS = {"read()": lambda f: [f.read()], "read(3), read()": lambda f: [f.read(3), f.read()], "readline(), read()": lambda f: [f.readline(), f.read()],
        "read(3), read(n)...": lambda f: [f.read(3), *until_empty(lambda: f.read(65536))]}
def tell(parts):
    body = b"".join(parts)
    numbers = [int(n) for n in body[:-1].split(b"\n") if n.isdigit()]
    steps = [b - a for a, b in zip(numbers, numbers[1:])]
    return json.dumps({"bytes": len(body), "first": len(parts[0]), "hole": any(step != 1 for step in steps)})
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
E
cat > ask.py <<'E'
import json, socket, sys, time
name, port, failed = sys.argv[1], int(sys.argv[2]), False
small, large = b"100\n101\n102\n", b"".join(b"%d\n" % n for n in range(10000, 30000))    # 12 bytes, 120,000 bytes
def ask(where, way, body, wanted):
    global failed
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        head = f"POST /{where} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Way: {way}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        if len(body) < 100: connection.sendall(head + body)
        else:
            connection.sendall(head + body[:20000]); time.sleep(0.3); connection.sendall(body[20000:])
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.split()[1] == b"200", answer
    text = answer.decode(); got = json.loads(text[text.index("{"):text.rindex("}") + 1])
    seen = "whole" if got["bytes"] == len(body) else "hole" if got["hole"] else "cut" if got["bytes"] == got["first"] else "other"
    print(f"{name:8} {where:6} {way:19} {got['bytes']:6} of {len(body):6} bytes: {seen}")
    if seen != wanted: failed = True; print("   changed: expected", wanted)
bad = name == "granian"
for where in ("wsgi", "flask", "django"):
    lost = bad and where != "django"
    for way in ("read()", "read(3), read(n)..."): ask(where, way, small, "whole"); ask(where, way, large, "whole")
    for way in ("read(3), read()", "readline(), read()"):
        ask(where, way, small, "cut" if lost else "whole"); ask(where, way, large, "hole" if lost else "whole")
sys.exit(failed)
E
v/bin/python - <<'E'
import platform, importlib.metadata
print("python", platform.python_version(), *[p + " " + importlib.metadata.version(p) for p in "granian Flask Django gunicorn waitress".split()])
E
failed=0
for name in gunicorn waitress granian; do
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  case $name in
    gunicorn) v/bin/gunicorn --log-level error -b 127.0.0.1:$port site_:app & ;;
    waitress) v/bin/waitress-serve --listen 127.0.0.1:$port site_:app >log 2>&1 & ;;
    granian) v/bin/granian --no-log --interface wsgi --host 127.0.0.1 --port $port site_:app & ;;
  esac
  server=$!
  for _ in $(seq 600); do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
  v/bin/python ask.py $name $port || failed=1
  kill $server; wait $server 2>/dev/null || true
done
exit $failed
