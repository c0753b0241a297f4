#!/usr/bin/env bash
# Expected: request.json of a web framework reads a JSON body as Python's json does, or as the parser that was chosen for it; a package that something else in
#   the environment needs does not change what is read.
# Happens: microdot 2.7.0 and asgi-tools 3.2.1 (the base of muffin) take orjson whenever it can be imported. With orjson 3.13.0 near them, a whole number from
#   2^64 on (and below -2^63) is a rounded float, without an error: 18446744073709551617 is 1.8446744073709552e+19, the same as the id before it. 1e400 and a
#   lone surrogate, read before, are a 500 in microdot; asgi-tools' request.data() then hands on the bytes in place of the object, with 200.
# Means: installing an unrelated package (many bring orjson) makes two ids one, and turns events that were taken into refused ones, in a service whose own code
#   and pins did not change. Parse the bytes of the body with the parser of your choice, and send ids as strings.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --disable-pip-version-check microdot==2.7.0 asgi-tools==3.2.1 uvicorn==0.54.0
cat > site_.py <<'E'
import sys
import asgi_tools, microdot
in_microdot = microdot.Microdot()
@in_microdot.post("/")
async def receive(request): return repr(request.json)
in_asgi_tools = asgi_tools.App()
@in_asgi_tools.route("/", methods=["POST"])
async def receive_too(request): return repr(await request.data())
if __name__ == "__main__":
    if sys.argv[1] == "microdot": in_microdot.run(host="127.0.0.1", port=int(sys.argv[2]))
    import uvicorn; uvicorn.run(in_asgi_tools, port=int(sys.argv[2]), log_level="critical")
E
cat > ask.py <<'E'
import importlib.util, sys, urllib.error, urllib.request
name, url, failed = sys.argv[1], sys.argv[2], False
def show(body, wanted):
    global failed
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try: got = urllib.request.urlopen(request, timeout=20).read().decode()
    except urllib.error.HTTPError as error: got = error.code
    print(f"{name:10} {body.decode():27} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
with_orjson = importlib.util.find_spec("orjson") is not None
print("-- orjson can be imported:", with_orjson)
refused = (lambda body: 500) if name == "microdot" else (lambda body: repr(body))
show(b'{"id":18446744073709551615}', "{'id': 18446744073709551615}")
same = "{'id': 1.8446744073709552e+19}"
for number in (b"18446744073709551616", b"18446744073709551617"): show(b'{"id":' + number + b"}", same if with_orjson else "{'id': " + number.decode() + "}")
show(b'{"n":-9223372036854775809}', "{'n': -9.223372036854776e+18}" if with_orjson else "{'n': -9223372036854775809}")
for body, plain in ((b'{"n":1e400}', "{'n': inf}"), (b'{"text":"\\ud800"}', "{'text': '\\ud800'}")): show(body, refused(body) if with_orjson else plain)
sys.exit(failed)
E
failed=0
for step in without with; do
  [ $step = without ] || v/bin/pip -q install --disable-pip-version-check orjson==3.13.0
  v/bin/pip list --disable-pip-version-check 2>/dev/null | grep -iE '^(microdot|asgi-tools|orjson) ' | xargs
  for name in microdot asgi-tools; do
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'); v/bin/python site_.py $name $port >log 2>&1 & server=$!
    for _ in $(seq 600); do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
    v/bin/python ask.py $name "http://127.0.0.1:$port/" || failed=1
    kill $server; wait $server 2>/dev/null || true
  done
done
exit $failed
