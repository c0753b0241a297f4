#!/usr/bin/env bash
# Expected: the HTTP binding says that blanks, quotes, % and non-ASCII in ce- headers are percent-encoded; a subject survives from one SDK to another.
# Happens: PyPI 2.2.0 encodes and decodes; PyPI 1.13.0 and npm 10.0.0 do neither. So `order 100%` sent by 2.x arrives in the old ones as
#   `order%20100%25`, and `50%25 off` sent raw by the old ones is `50% off` in 2.x; a subject outside Latin-1 cannot be sent by npm's at all (fetch throws).
# Means: ids and subjects change between senders of one vendor and one specification; compare and deduplicate by ids of plain letters only.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts cloudevents@10.0.0
python3 -m venv v2; v2/bin/pip -q install --disable-pip-version-check cloudevents==2.2.0
python3 -m venv v1; v1/bin/pip -q install --disable-pip-version-check cloudevents==1.13.0
cat > py2.py <<'E'
import sys
from cloudevents.core.v1.event import CloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_http_event, to_binary_event
if sys.argv[1] == "send":
    print(to_binary_event(CloudEvent(dict(id="1", source="/s", type="t", specversion="1.0", subject=sys.argv[2]), {})).headers["ce-subject"])
else:
    headers = {"content-type": "application/json", "ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-specversion": "1.0", "ce-subject": sys.argv[2]}
    print(from_http_event(HTTPMessage(headers, b"{}")).get_subject())
E
cat > py1.py <<'E'
import sys
from cloudevents.http import CloudEvent, from_http
from cloudevents.conversion import to_binary
if sys.argv[1] == "send":
    print(to_binary(CloudEvent(dict(source="/s", type="t", subject=sys.argv[2]), {}))[0]["ce-subject"])
else:
    headers = {"content-type": "application/json", "ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-specversion": "1.0", "ce-subject": sys.argv[2]}
    print(from_http(headers, b"{}")["subject"])
E
cat > js.js <<'E'
const { HTTP, CloudEvent } = require('cloudevents'); const [, , what, subject] = process.argv;
const headers = { 'content-type': 'application/json', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't', 'ce-specversion': '1.0', 'ce-subject': subject };
console.log(what === 'send' ? HTTP.binary(new CloudEvent({ source: '/s', type: 't', subject })).headers['ce-subject'] : HTTP.toEvent({ headers, body: '{}' }).subject);
E
sdk() { case $1 in py2) timeout 60 v2/bin/python py2.py "$2" "$3";; py1) timeout 60 v1/bin/python py1.py "$2" "$3";; js) timeout 60 node js.js "$2" "$3";; esac; }
echo "py2 = PyPI 2.2.0, py1 = PyPI 1.13.0, js = npm 10.0.0, node $(node --version)"
for subject in 'order 100%' '50%25 off'; do
  for from in py2 py1 js; do for to in py2 py1 js; do
    header=$(sdk $from send "$subject"); got=$(sdk $to read "$header")
    echo "$subject | $from sends: $header | $to reads: $got"
    eval "seen_${from}_${to}=\$got"
  done; done
  for pair in py2_py2 py1_py1 py1_js js_py1 js_js; do v=seen_$pair; [ "${!v}" = "$subject" ]; done
  [ "$seen_py2_js" != "$subject" ]; [ "$seen_py2_py1" = "$seen_py2_js" ]
done
[ "$seen_js_py2" = '50% off' ]; [ "$seen_py1_py2" = '50% off' ]
cat > big.js <<'E'
const { HTTP, CloudEvent } = require('cloudevents');
const { headers, body } = HTTP.binary(new CloudEvent({ source: '/s', type: 't', subject: 'Łódź', data: {} }));
try { new Request('http://127.0.0.1/', { method: 'POST', headers, body }); console.log('taken'); process.exit(1); } catch (e) { console.log('js, subject Łódź:', e.name, e.message); }
E
timeout 60 node big.js
