#!/usr/bin/env bash
# Expected: no HTTP client repeats a POST by itself, without any retry option: one call, at most one request.
# Happens: when the server reads a POST and closes without an answer (a restart, a timeout), these post again silently: curl 7.88.1 and libcurl (pycurl)
#   on a connection used before; Deno 2.9.8's fetch likewise; Java 17's HttpURLConnection even on a fresh one; wget 1.21.3 up to 20 times. The caller sees
#   one call and one 200. Not so: requests, httpx, aiohttp, Node.js (http, fetch), Java's HttpClient.
# Means: "our sender has no retries" is not true of these: a receiver deduplicates by id whatever the sender says, and a count of posts is not one of events.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; for tool in curl wget java javac node; do command -v $tool >/dev/null || { echo "needs Debian's $tool"; exit 2; }; done
curl --version | head -1 | cut -d' ' -f1,2; wget --version | head -1 | cut -d' ' -f1-3; java -version 2>&1 | head -1; node --version
python3 -m venv v; v/bin/pip -q install --disable-pip-version-check requests==2.34.2 httpx==0.28.1 aiohttp==3.14.5 deno==2.9.8 pycurl==7.45.7
cat > server.py <<'E'
# Answers every POST but one: `reused` closes after the first POST that comes second on its connection, `fresh` after the very first, `never` after each.
import socket, sys, threading
mode, closed, lock = sys.argv[1], False, threading.Lock()
def serve(connection):
    global closed
    stream, served = connection.makefile("rb"), 0
    while line := stream.readline():
        length = 0
        while (header := stream.readline()).strip():
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length": length = int(value)
        body = stream.read(length).decode(); served += 1
        with lock:
            print(body, file=open("log", "a"))
            drop = mode == "never" or not closed and (mode == "fresh" or served == 2)
            closed = closed or drop
        if drop: break
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    connection.shutdown(socket.SHUT_RDWR); connection.close()
listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen()
print(listener.getsockname()[1], file=open("port.new", "w")); import os; os.rename("port.new", "port")
while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
E
cat > requests_.py <<'E'
import requests, sys
with requests.Session() as s:
    for b in ("m1", "m2"):
        try: s.post(sys.argv[1], data=b)
        except requests.ConnectionError: pass
E
cat > httpx_.py <<'E'
import httpx, sys
with httpx.Client() as s:
    for b in ("m1", "m2"):
        try: s.post(sys.argv[1], content=b)
        except httpx.RemoteProtocolError: pass
E
cat > aiohttp_.py <<'E'
import aiohttp, asyncio, sys
async def main():
    async with aiohttp.ClientSession() as s:
        for b in (b"m1", b"m2"):
            try:
                async with s.post(sys.argv[1], data=b) as r: await r.read()
            except aiohttp.ServerDisconnectedError: pass
asyncio.run(main())
E
cat > pycurl_.py <<'E'
import pycurl, sys, io
c = pycurl.Curl()
for b in ("m1", "m2"):
    c.setopt(pycurl.URL, sys.argv[1]); c.setopt(pycurl.POSTFIELDS, b); c.setopt(pycurl.WRITEDATA, io.BytesIO())
    try: c.perform()
    except pycurl.error: pass
E
cat > node_http.cjs <<'E'
const http = require('http'), agent = new http.Agent({ keepAlive: true });
const post = (b) => new Promise((done) => { const q = http.request(process.argv[2], { method: 'POST', agent, headers: { 'content-length': 2 } },
  (r) => { r.resume(); r.on('end', () => setTimeout(done, 50)); }); q.on('error', done); q.end(b); });
(async () => { await post('m1'); await post('m2'); agent.destroy(); })();
E
cat > fetch.mjs <<'E'
const url = globalThis.Deno ? Deno.args[0] : process.argv[2];
for (const body of ['m1', 'm2']) { try { await (await fetch(url, { method: 'POST', body })).text(); } catch {} await new Promise((f) => setTimeout(f, 50)); }
E
cat > Old.java <<'E'
import java.net.*;
public class Old { public static void main(String[] a) throws Exception { for (String b : new String[] {"m1", "m2"}) {
  HttpURLConnection c = (HttpURLConnection) new URL(a[0]).openConnection(); c.setRequestMethod("POST"); c.setDoOutput(true);
  c.getOutputStream().write(b.getBytes()); try { c.getInputStream().readAllBytes(); } catch (java.io.IOException e) { } } } }
E
cat > New.java <<'E'
import java.net.URI; import java.net.http.*;
public class New { public static void main(String[] a) throws Exception { HttpClient c = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  for (String b : new String[] {"m1", "m2"}) try { c.send(HttpRequest.newBuilder(URI.create(a[0])).POST(HttpRequest.BodyPublishers.ofString(b)).build(),
    HttpResponse.BodyHandlers.ofString()); } catch (java.io.IOException e) { } } }
E
javac Old.java New.java
failed=0
try() { # try MODE WANTED NAME COMMAND...: what the server read, in order
  local mode=$1 wanted=$2 name=$3 got; shift 3; rm -f log port
  python3 server.py "$mode" & server=$!
  for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
  timeout 60 "$@" "http://127.0.0.1:$(cat port)/" >/dev/null 2>&1 || true
  kill $server; wait $server 2>/dev/null || true
  got=$(paste -sd' ' log); printf '%-7s %-26s server read: %s\n' "$mode" "$name" "$got"
  [ "$got" = "$wanted" ] || { echo "   changed: expected $wanted"; failed=1; }
}
both() { local url=${!#}; "${@:1:$#-1}" -d m1 "$url" --next -s -d m2 "$url"; }
export -f both; export DENO_DIR="$dir/deno" DENO_NO_UPDATE_CHECK=1 NO_COLOR=1
once='m1 m2'
try reused "$once" requests v/bin/python requests_.py
try reused "$once" httpx v/bin/python httpx_.py
try reused "$once" aiohttp v/bin/python aiohttp_.py
try reused "$once" "Node.js http, keep-alive" node node_http.cjs
try reused "$once" "Java HttpClient" java New
try reused "m1 m2 m2" curl bash -c 'both curl -s "$1"' -
try reused "m1 m2 m2" "pycurl (libcurl)" v/bin/python pycurl_.py
try reused "m1 m2 m2" "Deno fetch" v/bin/deno run --quiet --allow-net fetch.mjs
try reused "m1 m2 m2" "Java HttpURLConnection" java Old
try fresh "$once" "Node.js fetch" node fetch.mjs
try fresh "$once" "Java HttpClient" java New
try fresh "$once" curl bash -c 'both curl -s "$1"' -
try fresh "m1 m1 m2" "Java HttpURLConnection" java Old
try never "m1 m1 m1 m1" "wget --tries=4" wget -q --tries=4 --waitretry=0 -O /dev/null --post-data=m1
try fresh "m1 m1" "wget, no option" wget -q -O /dev/null --post-data=m1
exit $failed
