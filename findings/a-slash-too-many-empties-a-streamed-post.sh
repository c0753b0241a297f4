#!/usr/bin/env bash
# Expected: a client that follows 307 or 308, or retries a 503, sends the body again as it was, or says that it cannot: urllib3 has UnrewindableBodyError, httpx
#   StreamConsumed and aiohttp ClientPayloadError for it.
# Happens: Starlette 1.10.0 (FastAPI) answers a POST to /hook/ with 307 to /hook. requests 2.34.2 and urllib3 2.8.0 follow with no option set, and a body from a
#   generator or iterator is then an empty chunked one: 200. The error is only for things with tell(). httpx 0.28.1 (follow_redirects=True) does so with each
#   iterator that is no generator, and with an object that can be read, such as wsgi.input; urllib3.request() with an open file and a BytesIO, too. Retries of
#   a 503 by urllib3's Retry (in requests' adapter), httpx-retries 0.6.0 and aiohttp-retry 2.9.1 do the same. Bytes are whole, files with requests.
# Means: a relay that streams the incoming body to the next service works until somebody writes its URL with a slash, or it is busy once; then the sender has its
#   200, the service events without a body, or a bad signature. Read the body first, or set allow_redirects=False and do not retry streams.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check starlette==1.10.0 uvicorn==0.54.0 requests==2.34.2 urllib3==2.8.0 httpx==0.28.1 httpx-retries==0.6.0 \
  aiohttp==3.14.5 aiohttp-retry==2.9.1
cat > t.py <<'E'
import asyncio, io, socket, sys, threading, time, aiohttp, aiohttp_retry, httpx, httpx_retries, requests, urllib3, uvicorn
from importlib.metadata import version
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
print("Python", sys.version.split()[0], *(f"{name} {version(name)}" for name in "starlette requests urllib3 httpx httpx-retries aiohttp aiohttp-retry".split()))
body, seen, failed = b'{"id":"evt_1","type":"paid"}', [], False
async def hook(request): seen.append(await request.body()); return Response()
async def busy(request): seen.append(await request.body()); return Response(status_code=503 if len(seen) == 1 else 200)
listener = socket.create_server(("127.0.0.1", 0)); url = f"http://127.0.0.1:{listener.getsockname()[1]}"
app = Starlette(routes=[Route("/hook", hook, methods=["POST"]), Route("/busy", busy, methods=["POST"])])
server = uvicorn.Server(uvicorn.Config(app, log_level="critical")); threading.Thread(target=server.run, args=([listener],), daemon=True).start()
while not server.started: time.sleep(0.05)
class Readable:
    """What a WSGI server gives as the body: it can be read and iterated, and has neither tell() nor seek()."""
    def __init__(self): self.file = io.BytesIO(body)
    def read(self, size=-1): return self.file.read(size)
    def __iter__(self): return iter(lambda: self.read(10), b"")
def generator(): yield body[:10]; yield body[10:]
def iterator(): return iter([body[:10], body[10:]])
async def async_generator(): yield body[:10]; yield body[10:]
def opened(): return open("body.json", "rb")
open("body.json", "wb").write(body)
retry = urllib3.Retry(3, status_forcelist=[503], allowed_methods=None)
def retrying_requests(data):
    with requests.Session() as session: session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry)); return session.post(url + "/busy", data=data)
def retrying_httpx(data):
    transport = httpx_retries.RetryTransport(retry=httpx_retries.Retry(total=3, allowed_methods=["POST"], status_forcelist=[503], backoff_factor=0.01))
    with httpx.Client(transport=transport) as client: return client.post(url + "/busy", content=data)
def by_aiohttp(data, path, **options):
    async def post():
        session = aiohttp_retry.RetryClient(retry_options=aiohttp_retry.ExponentialRetry(3, start_timeout=0.01, statuses={503})) if options else aiohttp.ClientSession()
        async with session, session.post(url + path, data=data) as answer: return answer.status
    return asyncio.run(post())
clients = {"requests, /hook/": lambda data: requests.post(url + "/hook/", data=data), "urllib3, /hook/": lambda data: urllib3.request("POST", url + "/hook/", body=data),
  "httpx, /hook/": lambda data: httpx.post(url + "/hook/", content=data, follow_redirects=True), "aiohttp, /hook/": lambda data: by_aiohttp(data, "/hook/"),
  "requests + Retry, 503": retrying_requests, "urllib3 + Retry, 503": lambda data: urllib3.request("POST", url + "/busy", body=data, retries=retry),
  "httpx-retries, 503": retrying_httpx, "aiohttp-retry, 503": lambda data: by_aiohttp(data, "/busy", retry=True)}
def case(client, make, wanted):
    global failed
    seen.clear()
    try: answer = clients[client](make()); answer = getattr(answer, "status_code", getattr(answer, "status", answer))
    except Exception as error: answer = type(error).__name__
    got = ", ".join("whole" if part == body else "EMPTY" if not part else repr(part) for part in seen) or "nothing"
    got = f"{got}: {answer}"; print(f"{client:22} {make.__name__:16} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def in_bytes(): return body
def bytes_io(): return io.BytesIO(body)
for make in (generator, iterator, Readable): case("requests, /hook/", make, "EMPTY: 200")
for make in (opened, in_bytes): case("requests, /hook/", make, "whole: 200")
for make in (generator, iterator, Readable, opened, bytes_io): case("urllib3, /hook/", make, "EMPTY: 200")
case("urllib3, /hook/", in_bytes, "whole: 200")
for make in (iterator, Readable): case("httpx, /hook/", make, "EMPTY: 200")
case("httpx, /hook/", generator, "nothing: StreamConsumed"); case("httpx, /hook/", in_bytes, "whole: 200")
case("aiohttp, /hook/", async_generator, "nothing: ClientPayloadError"); case("aiohttp, /hook/", in_bytes, "whole: 200")
for client in ("requests + Retry, 503", "urllib3 + Retry, 503"):
    for make in (generator, Readable): case(client, make, "whole, EMPTY: 200")
    for make in (opened, in_bytes): case(client, make, "whole, whole: 200")
case("httpx-retries, 503", iterator, "whole, EMPTY: 200"); case("httpx-retries, 503", generator, "whole: StreamConsumed")
case("httpx-retries, 503", in_bytes, "whole, whole: 200")
case("aiohttp-retry, 503", async_generator, "whole, EMPTY: 200"); case("aiohttp-retry, 503", in_bytes, "whole, whole: 200")
server.should_exit = True
sys.exit(failed)
E
timeout 60 v/bin/python t.py
