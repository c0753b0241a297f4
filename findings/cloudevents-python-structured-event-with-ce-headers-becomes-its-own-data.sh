#!/usr/bin/env bash
# Expected: the HTTP binding lets a structured message repeat attributes as ce- headers (for routing); content-type tells the mode.
# Happens: PyPI cloudevents 2.2.0 looks for any ce- header before it looks at content-type: with all of them repeated, the whole envelope becomes the
#   `data` (datacontenttype is then application/cloudevents+json); with ce-id alone it refuses the event. PyPI 1.13.0 and npm 10.0.0 go by content-type.
# Means: a gateway that adds ce- headers, or a sender that helps routers, breaks receivers that moved to the 2.x package; data["data"] is the data.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts cloudevents@10.0.0
python3 -m venv v2; v2/bin/pip -q install --disable-pip-version-check cloudevents==2.2.0
python3 -m venv v1; v1/bin/pip -q install --disable-pip-version-check cloudevents==1.13.0
cat > t2.py <<'E'
import json
from importlib.metadata import version
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.exceptions import CloudEventValidationError
event = dict(specversion="1.0", id="1", source="/s", type="t", data={"a": 1})
def read(**ce):
    headers = {"content-type": "application/cloudevents+json", **{f"ce-{k}": v for k, v in ce.items()}}
    return from_http_event(HTTPMessage(headers, json.dumps(event).encode()))
print(version("cloudevents"), "no ce- headers :", read().get_data())
assert read().get_data() == {"a": 1}
both = read(specversion="1.0", id="1", source="/s", type="t")
print(version("cloudevents"), "all repeated   :", both.get_data(), both.get_datacontenttype())
assert both.get_data() == event and both.get_datacontenttype() == "application/cloudevents+json"
try:
    read(id="1"); raise SystemExit("ce-id alone is read now")
except CloudEventValidationError as error:
    print(version("cloudevents"), "ce-id repeated :", type(error).__name__, list(error.errors))
    assert "source" in error.errors
E
timeout 60 v2/bin/python t2.py
cat > t1.py <<'E'
import json
from importlib.metadata import version
from cloudevents.http import from_http
event = dict(specversion="1.0", id="1", source="/s", type="t", data={"a": 1})
headers = {"content-type": "application/cloudevents+json", "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}
got = from_http(headers, json.dumps(event).encode()).data
print(version("cloudevents"), "all repeated  :", got)
assert got == {"a": 1}
E
timeout 60 v1/bin/python t1.py
cat > t.js <<'E'
const { HTTP } = require('cloudevents');
const headers = { 'content-type': 'application/cloudevents+json', 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't' };
const { data } = HTTP.toEvent({ headers, body: JSON.stringify({ specversion: '1.0', id: '1', source: '/s', type: 't', data: { a: 1 } }) });
console.log('npm', require('cloudevents/package.json').version, 'all repeated:', data);
require('assert').deepStrictEqual(data, { a: 1 });
E
timeout 60 node t.js
