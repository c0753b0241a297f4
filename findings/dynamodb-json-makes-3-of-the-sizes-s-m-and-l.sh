#!/usr/bin/env bash
# Expected: json_util of PyPI dynamodb-json writes a dictionary as DynamoDB's typed JSON and reads it back, "the same as json loads and dumps" (so its
#   README, which names Decimal to float and set to list as what changes); boto3's own TypeSerializer and TypeDeserializer do.
# Happens: dynamodb-json 1.4.2 takes a map of the event's own that has a key S, B, M, L, SS, NS, BS or BOOL (or N, with a string of digits) for a
#   type: {"stock": {"S": 3, "M": 5, "L": 2}} is read as {"stock": "3"}, the grades {"A": 1, "B": 2} as "2"; a number that DynamoDB's JSON has with an
#   exponent (the float 0.00000015, or 1e21) is read as the map {"N": "1.5E-7"}; a time with an offset is written without it (12:00+02:00 as 12:00, so
#   two hours later for whoever reads UTC). What is written is right but for the time, and boto3 reads it right.
# Means: reading an event that was stored changes it, and storing it again makes that final. Use TypeDeserializer of boto3, or give it to the resource
#   interface, and write times as strings yourself.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check dynamodb-json==1.4.2 boto3==1.44.8 simplejson==4.3.0
cat > t.py <<'E'
import datetime, importlib.metadata, json, sys
from decimal import Decimal
from boto3.dynamodb.types import TypeDeserializer
from dynamodb_json import json_util
for name in ("dynamodb-json", "boto3"): print(name, importlib.metadata.version(name))
failed = False
def check(value, wanted, right=None):
    global failed
    text = json_util.dumps(value); got = json_util.loads(text); again = json_util.loads(json_util.dumps(value, as_dict=True), as_dict=True)
    boto = TypeDeserializer().deserialize({"M": json.loads(text)})
    print(f"{value!s:74} -> {got}      (boto3 reads {boto})")
    if not got == again == wanted or boto != (value if right is None else right): failed = True; print("   changed: expected", wanted)
check({"stock": {"S": 3, "M": 5, "L": 2}}, {"stock": "3"})
check({"stock": {"XS": 3, "XL": 5}}, {"stock": {"XS": 3, "XL": 5}})
check({"grades": {"A": 1, "B": 2}}, {"grades": "2"})
check({"moved": {"N": 12, "E": 7}}, {"moved": {"N": 12, "E": 7}})       # a number under N: the reader fails and leaves the map
check({"answers": {"N": "4"}}, {"answers": 4})                          # a string of digits under N
check({"switch": {"BOOL": "unset", "mode": "auto"}}, {"switch": "unset"})
check({"rate": Decimal("0.00000015")}, {"rate": {"N": "1.5E-7"}})
check({"rate": Decimal("0.15")}, {"rate": 0.15})
check({"sum": Decimal("1E+21")}, {"sum": {"N": "1E+21"}})
summer = datetime.datetime(2024, 5, 6, 12, 0, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
check({"at": summer}, {"at": datetime.datetime(2024, 5, 6, 12, 0)}, {"at": "2024-05-06T12:00:00.000000"})
sys.exit(1 if failed else 0)
E
timeout 60 v/bin/python t.py 2>errors.log || { code=$?; cat errors.log; exit $code; }
