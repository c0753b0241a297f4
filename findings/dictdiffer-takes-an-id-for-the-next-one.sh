#!/usr/bin/env bash
# Expected: dictdiffer's diff() of two states of an event has each member that differs (its readme: the difference between two dictionaries), patch() and revert() lead from one to the other
#   and back. tolerance is said to be a threshold for two float numbers.
# Happens: dictdiffer 0.10.0 compares integers by that tolerance as well, as floats, so from 16 digits on numbers that are near are the same: 7300000000000001 and ...002, 1780308000123456789 and
#   a time 210 ns later, an id of 19 digits and the next. diff() is empty, patch() leaves the old one. tolerance=0 does not help where the two floats are equal. As text, or with up to 15 digits, they
#   differ. revert() puts the members of a list that were removed back in another order as soon as three or more went: of a, b, c, d that were cleared it makes a, d, b, c; when two went,
#   and by patch(swap(...)), too, the one right and the other as wrong. No error; patch() is right for all of these lists.
# Means: "nothing has changed" for the order whose snowflake, wei or version number went up by one, so no notice, no save, no audit line; and an undo (or an older version made from the stored
#   diffs) has other lines at position 2. Turn long integers into texts before, and keep the state beside the diff. (Python 3.11)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check dictdiffer==0.10.0 deepdiff==9.1.0 jsonpatch==1.48
cat > t.py <<'E'
import sys, warnings
from importlib.metadata import version
import jsonpatch
from deepdiff import DeepDiff
from dictdiffer import diff, patch, revert, swap
warnings.simplefilter("error"); failed = False; print("Python", sys.version.split()[0], *(f"{n} {version(n)}" for n in ("dictdiffer", "deepdiff", "jsonpatch")))
def check(what, got, wanted):
    global failed
    print(f"{what:50} {got!r}")
    if got != wanted: failed = True; print("   changed: expected", repr(wanted))
def seen(first, second, **by): # the differences that dictdiffer, deepdiff and jsonpatch see
    a, b = {"order": {"id": first, "state": "paid"}}, {"order": {"id": second, "state": "paid"}}
    return len(list(diff(a, b, **by))), len(DeepDiff(a, b)), len(list(jsonpatch.make_patch(a, b)))
print("differences that dictdiffer, deepdiff and jsonpatch see:")
for first, second, wanted in ((123456789012345, 123456789012346, 1), (4111111111111111, 4111111111111112, 1), (7300000000000001, 7300000000000002, 0), (1780308000123456789, 1780308000123456790, 0),
    (1780308000123456789, 1780308000123456999, 0), (1780308000123456789, 1780308000123457200, 1), (1000000000000000000, 1000000000000000100, 0), (-7300000000000000001, -7300000000000000002, 0),
    ("7300000000000001", "7300000000000002", 1)): check(f"{first!r}, {second!r}", seen(first, second), (wanted, 1, 1))
check("tolerance=0: 7300000000000001, ...002", seen(7300000000000001, 7300000000000002, tolerance=0), (1, 1, 1))
check("tolerance=0: 1780308000123456789, ...790", seen(1780308000123456789, 1780308000123456790, tolerance=0), (0, 1, 1))
old, new = {"version": 1780308000123456789, "state": "open"}, {"version": 1780308000123456790, "state": "paid"}
check("patch(), with a state that differs", patch(diff(old, new), old), {"version": 1780308000123456789, "state": "paid"})
def lines(text): return {"lines": [{"sku": letter} for letter in text]}
def back(before, after):
    a, b = lines(before), lines(after); changes = list(diff(a, b)); assert patch(changes, a) == b
    text = lambda event: "".join(line["sku"] for line in event["lines"])
    return text(revert(changes, b)), text(patch(swap(changes), b)), text(jsonpatch.make_patch(b, a).apply(b))
print("lines, taken back by revert(), patch(swap()), jsonpatch:")
for before, after, wanted in (("ab", "", "ab"), ("abc", "a", "abc"), ("abc", "", "acb"), ("abcd", "", "adbc"), ("abcd", "a", "abdc"), ("abcdef", "", "afbecd"), ("a", "abcd", "a")):
    check(f"{before!r} became {after!r}", back(before, after), (wanted, wanted, before))
sys.exit(failed)
E
timeout 60 v/bin/python t.py
