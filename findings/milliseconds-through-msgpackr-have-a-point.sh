#!/usr/bin/env bash
# Expected: a whole number that a JavaScript program packs as MessagePack or CBOR, formats that have integers of 64 bits, is one for the reader, too; the
#   READMEs of msgpackr and cbor-x speak of floats for numbers that are not whole, or where one sets an option for it.
# Happens: msgpackr 2.1.4, msgpack-lite 0.2.2 and cbor-x 1.6.9 write integers up to 4294967295 as such, and each larger one as a 64-bit float: so every
#   Date.now(), every id of 53 bits, also negative ones below -2^31 (cbor-x: -2^32). In Python msgpack 1.2.4, ormsgpack, msgspec and cbor2 give 1700000000000.0.
#   @msgpack/msgpack 3.1.3, msgpack5, notepack.io, cborg and cbor write integers. Read by another JavaScript it is the same number, so tests there see nothing.
# Means: behind a queue with two languages the id 7300000000000001 is the key "7300000000000001.0", and equals no id that came as JSON: an event is new each
#   time, or never found; seconds are right until they are milliseconds; a typed reader (msgspec: int) refuses the message; as JSON it goes on with
#   a point. Send ids as strings and times in seconds or as text, or BigInt(at) to these packers. (Python 3.11, Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check msgpack==1.2.4 ormsgpack==1.13.1 msgspec==0.23.0 cbor2==6.3.0
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts msgpackr@2.1.4 msgpack-lite@0.2.2 cbor-x@1.6.9 @msgpack/msgpack@3.1.3 msgpack5@6.1.0 \
  notepack.io@3.0.1 cborg@6.1.5 cbor@10.0.12
cat > t.mjs <<'E'
import { createRequire } from 'node:module'; import { readFileSync, writeFileSync } from 'node:fs'; import * as cborg from 'cborg';
const require = createRequire(import.meta.url);
const encode = {
  msgpackr: require('msgpackr').pack, 'msgpack-lite': require('msgpack-lite').encode, '@msgpack/msgpack': require('@msgpack/msgpack').encode,
  msgpack5: (v) => require('msgpack5')().encode(v).slice(), 'notepack.io': require('notepack.io').encode,
  'cbor-x': require('cbor-x').encode, cborg: cborg.encode, cbor: require('cbor').encode,
};
const out = [];
for (const [name, pack] of Object.entries(encode)) {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`));
  const hex = (v) => Buffer.from(pack(v)).toString('hex');
  const numbers = [4294967295, 4294967296, 1700000000, 1700000000000, 7300000000000001, -2147483648, -2147483649, -4294967297];
  const event = hex({ id: 7300000000000001, at: 1700000000000 });
  out.push({ name: `${name} ${version}`, cbor: name.startsWith('cbor'), numbers: numbers.map((n) => [String(n), hex(n)]), event });
}
console.log('node', process.version); writeFileSync('packed.json', JSON.stringify(out));
E
cat > t.py <<'E'
import cbor2, json, msgpack, msgspec, ormsgpack, sys
from importlib.metadata import version
print("python", sys.version.split()[0], *[f"{n} {version(n)}" for n in ("msgpack", "ormsgpack", "msgspec", "cbor2")])
class Event(msgspec.Struct): id: int; at: int
failed = False
def same(what, seen, wanted):
    global failed
    print(f"{what}: {seen}" + ("" if seen == wanted else f"   changed: expected {wanted}")); failed |= seen != wanted
for one in json.load(open("packed.json")):
    name = one["name"].rpartition(" ")[0]
    readers = [cbor2.loads] if one["cbor"] else [msgpack.unpackb, ormsgpack.unpackb, msgspec.msgpack.decode]
    floats = [n for n, packed in one["numbers"] if {type(read(bytes.fromhex(packed))) for read in readers} == {float}]
    assert all(read(bytes.fromhex(packed)) == int(n) for n, packed in one["numbers"] for read in readers)
    large = ["4294967296", "1700000000000", "7300000000000001"]; small = ["-2147483649", "-4294967297"]
    wanted = {"msgpackr": large + small, "msgpack-lite": large + small, "cbor-x": large + small[1:]}
    same(f"{one['name']}, floats", floats, wanted.get(name, []))
    if name not in wanted: continue
    packed = bytes.fromhex(one["event"]); event = readers[0](packed)
    same("   key, and JSON", (f"seen:{event['id']}", json.dumps(event)), ("seen:7300000000000001.0", '{"id": 7300000000000001.0, "at": 1700000000000.0}'))
    if one["cbor"]: continue
    try: typed = msgspec.msgpack.decode(packed, type=Event)
    except msgspec.ValidationError as e: typed = str(e)
    same("   into a struct of int", typed, "Expected `int`, got `float` - at `$.id`")
sys.exit(failed)
E
timeout 30 node t.mjs; timeout 30 v/bin/python t.py
