#!/usr/bin/env bash
# Expected: the npm package bson, the one of MongoDB's driver for Node.js, stores a bigint as the number that it is, or refuses it where 64 bits are too few, as bson of Python does; a date that
#   is none becomes null, as in JSON, or is refused. EJSON (Extended JSON) writes the digits that a document has: an id of 64 bits comes from the database as a Long just because a number of
#   JavaScript does not hold it.
# Happens: bson 7.3.4: serialize({ wei: 10n ** 19n }), ten ether, stores -8446744073709551616; a hundred ether are 7766279631452241920, and 2n ** 64n is 0. new Date('2026-07-02 10:00 CEST'),
#   which is no date for JavaScript, is stored as 1970-01-01T00:00:00Z. EJSON.stringify(document), whose form is the relaxed one unless told otherwise, writes the Long 1795953600123456789 as
#   1795953600123456800, and 9007199254740993 as 9007199254740992, as a bigint, too; json_util of Python writes the relaxed form with every digit. Nothing is raised or logged.
# Means: amounts in the smallest unit of a chain are wrong in the database, and negative; an event whose time could not be read is the oldest of all; a log or an export of documents has ids
#   that belong to nobody, or to another. Compare BigInt.asIntN(64, n) === n before (or store a text or a Decimal128), look at isNaN(date), and write EJSON.stringify(document, { relaxed: false }).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts bson@7.3.4
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pymongo==4.20.1
cat > t.cjs <<'E'
const assert = require('assert'), fs = require('fs'), { execFileSync } = require('child_process'); const { EJSON, Long, deserialize, serialize } = require('bson');
const check = (what, got, wanted) => { console.log(what.padEnd(52), got); assert.deepStrictEqual(got, wanted); }, hex = (document) => Buffer.from(serialize(document)).toString('hex');
const bigints = [[5n, '5'], [2n ** 63n - 1n, '9223372036854775807'], [10n ** 19n, '-8446744073709551616'], [10n ** 20n, '7766279631452241920'], [2n ** 64n, '0'], [2n ** 64n + 5n, '5']];
const ids = [['1795953600123456789', '1795953600123456800'], ['9007199254740993', '9007199254740992'], ['1795953600123', '1795953600123']];
const long = (id) => ({ id: Long.fromString(id) }), read = (id) => deserialize(serialize(long(id))), none = { at: new Date('2026-07-02 10:00 CEST') };
const asked = [['version', ''], ...bigints.flatMap(([n]) => [['dumps', hex({ n })], ['encode', String(n)]]), ...ids.flatMap(([id]) => [['dumps', hex(long(id))], ['loads', EJSON.stringify(read(id))]]), ['dumps', hex(none)]];
const answers = JSON.parse(execFileSync('v/bin/python', ['t.py'], { input: JSON.stringify(asked), encoding: 'utf8' })), python = () => answers.shift();
console.log('Node.js', process.version, 'bson', JSON.parse(fs.readFileSync('node_modules/bson/package.json')).version, python());
for (const [n, stored] of bigints) {
  check(`bigint ${n}: stored`, String(deserialize(serialize({ n })).n), stored);
  check('   Python reads of it', python(), `{"n": ${stored}}`);
  check('   Python itself', python(), stored === String(n) ? 'stored' : 'refused: OverflowError');
}
for (const [id, written] of ids) {
  check(`id ${id}, read: ${read(id).id.constructor.name}`, String(read(id).id), id);
  check('   EJSON.stringify(document)', EJSON.stringify(read(id)), `{"id":${written}}`);
  check('   ... with a bigint', EJSON.stringify({ id: BigInt(id) }), `{"id":${written}}`);
  check('   ..., { relaxed: false }', EJSON.stringify(read(id), { relaxed: false }), `{"id":{"$numberLong":"${id}"}}`);
  check('   Python: json_util.dumps() of the same bytes', python(), `{"id": ${id}}`);
  check('   Python: json_util.loads() of what EJSON wrote', python(), written);
}
check('JSON.stringify() of a date that is none', JSON.stringify(none), '{"at":null}');
check('   BSON of it, read again', EJSON.stringify(deserialize(serialize(none))), '{"at":{"$date":"1970-01-01T00:00:00Z"}}');
check('   in Python', python(), '{"at": {"$date": "1970-01-01T00:00:00Z"}}');
E
cat > t.py <<'E'
import json, sys, bson, pymongo
from bson import json_util
def answer(what, text):
    if what == "version": return "pymongo " + pymongo.version
    if what == "dumps": return json_util.dumps(bson.decode(bytes.fromhex(text)))
    if what == "loads": return str(json_util.loads(text)["id"])
    try: bson.encode({"n": int(text)}); return "stored"
    except OverflowError: return "refused: OverflowError"
print(json.dumps([answer(*each) for each in json.load(sys.stdin)]))
E
timeout 150 node t.cjs
