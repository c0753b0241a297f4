#!/usr/bin/env bash
# Expected: a POST of Java's HttpClient with its defaults arrives at any HTTP/1.1 server like that of another client.
# Happens: over plain http it offers h2c with each request (Connection: Upgrade, HTTP2-Settings). uvicorn 0.54.0 with httptools 0.9.0 (what
#   uvicorn[standard] chooses) then hands the application an EMPTY body, and the answer is 200; with h11 the body is there. Deno.serve 2.9.8 answers
#   400. hypercorn 0.18.0, granian 2.8.9, gunicorn 27.0.1, waitress 3.0.2, aiohttp 3.14.5 and Node.js 20 read it (JDK 17.0.15).
# Means: events from Java inside a network, without a TLS proxy, are accepted and lost. Set version(HTTP_1_1) in the sender, --http h11 in the
#   receiver; treat an empty body as an error; a proxy that drops Upgrade heals it.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; for tool in java javac node; do command -v $tool >/dev/null || { echo "needs Debian's $tool"; exit 2; }; done
java -version 2>&1 | head -1; node --version
python3 -m venv v; v/bin/pip -q install --disable-pip-version-check uvicorn==0.54.0 httptools==0.9.0 h11==0.16.0 hypercorn==0.18.0 granian==2.8.9 gunicorn==27.0.1 waitress==3.0.2 aiohttp==3.14.5 deno==2.9.8
cat > Post.java <<'E'
import java.net.URI; import java.net.http.*;
public class Post { public static void main(String[] a) throws Exception {
  HttpClient.Builder b = HttpClient.newBuilder(); if (a.length > 1) b.version(HttpClient.Version.HTTP_1_1);
  HttpResponse<String> r = b.build().send(HttpRequest.newBuilder(URI.create(a[0])).header("content-type", "application/json")
    .timeout(java.time.Duration.ofSeconds(20)).POST(HttpRequest.BodyPublishers.ofString("{\"m\":1}")).build(), HttpResponse.BodyHandlers.ofString());
  System.out.println(r.statusCode() + " " + r.body()); } }
E
javac Post.java
cat > app.py <<'E'
async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown": return
    size, more = 0, True
    while more:
        message = await receive(); size += len(message.get("body", b"")); more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"%d bytes" % size})
def wsgi(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)); start_response("200 OK", [("Content-Type", "text/plain")]); return [b"%d bytes" % len(body)]
E
cat > aio.py <<'E'
import sys
from aiohttp import web
async def take(request): return web.Response(text=f"{len(await request.read())} bytes")
app = web.Application(); app.router.add_post("/", take); web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
E
cat > n.cjs <<'E'
require('http').createServer(async (req, res) => { let n = 0; for await (const part of req) n += part.length; res.end(n + ' bytes'); }).listen(+process.argv[2], '127.0.0.1');
E
cat > d.js <<'E'
Deno.serve({ port: +Deno.args[0], hostname: '127.0.0.1', onListen() {} }, async (r) => new Response((await r.bytes()).length + ' bytes'));
E
export DENO_DIR="$dir/deno" DENO_NO_UPDATE_CHECK=1
failed=0
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
try() { # try NAME WANTED COMMAND... with PORT in place of the port
  local name=$1 wanted=$2 port got plain; shift 2; port=$(free_port)
  "${@//PORT/$port}" >server.log 2>&1 & server=$!
  for _ in $(seq 300); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
  got=$(timeout 60 java Post "http://127.0.0.1:$port/"); plain=$(timeout 60 java Post "http://127.0.0.1:$port/" 1.1)
  kill $server; wait $server 2>/dev/null || true
  printf '%-20s HttpClient as it is: %-12s with version(HTTP_1_1): %s\n' "$name" "$got" "$plain"
  [ "$got" = "$wanted" ] && [ "$plain" = '200 7 bytes' ] || { echo "   changed: expected $wanted"; failed=1; }
}
try "uvicorn, httptools" '200 0 bytes' v/bin/uvicorn --http httptools --host 127.0.0.1 --port PORT app:asgi
try "uvicorn, h11" '200 7 bytes' v/bin/uvicorn --http h11 --host 127.0.0.1 --port PORT app:asgi
try "Deno.serve" '400 ' v/bin/deno run --quiet --allow-net d.js PORT
try hypercorn '200 7 bytes' v/bin/hypercorn -b 127.0.0.1:PORT app:asgi
try granian '200 7 bytes' v/bin/granian --interface asgi --host 127.0.0.1 --port PORT app:asgi
try gunicorn '200 7 bytes' v/bin/gunicorn --no-control-socket -b 127.0.0.1:PORT app:wsgi
try waitress '200 7 bytes' v/bin/waitress-serve --listen 127.0.0.1:PORT app:wsgi
try aiohttp '200 7 bytes' v/bin/python aio.py PORT
try Node.js '200 7 bytes' node n.cjs PORT
exit $failed
