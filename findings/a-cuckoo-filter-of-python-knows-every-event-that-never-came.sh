#!/usr/bin/env bash
# Expected: CuckooFilter.init_error_rate(0.01, capacity=20000) of pyprobables is a cuckoo filter for 20,000 ids that takes one strange id in a hundred, at most, for one that it knows; its error_rate says
#   0.01 afterwards. A lower error_rate is more exact, at whatever size.
# Happens: pyprobables 0.7.0 derives both places of an id from its fingerprint alone, and makes the fingerprint as short as the formula for a filter whose places come from the whole id: 10 bits, which
#   are 1,024 different ids for it. With 20,000 ids in it, every strange id is known: check() is True for each of 20,000 that never came; with 1,000 it is two in three; at 0.001 it is 92 and 11 in
#   a hundred. add() goes well, load_factor() is 0.0128 of a filter that should be a quarter full. CuckooFilter(capacity=20000), without the rate, has 32 bits and is right; so is BloomFilter. Exported
#   and read by load_error_rate(), a filter has forgotten the ids whose fingerprint is zero, one in a thousand. No error in either.
# Means: used to leave out repeats, the filter lets a thousand events through and drops all that come after, as repeats, while its error rate says 0.01. Give finger_size=4 in place of a rate, and
#   count how many ids that cannot be there are known before it decides anything. (Python 3.11)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check pyprobables==0.7.0
cat > t.py <<'E'
import sys
from importlib.metadata import version
from probables import BloomFilter, CuckooFilter
print("Python", sys.version.split()[0], "pyprobables", version("pyprobables")); failed = False
def show(what, got, ok):
    global failed
    print(f"   {what:78} {got}")
    if not ok(got): failed = True; print("      changed")
def strange(filter_): return sum(filter_.check(f"evt_x{n}") for n in range(20000)) / 20000
def known(filter_, count): return sum(filter_.check(f"evt_{n}") for n in range(count)) / count
def fill(filter_, count):
    for n in range(count): filter_.add(f"evt_{n}")
    return filter_
for rate, count, low, high in ((0.01, 20000, 1, 1), (0.01, 1000, 0.5, 0.8), (0.001, 20000, 0.85, 1), (0.001, 1000, 0.08, 0.2), (0.0001, 20000, 0.08, 0.3)):
    cuckoo = fill(CuckooFilter.init_error_rate(rate, capacity=count), count)
    show(f"init_error_rate({rate}, capacity={count}): error_rate, bits", (cuckoo.error_rate, cuckoo.fingerprint_size_bits), lambda got: got[0] == rate)
    show(f"   {count} ids added: share of them that is known, load_factor()", (known(cuckoo, count), cuckoo.load_factor()), lambda got: got[0] == 1 and got[1] <= 0.25)
    show("   share of strange ids that is known", strange(cuckoo), lambda got: low <= got <= high)
for count in (1000, 20000):
    show(f"CuckooFilter(capacity={count}): strange", strange(fill(CuckooFilter(capacity=count), count)), lambda got: got < 0.001)
    show(f"BloomFilter(est_elements={count}, false_positive_rate=0.01): strange", strange(fill(BloomFilter(est_elements=count, false_positive_rate=0.01), count)), lambda got: got < 0.03)
passed = 0; cuckoo = CuckooFilter.init_error_rate(0.01, capacity=20000)
for n in range(20000):
    if not cuckoo.check(f"evt_{n}"): passed += 1; cuckoo.add(f"evt_{n}")
show("20,000 different events, each added if not known: let through", passed, lambda got: got <= 1024)
cuckoo.export("file"); show("   known after load_error_rate(0.01, file)", known(CuckooFilter.load_error_rate(0.01, "file"), 20000), lambda got: 0.99 < got < 1)
sys.exit(failed)
E
timeout 100 v/bin/python t.py
