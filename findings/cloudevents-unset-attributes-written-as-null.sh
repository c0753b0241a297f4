#!/usr/bin/env bash
# Expected: the JSON format of CloudEvents says that an unset attribute MAY be written as null, so every SDK reads that.
# Happens: PyPI cloudevents 2.2.0 refuses null for subject, dataschema, datacontenttype and (with a TypeError of the date parser) time; 1.13.0 reads all.
#   npm 10.0.0 reads them, but keeps a null extension and sends it on in binary mode as the header `ce-ext: null`, a text of four letters.
# Means: a sender of CloudEvents leaves unset attributes out; a receiver in Python drops nulls before it hands the JSON to the SDK.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts cloudevents@10.0.0
python3 -m venv v2; v2/bin/pip -q install --disable-pip-version-check cloudevents==2.2.0
python3 -m venv v1; v1/bin/pip -q install --disable-pip-version-check cloudevents==1.13.0
cat > t2.py <<'E'
import json
from importlib.metadata import version
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
refused = []
for name in ("subject", "dataschema", "datacontenttype", "time", "ext", "data"):
    event = dict(specversion="1.0", id="1", source="/s", type="t") | {name: None}
    try:
        from_http_event(HTTPMessage({"content-type": "application/cloudevents+json"}, json.dumps(event).encode())); said = "read"
    except Exception as error:
        said = f"{type(error).__name__}: {error}"; refused.append(name)
    print("PyPI", version("cloudevents"), f"{name}: null ->", said)
assert refused == ["subject", "dataschema", "datacontenttype", "time"], refused
E
timeout 60 v2/bin/python t2.py
cat > t1.py <<'E'
import json
from importlib.metadata import version
from cloudevents.http import from_http
for name in ("subject", "dataschema", "datacontenttype", "time"):
    event = dict(specversion="1.0", id="1", source="/s", type="t") | {name: None}
    from_http({"content-type": "application/cloudevents+json"}, json.dumps(event).encode())
print("PyPI", version("cloudevents"), "reads all of them")
E
timeout 60 v1/bin/python t1.py
cat > t.js <<'E'
const http = require('http'), assert = require('assert'), { HTTP } = require('cloudevents');
const event = HTTP.toEvent({ headers: { 'content-type': 'application/cloudevents+json' },
  body: JSON.stringify({ specversion: '1.0', id: '1', source: '/s', type: 't', subject: null, ext: null, data: {} }) });
const server = http.createServer((req, res) => res.end(JSON.stringify(req.headers))).listen(0, '127.0.0.1', async () => {
  const got = await (await fetch(`http://127.0.0.1:${server.address().port}/`, { method: 'POST', ...HTTP.binary(event) })).json();
  console.log('npm', require('cloudevents/package.json').version, 'sends ce-subject:', got['ce-subject'], '| ce-ext:', JSON.stringify(got['ce-ext']));
  assert.strictEqual(got['ce-ext'], 'null'); assert.strictEqual(got['ce-subject'], undefined);
  server.close(); server.closeAllConnections();
});
E
timeout 60 node t.js
