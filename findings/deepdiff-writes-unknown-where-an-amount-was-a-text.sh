#!/usr/bin/env bash
# Expected: Delta(DeepDiff(before, after)) of deepdiff has what changed; to_flat_dicts() gives it as rows, with the action, the path and the value, for a table of changes, and
#   Delta(flat_dict_list=rows) makes a delta of them again: before + delta is after. The docstring of to_flat_dicts() shows a change of type with its value (None to 1).
# Happens: deepdiff 9.1.0 leaves the value out where the new one is what Python's type makes of the old one: "19.99" to 19.99, 20 to "20", 5 to 5.0, 0 to False, "false" to True (bool("false")), and
#   back. The row has the text "unknown___" as value, and a delta of such rows sets the field to the text "unknown___". With raise_errors=True, too; nothing is raised or logged. A delta that is
#   applied as it is, or after dumps(), is right (it converts), and so is a row for "" to 0 or None to 1.
# Means: a sender that begins to write its amounts as numbers, or as text, which changes all of its events at once, leaves a table of changes without values, and who builds a state from it has
#   "unknown___" for an amount. Ask for them: Delta(diff, always_include_values=True), or bidirectional=True.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check deepdiff==9.1.0
cat > t.py <<'E'
import copy, json, logging, sys, warnings
import deepdiff
from deepdiff import DeepDiff, Delta
warnings.simplefilter("error"); records = []
class Keep(logging.Handler):
    def emit(self, record): records.append(record.getMessage())
logging.getLogger().addHandler(Keep()); logging.getLogger().setLevel(logging.DEBUG)
failed = False; print("Python", sys.version.split()[0], "deepdiff", deepdiff.__version__)
def check(what, got, wanted):
    global failed
    print(f"{what:58} {got!r}")
    if repr(got) != repr(wanted): failed = True; print("   changed: expected", repr(wanted))
def ways(old, new, **options):
    before, after = {"id": "evt_1", "amount": old, "n": 1}, {"id": "evt_1", "amount": new, "n": 2}
    delta = Delta(DeepDiff(before, after), raise_errors=True, **options); rows = delta.to_flat_dicts()
    added = [copy.deepcopy(before) + each for each in (delta, Delta(delta.dumps(), raise_errors=True), Delta(flat_dict_list=rows, raise_errors=True))]
    assert all(state["n"] == 2 for state in added)
    return [row["value"] for row in rows if row["path"] == ["amount"]] + [state["amount"] for state in added]
print("the value in the row; then the amount after before + delta, + delta by dumps(), + delta of the rows")
for old, new in [("19.99", 19.99), (19.99, "19.99"), ("20", 20), (5, 5.0), (0, False), ("false", True), ("0042", 42), (None, "None")]:
    check(f"{old!r} to {new!r}", ways(old, new), ["unknown___", new, new, "unknown___"])
    check("   always_include_values=True", ways(old, new, always_include_values=True), [new] * 4)
for old, new in [("19.99", 20), (20, "19.99"), (None, 1), ("", 0), (20, 21), ("new", "paid")]: check(f"{old!r} to {new!r}", ways(old, new), [new] * 4)
check("   bidirectional=True, '19.99' to 19.99", ways("19.99", 19.99, bidirectional=True)[:2], [19.99, 19.99])
check("lines in any log", records, [])
sys.exit(failed)
E
timeout 150 v/bin/python t.py
