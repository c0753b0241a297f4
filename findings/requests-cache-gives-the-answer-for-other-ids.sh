#!/usr/bin/env bash
# Expected: requests-cache gives a stored answer for the same request only; its page on matching says that it levels out only what changes nothing in
#   the answer: the order of a JSON object's members, say. A JSON list asks in an order, and the answers come in that order.
# Happens: requests-cache 1.3.3 sorts what it makes the key of. ["evt_2", "evt_1"] gets the answer to ["evt_1", "evt_2"], and so do form fields and query parameters
#   of one name (id=b&id=a), a GET among them, with nothing set. A JSON text is sorted by its letters: of "12" and "21", or "listen" and "silent", the second gets
#   the first one's answer, and its request is not sent. In a list, the text "access_token" or "api_key" does not count at all. Lists of numbers and texts mixed or
#   of objects, and lists inside of an object, are told apart; so is text that is no JSON. (POST with allowable_methods, as its README has it)
# Means: a worker that looks up a batch (prices, texts, who an event is for) and zips the answers to what it asked books each one on the wrong event as soon as
#   the same ids come in another order. Ask with the ids sorted and map answers by an id of theirs, or give a key_fn over the bytes of the request.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check requests-cache==1.3.3 requests==2.34.2
cat > t.py <<'E'
import hashlib, http.server, json, sys, threading, requests, requests_cache
from importlib.metadata import version
print("Python", sys.version.split()[0], *(f"{name} {version(name)}" for name in ("requests-cache", "requests"))); sent, failed = [], False
class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_POST(self):
        asked = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode() or self.path.partition("?")[2]
        sent.append(asked); answer = json.dumps({"answer to": asked}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(answer))); self.end_headers(); self.wfile.write(answer)
    do_GET = do_POST
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo); threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
def by_bytes(request, **_): return hashlib.sha256(f"{request.method} {request.url} ".encode() + (request.body or b"")).hexdigest()
def ask(session, kind, body):
    if kind == "query": return session.get(url + "?" + body)
    types = {"json": "application/json", "form": "application/x-www-form-urlencoded", "text": "text/plain"}
    return session.post(url, data=body.encode(), headers={"Content-Type": types[kind]})
def case(kind, first, second, wrong, **options):
    global failed
    session = requests_cache.CachedSession(backend="memory", allowable_methods=["GET", "POST"], **options); sent.clear()
    ask(session, kind, first); got = ask(session, kind, second).json()["answer to"]
    print(f"{'key_fn ' if options else ''}{kind}: {first} and then {second} gets the answer to {got}" + ("" if got == second else ", and was not sent"))
    if (got, sent) != ((first, [first]) if wrong else (second, [first, second])): failed = True; print("   changed: expected the", "first" if wrong else "second")
ids = '["evt_1", "evt_2"]', '["evt_2", "evt_1"]'
case("json", *ids, True); case("json", "[1, 2]", "[2, 1]", True)
case("json", '"12"', '"21"', True); case("json", '"listen"', '"silent"', True)
case("json", '["access_token", "x"]', '["x"]', True)
case("form", "id=a&id=b", "id=b&id=a", True); case("query", "id=a&id=b", "id=b&id=a", True)
case("json", '{"ids": ["evt_1", "evt_2"]}', '{"ids": ["evt_2", "evt_1"]}', False)
case("json", '[{"id": 1}, {"id": 2}]', '[{"id": 2}, {"id": 1}]', False); case("json", '[1, "a"]', '["a", 1]', False)
case("text", "12", "21", False); case("query", "id=12", "id=21", False)
case("json", *ids, False, key_fn=by_bytes)
print("without requests-cache:", requests.post(url, data=ids[0]).json()["answer to"], "and", requests.post(url, data=ids[1]).json()["answer to"])
sys.exit(failed)
E
timeout 60 v/bin/python t.py
