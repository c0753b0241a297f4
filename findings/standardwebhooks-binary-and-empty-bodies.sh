#!/usr/bin/env bash
# Expected: a signature covers bytes, so a library verifies any body: an archive, a protobuf message, an empty ping.
# Happens: npm standardwebhooks 1.1.1 turns the Buffer into UTF-8 text first, so the right signature of bytes that are no UTF-8 is "No matching
#   signature found", and a Uint8Array (what Request.bytes() gives) is refused by its type. PyPI 1.1.0 raises UnicodeDecodeError there, and for an empty
#   body with the right signature JSONDecodeError, where npm returns undefined: none of them a WebhookVerificationError, so a 500 and not a 401.
# Means: deliver text only to receivers with these libraries, base64 for the rest; in Python catch ValueError too, or pass json_parse=False.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts standardwebhooks@1.1.1
python3 -m venv v; v/bin/pip -q install --disable-pip-version-check standardwebhooks==1.1.0
export KEY=MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
cat > t.js <<'E'
const assert = require('assert'), { createHmac } = require('crypto'), { Webhook } = require('standardwebhooks');
console.log('node', process.version, 'npm standardwebhooks', require('standardwebhooks/package.json').version);
const now = Math.floor(Date.now() / 1000), key = Buffer.from(process.env.KEY, 'base64');
const outcome = (body) => {
  const mac = createHmac('sha256', key).update(`m.${now}.`).update(body).digest('base64');
  try { return new Webhook(process.env.KEY).verify(body, { 'webhook-id': 'm', 'webhook-timestamp': String(now), 'webhook-signature': `v1,${mac}` }); }
  catch (e) { return `${e.name}: ${e.message}`; }
};
const text = outcome(Buffer.from('{"a":1}')), binary = outcome(Buffer.from([0x1f, 0x8b, 8, 0, 0xff])), view = outcome(new Uint8Array(Buffer.from('{"a":1}'))), empty = outcome(Buffer.alloc(0));
console.log('npm : JSON ->', text, '| bytes 1f8b0800ff ->', binary, '| Uint8Array of JSON ->', view, '| empty ->', empty);
assert.deepStrictEqual(text, { a: 1 }); assert.match(binary, /No matching signature/); assert.match(view, /type string or Buffer/); assert.strictEqual(empty, undefined);
E
timeout 60 node t.js
cat > t.py <<'E'
import base64, hashlib, hmac, os, time
from importlib.metadata import version
from standardwebhooks import Webhook
now, key = str(int(time.time())), base64.b64decode(os.environ["KEY"])
def outcome(body):
    mac = base64.b64encode(hmac.digest(key, f"m.{now}.".encode() + body, hashlib.sha256)).decode()
    try:
        return Webhook(os.environ["KEY"]).verify(body, {"webhook-id": "m", "webhook-timestamp": now, "webhook-signature": "v1," + mac})
    except Exception as error:
        return type(error).__name__
got = outcome(b'{"a":1}'), outcome(b"\x1f\x8b\x08\x00\xff"), outcome(b"")
print("PyPI", version("standardwebhooks"), ": JSON ->", got[0], "| bytes 1f8b0800ff ->", got[1], "| empty ->", got[2])
assert got == ({"a": 1}, "UnicodeDecodeError", "JSONDecodeError"), got
E
timeout 60 v/bin/python t.py
