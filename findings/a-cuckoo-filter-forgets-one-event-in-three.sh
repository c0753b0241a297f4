#!/usr/bin/env bash
# Expected: a cuckoo filter made for 5,000 ids knows each of the 5,000 that were added (its readme, too, has false as the answer that is certain), or says
#   that it is full; and it takes as many strange ids for known ones as it was told.
# Happens: bloom-filters 3.0.4: CuckooFilter.create(5000, 0.01) and CuckooFilter.from(ids, 0.01) answer true to each add() and
#   then do not know 1,671 of the 5,000, a third; of 4,000 added 212 are gone, of 2,000 three. A filter with 400 places says true to 400 of 500 ids, false to
#   100, and knows 120. With the error rate 0.000001 it takes 70 of 100,000 strange ids for known. What is lost was thrown out by a later one, without an error.
#   Its BloomFilter, PartitionedBloomFilter, CountingBloomFilter, ScalableBloomFilter and XorFilter know all; pyprobables 0.7.0 raises CuckooFilterFullError,
#   cuckoopy 0.1.1 knows all. (Reported upstream.)
# Means: as the list of seen ids it lets through every third repeat once it is as full as it was made for, so after weeks and never in a test. Take another of
#   its filters (ScalableBloomFilter, if the number is not known), or make it for three times as many and count with has() after add(). (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts bloom-filters@3.0.4
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pyprobables==0.7.0 cuckoopy==0.1.1
cat > t.cjs <<'E2'
const B = require('bloom-filters'); console.log('node', process.version, 'bloom-filters', require('./node_modules/bloom-filters/package.json').version);
const ids = Array.from({ length: 5000 }, (_, i) => 'evt_' + i.toString(36).padStart(8, '0')), unknown = (f, list) => list.filter((id) => !f.has(id)).length;
const expect = (what, is, wanted) => { console.log(what.padEnd(66), is); if (is !== wanted) { process.exitCode = 1; console.log('   changed: expected', wanted); } };
const fill = (f, list) => { let said = 0; for (const id of list) if (f.add(id) === true) said++; return said; };
for (const [n, lost] of [[1000, 0], [2000, 3], [4000, 212], [5000, 1671]]) {
  const f = B.CuckooFilter.create(5000, 0.01), list = ids.slice(0, n);
  expect(`CuckooFilter.create(5000, 0.01): add() says true, of ${n}`, fill(f, list), n); expect('   and does not know', unknown(f, list), lost);
}
expect('CuckooFilter.from(ids, 0.01) does not know', unknown(B.CuckooFilter.from(ids, 0.01), ids), 1671);
const small = new B.CuckooFilter(100, 3, 4); expect('CuckooFilter of 100 times 4 places: add() says true, of 500', fill(small, ids.slice(0, 500)), 400); expect('   and does not know', unknown(small, ids.slice(0, 500)), 380);
const exact = B.CuckooFilter.create(5000, 0.000001); fill(exact, ids.slice(0, 2000)); let strange = 0; for (let i = 0; i < 100000; i++) if (exact.has('x' + i)) strange++;
expect('CuckooFilter.create(5000, 0.000001): known of 100,000 strange ids', strange, 70);
for (const name of ['BloomFilter', 'PartitionedBloomFilter', 'CountingBloomFilter']) { const f = B[name].create(5000, 0.01); fill(f, ids); expect(`${name}.create(5000, 0.01) does not know`, unknown(f, ids), 0); }
const scalable = B.ScalableBloomFilter.create(1000, 0.01); fill(scalable, ids); expect('ScalableBloomFilter.create(1000, 0.01) does not know', unknown(scalable, ids), 0);
const xor = new B.XorFilter(5000, 8); xor.add(ids); expect('XorFilter does not know', unknown(xor, ids), 0);
E2
cat > t.py <<'E2'
import sys; from importlib.metadata import version; from probables import CuckooFilter; import cuckoopy
ids = [f"evt_{i:08d}" for i in range(5000)]; print("pyprobables", version("pyprobables"), "cuckoopy", version("cuckoopy"))
def full():
    f = CuckooFilter(capacity=1000, bucket_size=4, auto_expand=False)
    try:
        for i in ids: f.add(i)
    except Exception as e: return type(e).__name__
    return sum(not f.check(i) for i in ids)
other = cuckoopy.CuckooFilter(capacity=5000, bucket_size=4, fingerprint_size=1)
for i in ids: other.insert(i)
now = [full(), sum(not other.contains(i) for i in ids)]; print("pyprobables when full:", now[0], " cuckoopy does not know:", now[1])
sys.exit(now != ["CuckooFilterFullError", 0])
E2
rc=0; timeout 60 node t.cjs || rc=1; timeout 60 v/bin/python t.py || rc=1; exit $rc
