#!/usr/bin/env bash
# Expected: 1xx answers (100, 102 Processing, 103 Early Hints) may precede any answer; every HTTP client skips those that it does not know.
# Happens: requests 2.34.2 (Python 3.11's http.client skips 100 alone) returns status 102 or 103 with an empty body, for which `ok` is True and
#   raise_for_status() is silent; Java 17's HttpURLConnection returns 102 or 103 too. Node.js 20's fetch skips those, but fails with "bad response" at a
#   100 that it did not ask for, after the server took the POST. httpx, aiohttp, curl, wget, Deno, Java's HttpClient do right.
# Means: a receiver or proxy that says 102 "still working" or sends hints makes senders believe in a success that is none, or post again; send none.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; for tool in curl wget java javac node; do command -v $tool >/dev/null || { echo "needs Debian's $tool"; exit 2; }; done
python3 --version; node --version; java -version 2>&1 | head -1; curl --version | head -1 | cut -d' ' -f1,2; wget --version | head -1 | cut -d' ' -f1-3
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check requests==2.34.2 httpx==0.28.1 aiohttp==3.14.5 deno==2.9.8
cat > server.py <<'E'
# POST /103 is answered by a 103 and then by a 200, and so on; each on a connection of its own.
import os, socket, threading
def serve(connection):
    stream = connection.makefile("rb"); path, length = stream.readline().split()[1], 0
    while (header := stream.readline()).strip():
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length": length = int(value)
    stream.read(length)
    connection.sendall(b"HTTP/1.1 %s Interim\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok" % path[1:])
    connection.shutdown(socket.SHUT_WR); stream.read(); connection.close()
listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen()
print(listener.getsockname()[1], file=open("port.new", "w")); os.rename("port.new", "port")
while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
E
python3 server.py & server=$!
cat > r.py <<'E'
import requests, sys
r = requests.post(sys.argv[1], data=b"x"); r.raise_for_status(); print(r.status_code, "ok" if r.ok else "not ok", repr(r.text))
E
cat > h.py <<'E'
import httpx, sys
print(httpx.post(sys.argv[1], content=b"x").status_code)
E
cat > a.py <<'E'
import aiohttp, asyncio, sys
async def main():
    async with aiohttp.ClientSession() as s, s.post(sys.argv[1], data=b"x") as r: print(r.status)
asyncio.run(main())
E
cat > f.mjs <<'E'
const url = globalThis.Deno ? Deno.args[0] : process.argv[2];
try { console.log((await fetch(url, { method: 'POST', body: 'x' })).status); } catch (e) { console.log(e.cause?.message ?? e.message); }
E
cat > Old.java <<'E'
import java.net.*;
public class Old { public static void main(String[] a) throws Exception { HttpURLConnection c = (HttpURLConnection) new URL(a[0]).openConnection();
  c.setRequestMethod("POST"); c.setDoOutput(true); c.getOutputStream().write(120); System.out.println(c.getResponseCode()); } }
E
cat > New.java <<'E'
import java.net.URI; import java.net.http.*;
public class New { public static void main(String[] a) throws Exception { System.out.println(HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(a[0]))
  .POST(HttpRequest.BodyPublishers.ofString("x")).build(), HttpResponse.BodyHandlers.ofString()).statusCode()); } }
E
javac Old.java New.java
export DENO_DIR="$dir/deno" DENO_NO_UPDATE_CHECK=1 NO_COLOR=1
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
url=http://127.0.0.1:$(cat port); failed=0
try() { # try NAME WANTED-AFTER-100 -102 -103 COMMAND...
  local name=$1 wanted="$2|$3|$4" got=; shift 4
  for status in 100 102 103; do got+="$(timeout 30 "$@" "$url/$status" 2>&1 | tail -1)|"; done
  printf '%-24s after 100, 102, 103: %s\n' "$name" "${got%|}"
  [ "${got%|}" = "$wanted" ] || { echo "   changed: expected $wanted"; failed=1; }
}
try requests "200 ok 'ok'" "102 ok ''" "103 ok ''" v/bin/python r.py
try "Java HttpURLConnection" 200 102 103 java Old
try "Node.js fetch" "bad response" 200 200 node f.mjs
try httpx 200 200 200 v/bin/python h.py
try aiohttp 200 200 200 v/bin/python a.py
try Deno 200 200 200 v/bin/deno run --quiet --allow-net f.mjs
try "Java HttpClient" 200 200 200 java New
try curl 200 200 200 curl -s -o answer -w '%{http_code}\n' -d x
try wget ok ok ok wget -q -O - --tries=1 --post-data=x
exit $failed
