#!/usr/bin/env bash
# Expected: fromJSON() and toJSON() of code that ts-proto makes use the JSON mapping that all of protobuf has, as its readme says; whole numbers of 64 bits
#   that do not fit are an error, as the readme says of the default (forceLong=number), and as decode() does.
# Happens: ts-proto 2.18.0, given what Python's protobuf 7.36.2 writes: a google.protobuf.Duration is text there, "90s" or
#   "1.500s", as the mapping asks for, and fromJSON() makes 0 seconds of it, with each forceLong; toJSON() writes {"seconds":90}, which Python refuses. With
#   useDuration=string, which the readme has as a matter of the type, it is read rightly. The id "9007199254740993" is ...992, alone, in an Int64Value, in a
#   list and as the key of a map (of two entries one is left), where decode() throws for the same message in binary. forceLong=bigint is right about that.
#   Timestamps, enums and bytes are read rightly. No error.
# Means: "try again after 90s", an expiry or a timeout that comes as JSON (Pub/Sub, grpc-gateway, webhooks made of protobuf) is "at once", though the binary
#   test is right, and an order gets the number of another. Set useDuration=string and forceLong=string or bigint, or take @bufbuild/protobuf. (Node.js 20,
#   Python 3.11)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check grpcio-tools==1.85.1 grpcio==1.85.3 protobuf==7.36.2
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts ts-proto@2.18.0 @bufbuild/protobuf@2.17.0 @bufbuild/protoc-gen-es@2.17.0 esbuild@0.28.2
cat > shop.proto <<'E'
syntax = "proto3";
package shop;
import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum State { UNKNOWN = 0; OPEN = 1; PAID = 2; }
message Event {
  int64 order_id = 1; google.protobuf.Duration retry_after = 2; google.protobuf.Timestamp created_at = 3; State state = 4; bytes digest = 5;
  google.protobuf.Int64Value customer = 6; repeated int64 lines = 7; map<int64, string> names = 8; int64 cents = 9;
}
E
protoc() { v/bin/python -m grpc_tools.protoc -I . "$@" shop.proto; }
protoc --python_out=. ; protoc --plugin=node_modules/.bin/protoc-gen-es --es_out=target=js:.
for kind in number bigint string; do mkdir $kind; protoc --plugin=node_modules/.bin/protoc-gen-ts_proto --ts_proto_out=$kind --ts_proto_opt=esModuleInterop=true,forceLong=$kind; done
mkdir text; protoc --plugin=node_modules/.bin/protoc-gen-ts_proto --ts_proto_out=text --ts_proto_opt=esModuleInterop=true,useDuration=string
for kind in number bigint string text; do node_modules/.bin/esbuild $kind/shop.ts --bundle --format=esm --platform=node --outfile=$kind.mjs --log-level=error; done
node_modules/.bin/esbuild shop_pb.js --bundle --format=esm --platform=node --outfile=es.mjs --log-level=error
cat > t.py <<'E'
import json, sys, shop_pb2
from google.protobuf import json_format
if len(sys.argv) > 1:
    try: print(json_format.Parse(sys.argv[1], shop_pb2.Event()).retry_after.seconds)
    except json_format.ParseError: print("refused")
    sys.exit()
def event(**fields): return json_format.ParseDict(fields, shop_pb2.Event())
events = {"small": event(order_id="42", retry_after="90s", created_at="2026-11-29T22:00:00.5+02:00", state="PAID", digest="3q2+7w==", cents="1999"),
          "half": event(retry_after="1.5s"), "large": event(order_id="9007199254740993", customer="9007199254740993", lines=["9007199254740993"],
          names={"9007199254740992": "one", "9007199254740993": "two"})}
print(json.dumps({"json": {n: json_format.MessageToJson(e) for n, e in events.items()}, "binary": {n: e.SerializeToString().hex() for n, e in events.items()}}))
E
v/bin/python t.py > events.json
cat > t.mjs <<'E'
import { execFileSync } from 'node:child_process'; import { readFileSync } from 'node:fs'; import { fromJsonString } from '@bufbuild/protobuf'; import { EventSchema } from './es.mjs';
const installed = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`;
console.log('node', process.version, ...['ts-proto', '@bufbuild/protobuf', 'esbuild'].map(installed));
const plain = (value) => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v instanceof Map ? [...v] : v));
const check = (what, seen, wanted) => { const same = plain(seen) === plain(wanted); if (!same) process.exitCode = 1; console.log(`${what}: ${plain(seen)}${same ? '' : `   CHANGED: expected ${plain(wanted)}`}`); };
const { json, binary } = JSON.parse(readFileSync('events.json')), made = {};
for (const kind of ['number', 'bigint', 'string', 'text']) made[kind] = (await import(`./${kind}.mjs`)).Event;
const read = (name, kind = 'number') => made[kind].fromJSON(JSON.parse(json[name])), decode = (name, kind = 'number') => made[kind].decode(Buffer.from(binary[name], 'hex'));
const tried = (call) => { try { return call(); } catch (error) { return `error: ${error.message}`; } };
console.log('Python writes:', json.small.replace(/\s+/g, ' '), json.half.replace(/\s+/g, ' '));
check('90s, 1.500s in binary', [decode('small').retryAfter, decode('half').retryAfter], [{ seconds: 90, nanos: 0 }, { seconds: 1, nanos: 500000000 }]);
check('90s, 1.500s from JSON', [read('small').retryAfter, read('half').retryAfter], [{ seconds: 0, nanos: 0 }, { seconds: 0, nanos: 0 }]);
check('with forceLong=bigint, string', [read('small', 'bigint').retryAfter, read('small', 'string').retryAfter], [{ seconds: 0n, nanos: 0 }, { seconds: '0', nanos: 0 }]);
check('with useDuration=string', [read('small', 'text').retryAfter, read('half', 'text').retryAfter], [{ seconds: 90, nanos: 0 }, { seconds: 1, nanos: 500000000 }]);
const es = (name) => fromJsonString(EventSchema, json[name]);
check('@bufbuild/protobuf', [es('small').retryAfter.seconds, es('half').retryAfter.nanos, es('large').orderId], [90n, 500000000, 9007199254740993n]);
const written = JSON.stringify({ retryAfter: made.number.toJSON(decode('small')).retryAfter });
check('toJSON() of 90 seconds, and Python given that', [written, execFileSync('v/bin/python', ['t.py', written]).toString().trim()], ['{"retryAfter":{"seconds":90}}', 'refused']);
const other = read('small'); check('the other fields', [other.orderId, other.cents, other.createdAt, other.state, Buffer.from(other.digest).toString('hex')], [42, 1999, new Date('2026-11-29T20:00:00.5Z'), 2, 'deadbeef']);
check('a large id in binary', tried(() => decode('large').orderId), 'error: Value is larger than Number.MAX_SAFE_INTEGER');
const large = read('large'), id = 9007199254740992;
check('a large id from JSON: alone, wrapper, list, map', [large.orderId, large.customer, large.lines, Object.keys(large.names)], [id, id, [id], [String(id)]]);
check('with forceLong=bigint', [read('large', 'bigint').orderId, read('large', 'bigint').customer], [9007199254740993n, 9007199254740993n]);
E
timeout 60 node t.mjs
