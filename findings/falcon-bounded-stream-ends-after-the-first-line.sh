#!/usr/bin/env bash
# Expected: falcon's req.bounded_stream is the request's body as a file that ends where the body ends; falcon's documentation offers it where reading
#   req.stream might hang. readline() until b"" gives each line of it, as with any file of Python.
# Happens: falcon 4.4.0 counts what was ASKED for, not what was read. readline() asks for all that is left: it gives the first line, and from then on the
#   stream is at its end: readline() and read() give b"", eof is True. readline(65536) does the same; readline(20) of lines of 15 bytes loses the last
#   fourth of them, readline(16) cuts the last one. No error; the same in falcon's test client, gunicorn 27.0.1 and waitress 3.0.2. read(), readlines() and
#   req.stream.readline() give all; one event alone is never lost.
# Means: a receiver of batches (NDJSON: one event a line) handles the first event of each request and answers 200, so that nobody sends the others again; a
#   test with one event passes. Read it whole and split at the newlines, or compare the bytes that the lines have with Content-Length.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --disable-pip-version-check falcon==4.4.0 gunicorn==27.0.1 waitress==3.0.2
cat > batch.py <<'E'
import json, falcon
def until_empty(readline): return list(iter(readline, b""))
def first_and_rest(stream): return [stream.readline(), stream.read()]
WAYS = {
    "readline()": lambda req: until_empty(req.bounded_stream.readline),
    "readline(65536)": lambda req: until_empty(lambda: req.bounded_stream.readline(65536)),
    "readline(20)": lambda req: until_empty(lambda: req.bounded_stream.readline(20)),
    "readline(), read()": lambda req: first_and_rest(req.bounded_stream),
    "for": lambda req: list(req.bounded_stream),
    "readline(16)": lambda req: until_empty(lambda: req.bounded_stream.readline(16)),
    "readlines()": lambda req: req.bounded_stream.readlines(),
    "req.stream.readline(n)": lambda req: until_empty(lambda: req.stream.readline(65536)),
}
class Batch:
    def on_post(self, req, resp):
        parts = WAYS[req.get_header("X-Way")](req)
        resp.media = {"parts": len(parts), "bytes": sum(map(len, parts)), "of": req.content_length, "eof": req.bounded_stream.eof}
app = falcon.App(); app.add_route("/", Batch())
E
cat > ask.py <<'E'
import json, platform, sys, urllib.request
import falcon, falcon.testing, batch
body = b"".join(b'{"id":"msg_%d"}\n' % n for n in range(1, 6))
wanted = {"readline()": 1, "readline(65536)": 1, "readline(20)": 4, "readline(), read()": 2, "for": 5, "readlines()": 5, "req.stream.readline(n)": 5}
lost = {"readline()": 60, "readline(65536)": 60, "readline(20)": 15, "readline(), read()": 60}
failed = False
def show(name, way, got, parts, missing):
    global failed
    print(f"{name:9} {way:23} parts: {got['parts']}  bytes: {got['bytes']:3} of {got['of']:3}")
    if (got["parts"], got["of"] - got["bytes"]) != (parts, missing): failed = True; print("   changed: expected", parts, "parts,", missing, "bytes missing")
def ask(name, way, body):
    headers = {"X-Way": way, "Content-Type": "application/x-ndjson"}
    if name == "falcon": return falcon.testing.TestClient(batch.app).simulate_post("/", body=body, headers=headers).json
    return json.load(urllib.request.urlopen(urllib.request.Request(sys.argv[2], body, headers), timeout=20))
name = sys.argv[1]
print("python", platform.python_version(), "falcon", falcon.__version__)
for way in wanted if name != "falcon" else ["readline()", "readline(65536)"]: show(name, way, ask(name, way, body), wanted[way], lost.get(way, 0))
show(name, "readline(20)", ask(name, "readline(20)", body * 4), 15, 75)       # 20 lines of 15 bytes: a quarter is lost
show(name, "readline(16)", ask(name, "readline(16)", body), 5, 4)             # the last line is cut
show(name, "readline(), 1 event", ask(name, "readline()", body[:15]), 1, 0)
sys.exit(failed)
E
failed=0
v/bin/python ask.py falcon || failed=1
for name in gunicorn waitress; do
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  case $name in
    gunicorn) v/bin/gunicorn --log-level error -b 127.0.0.1:$port batch:app & ;;
    waitress) v/bin/waitress-serve --listen 127.0.0.1:$port batch:app >log 2>&1 & ;;
  esac
  server=$!
  for _ in $(seq 600); do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
  v/bin/python ask.py $name "http://127.0.0.1:$port/" || failed=1
  kill $server; wait $server 2>/dev/null || true
done
exit $failed
