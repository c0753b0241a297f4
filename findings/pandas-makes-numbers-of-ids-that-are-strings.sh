#!/usr/bin/env bash
# Expected: read_json of pandas keeps a JSON string a string: types are what JSON is good at.
# Happens: pandas 3.1.1 turns a column of strings that look like numbers into numbers: "0012" is 12, "+4912345678901" a number, "1E5" 100000,
#   "12345678901234567890" a float that lost its last digits; a name like `date` makes a time of "1700000000". dtype=False leaves all as they are.
# Means: who reads request logs, dead letters or an export of an inbox with pd.read_json(..., lines=True) joins by ids that were never sent.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pandas==3.1.1
cat > t.py <<'E'
import io, json, warnings, pandas
warnings.simplefilter("ignore")
sent = {"job": "0012", "phone": "+4912345678901", "code": "1E5", "big": "12345678901234567890", "date": "1700000000", "text": "x1"}
lines = "\n".join([json.dumps(sent)] * 2)
got = pandas.read_json(io.StringIO(lines), lines=True).to_dict("records")[0]
kept = pandas.read_json(io.StringIO(lines), lines=True, dtype=False, convert_dates=False).to_dict("records")[0]
print("pandas", pandas.__version__)
for name in sent: print(f"{name:6} sent {sent[name]!r:24} read {got[name]!r:40} with dtype=False {kept[name]!r}")
assert got["job"] == 12 and got["code"] == 100000 and got["phone"] == 4912345678901 and isinstance(got["date"], pandas.Timestamp)
assert got["big"] == float("12345678901234567890") and int(got["big"]) != 12345678901234567890
assert kept == sent, kept
E
timeout 100 v/bin/python t.py
