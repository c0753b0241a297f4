#!/usr/bin/env bash
# Expected: an SDK hands on the `time` of an event, or refuses one that it cannot read; an event without the optional `time` stays without.
# Happens: npm cloudevents 10.0.0 puts the moment of reading in place of a time that JavaScript's Date cannot read (RFC 3339's leap second
#   23:59:60Z) and of a missing one, without any error; PyPI cloudevents 2.2.0 and 1.13.0 also invent a missing time; 2.2.0 raises on the leap second.
# Means: who sorts, expires or measures by `time` takes an old event for a fresh one; each forwarding through an SDK can give it a new time.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts cloudevents@10.0.0
python3 -m venv v2; v2/bin/pip -q install --disable-pip-version-check cloudevents==2.2.0
python3 -m venv v1; v1/bin/pip -q install --disable-pip-version-check cloudevents==1.13.0
cat > t.js <<'E'
const assert = require('assert');
const { HTTP } = require('cloudevents');
console.log('node', process.version, 'cloudevents', require('cloudevents/package.json').version);
const read = (time) => HTTP.toEvent({ headers: { 'content-type': 'application/cloudevents+json' },
  body: JSON.stringify({ specversion: '1.0', id: '1', source: '/s', type: 't', time }) }).time;
const fresh = (t) => Math.abs(Date.parse(t) - Date.now()) < 60000;
for (const t of ['2016-12-31T23:59:59Z', '2016-12-31T23:59:60Z', undefined]) console.log('npm   ', String(t).padEnd(22), '->', read(t));
assert.strictEqual(read('2016-12-31T23:59:59Z'), '2016-12-31T23:59:59.000Z');
assert(fresh(read('2016-12-31T23:59:60Z')));
assert(fresh(read(undefined)));
E
timeout 60 node t.js
cat > t2.py <<'E'
import json
from datetime import datetime, timezone
from importlib.metadata import version
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
def read(**more):
    event = dict(specversion="1.0", id="1", source="/s", type="t", **more)
    return from_http_event(HTTPMessage({"content-type": "application/cloudevents+json"}, json.dumps(event).encode())).get_time()
got = read()
print("PyPI", version("cloudevents"), "missing ->", got)
assert abs((got - datetime.now(timezone.utc)).total_seconds()) < 60
try:
    print(read(time="2016-12-31T23:59:60Z")); raise SystemExit("the leap second is read now")
except ValueError as error:
    print("PyPI", version("cloudevents"), "2016-12-31T23:59:60Z ->", repr(error))
E
timeout 60 v2/bin/python t2.py
cat > t1.py <<'E'
import json
from datetime import datetime, timezone
from importlib.metadata import version
from cloudevents.http import from_http
got = from_http({"content-type": "application/cloudevents+json"}, json.dumps(dict(specversion="1.0", id="1", source="/s", type="t")).encode())["time"]
print("PyPI", version("cloudevents"), "missing ->", got)
assert abs((datetime.fromisoformat(got) - datetime.now(timezone.utc)).total_seconds()) < 60
E
timeout 60 v1/bin/python t1.py
