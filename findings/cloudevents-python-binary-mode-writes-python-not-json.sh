#!/usr/bin/env bash
# Expected: an event with datacontenttype application/json keeps its data as JSON when the SDK turns it from structured into binary mode.
# Happens: PyPI cloudevents 2.2.0 writes JSON only for an object: a list becomes Python's own notation (`[{'a': None}]`), true becomes `True`, and a
#   string loses its quotes, all under content-type application/json. 1.13.0 (same package) writes JSON in all these cases.
# Means: a relay that moved from 1.x to 2.x sends batches (lists) that no JSON reader takes; a receiver sees 400s that began with an update.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv v2; v2/bin/pip -q install --disable-pip-version-check cloudevents==2.2.0
python3 -m venv v1; v1/bin/pip -q install --disable-pip-version-check cloudevents==1.13.0
cat > t2.py <<'E'
import json
from importlib.metadata import version
from cloudevents.core.bindings.http import HTTPMessage, from_http_event, to_binary_event
def binary(data):
    event = dict(specversion="1.0", id="1", source="/s", type="t", datacontenttype="application/json", data=data)
    message = to_binary_event(from_http_event(HTTPMessage({"content-type": "application/cloudevents+json"}, json.dumps(event).encode())))
    return message.headers["content-type"], message.body
for data, wanted in (({"a": None}, b'{"a": null}'), ([{"a": None}], b"[{'a': None}]"), (True, b"True"), ("x", b"x"), (0, b"0")):
    kind, body = binary(data)
    print(version("cloudevents"), json.dumps(data), "->", kind, body)
    assert (kind, body) == ("application/json", wanted)
E
timeout 60 v2/bin/python t2.py
cat > t1.py <<'E'
import json
from importlib.metadata import version
from cloudevents.http import from_http
from cloudevents.conversion import to_binary
for data in ({"a": None}, [{"a": None}], True, "x", 0):
    event = dict(specversion="1.0", id="1", source="/s", type="t", datacontenttype="application/json", data=data)
    _, body = to_binary(from_http({"content-type": "application/cloudevents+json"}, json.dumps(event).encode()))
    print(version("cloudevents"), json.dumps(data), "->", body)
    assert json.loads(body) == data
E
timeout 60 v1/bin/python t1.py
