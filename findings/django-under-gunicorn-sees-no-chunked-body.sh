#!/usr/bin/env bash
# Expected: a chunked POST (a sender that streams, or a proxy that passes chunks on) has the same request.body in Django as one with a Content-Length.
# Happens: Django 5.2.19 reads as much as Content-Length says, so under WSGI it is b"" with gunicorn 27.0.1, granian 2.8.9 (wsgi) and Django's own runserver,
#   and the answer is 200. waitress 3.0.2 (it counts the body first) and any ASGI server (uvicorn 0.54.0) give all; Flask 3.1.3 under gunicorn does, too.
# Means: events of a sender that begins to stream, or behind HAProxy or Caddy instead of nginx, are accepted empty and lost, or their signature fails;
#   refuse an empty body, serve webhooks by ASGI, or let the proxy buffer.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v curl >/dev/null || { echo "needs Debian's curl"; exit 2; }
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check django==5.2.19 gunicorn==27.0.1 waitress==3.0.2 granian==2.8.9 uvicorn==0.54.0 h11==0.16.0 flask==3.1.3
cat > hook.py <<'E'
import sys
from django.conf import settings
sys.modules.setdefault("hook", sys.modules[__name__])
if not settings.configured: settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF="hook", SECRET_KEY="not a secret", MIDDLEWARE=[])
import django; django.setup()
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse(f"{len(request.body)} bytes"))]
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
wsgi, asgi = get_wsgi_application(), get_asgi_application()
if __name__ == "__main__":
    from django.core.servers.basehttp import run
    run("127.0.0.1", int(sys.argv[1]), wsgi, threading=True)
E
cat > flaskhook.py <<'E'
from flask import Flask, request
app = Flask(__name__)
@app.post("/")
def take(): return f"{len(request.get_data())} bytes"
E
failed=0
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
try() { # try NAME WANTED COMMAND... with PORT in place of the port
  local name=$1 wanted=$2 port chunked plain; shift 2; port=$(free_port)
  "${@//PORT/$port}" >server.log 2>&1 & server=$!
  for _ in $(seq 600); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
  plain=$(curl -s -m 30 -d '{"a":1}' "http://127.0.0.1:$port/" -w ' %{http_code}')
  chunked=$(curl -s -m 30 -d '{"a":1}' -H 'transfer-encoding: chunked' "http://127.0.0.1:$port/" -w ' %{http_code}')
  kill $server; wait $server 2>/dev/null || true
  printf '%-26s with a length: %-12s chunked: %s\n' "$name" "$plain" "$chunked"
  [ "$plain" = '7 bytes 200' ] && [ "$chunked" = "$wanted" ] || { echo "   changed: expected $wanted"; failed=1; }
}
v/bin/python --version
try "Django, gunicorn" '0 bytes 200' v/bin/gunicorn --no-control-socket -b 127.0.0.1:PORT hook:wsgi
try "Django, granian (wsgi)" '0 bytes 200' v/bin/granian --interface wsgi --host 127.0.0.1 --port PORT hook:wsgi
try "Django, its runserver" '0 bytes 200' v/bin/python hook.py PORT
try "Django, waitress" '7 bytes 200' v/bin/waitress-serve --listen 127.0.0.1:PORT hook:wsgi
try "Django, uvicorn (asgi)" '7 bytes 200' v/bin/uvicorn --http h11 --host 127.0.0.1 --port PORT hook:asgi
try "Flask, gunicorn" '7 bytes 200' v/bin/gunicorn --no-control-socket -b 127.0.0.1:PORT flaskhook:app
exit $failed
