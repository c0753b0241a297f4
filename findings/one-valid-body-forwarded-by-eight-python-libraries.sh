#!/usr/bin/env bash
# Expected: what one Python library reads as JSON, the next one writes as JSON: json.loads takes the body, `json=` sends it on.
# Happens: for the valid number 1E400 aiohttp 3.14.5, Flask 3.1.3, HTTPie 3.2.4 and pydantic 2.14.4 send `Infinity`, which is no JSON; requests 2.34.2, httpx 0.28.1
#   and Starlette 1.10.0 raise when they send; orjson 3.13.0 refuses to read. For the valid string "\ud83d" (half a pair, as JavaScript cuts text) httpx and
#   Starlette raise UnicodeEncodeError, orjson and pydantic refuse to read; the others pass it on.
# Means: a relay that parses answers 500 to, or breaks, events that a store-and-forward of the bytes passes on; which ones depends on the library at the exit.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check requests==2.34.2 httpx==0.28.1 aiohttp==3.14.5 flask==3.1.3 starlette==1.10.0 orjson==3.13.0 pydantic==2.14.4 httpie==3.2.4
cat > t.py <<'E'
import json, subprocess, sys, aiohttp, flask, httpx, orjson, pydantic_core, requests
from starlette.responses import JSONResponse
URL = "http://127.0.0.1/"
def of_flask(body):
    with flask.Flask("x").app_context(): return flask.jsonify(json.loads(body)).data.strip()
def of_httpie(body):
    out = subprocess.run([sys.executable, "-m", "httpie", "--ignore-stdin", "--offline", "POST", URL, "a:=" + body[5:-1]], capture_output=True, timeout=60, check=True).stdout
    return out.strip().splitlines()[-1]
relays = {"requests": lambda b: requests.Request("POST", URL, json=json.loads(b)).prepare().body, "httpx": lambda b: httpx.Request("POST", URL, json=json.loads(b)).content,
    "aiohttp": lambda b: aiohttp.JsonPayload(json.loads(b))._value, "Flask": of_flask, "Starlette": lambda b: JSONResponse(json.loads(b)).body,
    "HTTPie": of_httpie, "orjson": lambda b: orjson.dumps(orjson.loads(b)), "pydantic": lambda b: pydantic_core.to_json(pydantic_core.from_json(b))}
wanted = {'{"a":1E400}': dict(requests="InvalidJSONError", httpx="ValueError", aiohttp="Infinity", Flask="Infinity", Starlette="ValueError", HTTPie="Infinity", orjson="JSONDecodeError", pydantic="Infinity"),
    '{"a":"\\ud83d"}': dict(requests="\\ud83d", httpx="UnicodeEncodeError", aiohttp="\\ud83d", Flask="\\ud83d", Starlette="UnicodeEncodeError", HTTPie="\\ud83d", orjson="JSONDecodeError", pydantic="ValueError")}
failed = False
for body, outcomes in wanted.items():
    for name, relay in relays.items():
        try: said = bytes(relay(body)).decode()
        except (ValueError, requests.exceptions.InvalidJSONError) as error: said = type(error).__name__
        print(f"{body:16} {name:10} -> {said}")
        if outcomes[name] not in said: failed = True; print("   changed: expected", outcomes[name])
sys.exit(failed)
E
timeout 200 v/bin/python t.py
