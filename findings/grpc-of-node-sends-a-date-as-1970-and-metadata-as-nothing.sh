#!/usr/bin/env bash
# Expected: gRPC and Pub/Sub clients in Node.js build messages from plain objects with protobufjs (@grpc/proto-loader is on it).
#   A Date for a google.protobuf.Timestamp is that time, a JSON object for a google.protobuf.Struct is that object, or there
#   is an error, as there is for a text or a number in their place. verify() tells whether an object fits, and a number that is too large for an int32
#   does not.
# Happens: protobufjs 8.8.1 and 7.6.6 (under proto-loader 0.8.1) send a Date as an empty Timestamp, which each receiver reads as 1970-01-01, and a Struct
#   without anything of {"order": "A-17"}; verify() finds nothing to say. An int32 of 3000000000 is -1294967296, a uint32 of -1 is 4294967295, verify()
#   finds nothing there either (protobuf-es throws). A state that is new ("REFUNDED") is left out, so that it is the first of the list, PENDING; in a
#   repeated field 7.6.6 writes PENDING for it, 8.8.1 leaves it out. An int32 of "12,50" is 0.
# Means: every event has the time 1970 and no metadata, or a few large amounts are negative, with no error on either side. Write { seconds, nanos } for a
#   Timestamp and { fields: ... } for a Struct, amounts as int64, and check states yourself; or use protobuf-es.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error protobufjs@8.8.1 @grpc/proto-loader@0.8.1 seven@npm:protobufjs@7.6.6 @bufbuild/protobuf@2.17.0 >/dev/null
cat > event.proto <<'P'
syntax = "proto3";
import "google/protobuf/timestamp.proto";
import "google/protobuf/struct.proto";
enum State { PENDING = 0; PAID = 1; }
message Event { google.protobuf.Timestamp at = 1; google.protobuf.Struct metadata = 2; int32 cents = 3; uint32 quantity = 4; State state = 5; repeated State states = 6; }
service Events { rpc Send (Event) returns (Event); }
P
cat > t.mjs <<'E2'
import { readFileSync } from 'fs'
import protobufjs from 'protobufjs'
import seven from 'seven'
import loader from '@grpc/proto-loader'
import { create, fromBinary, toBinary, toJson } from '@bufbuild/protobuf'
import { Int32ValueSchema, StructSchema, TimestampSchema, timestampDate } from '@bufbuild/protobuf/wkt'
console.log(...['protobufjs', 'seven', '@grpc/proto-loader', '@bufbuild/protobuf'].map((n) => n + ' ' + JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version), 'node', process.version)
let failed = false
const check = (name, got, wanted) => { console.log('  ', name.padEnd(62), got); if (got !== wanted) { failed = true; console.log('   changed: expected', wanted) } }
const attempt = (run) => { try { return run() } catch { return 'error' } }
const inside = (bytes, number) => (bytes[0] === number * 8 + 2 ? bytes.subarray(2, 2 + bytes[1]) : undefined) // the bytes of a message that is the only field set
const grpc = loader.loadSync('event.proto').Events.Send
const at = new Date('2026-11-29T22:00:00Z'), seconds = at.getTime() / 1000
for (const [name, library] of [['protobufjs 8', protobufjs], ['protobufjs 7', seven], ['proto-loader', null]]) {
  const Event = (library ?? seven).loadSync('event.proto').lookupType('Event')
  const bytes = library ? (event) => Event.encode(Event.fromObject(event)).finish() : (event) => grpc.requestSerialize(event)
  const time = (event) => attempt(() => timestampDate(fromBinary(TimestampSchema, inside(bytes(event), 1))).toISOString()) // read by protobuf-es
  const struct = (event) => attempt(() => JSON.stringify(toJson(StructSchema, fromBinary(StructSchema, inside(bytes(event), 2)))))
  const read = (event, field) => attempt(() => JSON.stringify(Event.toObject(Event.decode(bytes(event)), { enums: String, defaults: true, arrays: true })[field]))
  console.log(name)
  check('at: new Date("2026-11-29T22:00:00Z"), read by protobuf-es', time({ at }), '1970-01-01T00:00:00.000Z')
  check('at: { seconds }', time({ at: { seconds } }), '2026-11-29T22:00:00.000Z')
  check('at: a text, at: a number', [time({ at: at.toISOString() }), time({ at: seconds })].join(), 'error,error')
  check('metadata: { order: "A-17" }, read by protobuf-es', struct({ metadata: { order: 'A-17' } }), '{}')
  check('metadata: { fields: { order: { stringValue: "A-17" } } }', struct({ metadata: { fields: { order: { stringValue: 'A-17' } } } }), '{"order":"A-17"}')
  check('cents: 3000000000, cents: 2000000000', [read({ cents: 3e9 }, 'cents'), read({ cents: 2e9 }, 'cents')].join(), '-1294967296,2000000000')
  check('quantity: -1, quantity: 5000000000', [read({ quantity: -1 }, 'quantity'), read({ quantity: 5e9 }, 'quantity')].join(), '4294967295,705032704')
  check('cents: "12,50"', read({ cents: '12,50' }, 'cents'), '0')
  check('state: "PAID", state: "REFUNDED"', [read({ state: 'PAID' }, 'state'), read({ state: 'REFUNDED' }, 'state')].join(), '"PAID","PENDING"')
  check('states: ["PAID", "REFUNDED"]', read({ states: ['PAID', 'REFUNDED'] }, 'states'), name === 'protobufjs 8' ? '["PAID"]' : '["PAID","PENDING"]')
  if (library) for (const event of [{ at }, { metadata: { order: 'A-17' } }, { cents: 3e9 }, { quantity: -1 }]) check(`verify(${JSON.stringify(event)})`, Event.verify(event), null)
}
check('protobuf-es, an int32 of 3000000000', attempt(() => toBinary(Int32ValueSchema, create(Int32ValueSchema, { value: 3e9 }))), 'error')
process.exit(failed ? 1 : 0)
E2
node t.mjs
