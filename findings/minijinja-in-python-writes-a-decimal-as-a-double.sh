#!/usr/bin/env bash
# Expected: minijinja for Python, made to be used like Jinja2 (which it is, to the digit, for int, float, None, True and lists), writes a Decimal, as a
#   database gives it for NUMERIC, as Jinja2 does: {{ amount }} of Decimal("20.00") is 20.00, and amount * 3 is counted in decimals.
# Happens: minijinja 3.1.0 makes a double of it on the way in, with no word in its README and no error: 20.00 is "20.0", 19.90 "19.9", 19.90 * 3
#   59.699999999999996, 12345678901234567.89 is 12345678901234568.0, and an id of NUMERIC(20), 9007199254740993, is 9007199254740992.0, so that two ids are equal in
#   {% if %} and have one link. An int of any length stays what it is. Jinja2 3.1.6 does all of it in Decimal.
# Means: mails, receipts and bodies of webhooks made with the faster engine say "20.0 EUR", are a cent off after a calculation, or name another customer, and only
#   where the value comes from a database, not where the test has 19.99. Format amounts before (str(amount), f"{amount:.2f}"), ids with int().
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check minijinja==3.1.0 jinja2==3.1.6
cat > t.py <<'E2'
import importlib.metadata, sys
from decimal import Decimal
import jinja2, minijinja
print(*(f"{n} {importlib.metadata.version(n)}" for n in ("minijinja", "jinja2")), "python", sys.version.split()[0])
failed = False
def check(template, values, wanted, right):
    global failed
    mini, other = minijinja.Environment().render_str(template, **values), jinja2.Environment().from_string(template).render(**values)
    print(f"{template:<40} {str(list(values.values())):<64} {mini:<22} {other}")
    if (mini, other) != (wanted, right): failed = True; print("   changed: expected", wanted, right)
print(f"{'template':<40} {'value':<64} {'minijinja':<22} Jinja2")
for text, wanted in (("20.00", "20.0"), ("19.90", "19.9"), ("19.99", "19.99"), ("12345678901234567.89", "12345678901234568.0"), ("9007199254740993", "9007199254740992.0"), ("0.10", "0.1")):
    check("{{ v }}", {"v": Decimal(text)}, wanted, text)
check("{{ v * 3 }}", {"v": Decimal("19.90")}, "59.699999999999996", "59.70"); check("{{ v | sum }}", {"v": [Decimal("0.10"), Decimal("0.20")]}, "0.30000000000000004", "0.30")
check("{% if a == b %}same{% else %}two{% endif %}", {"a": Decimal("9007199254740993"), "b": Decimal("9007199254740992")}, "same", "two")
check("{{ v }}", {"v": {"amount": Decimal("20.00")}["amount"]}, "20.0", "20.00"); check("{{ v.amount }}", {"v": {"amount": Decimal("20.00")}}, "20.0", "20.00")
for value, text in ((9007199254740993, "9007199254740993"), (10**30, "1" + "0" * 30), (19.99, "19.99"), (20.0, "20.0"), (None, "None"), (True, "True"), ("20.00", "20.00")):
    check("{{ v }}", {"v": value}, text, text)
check("{{ v * 3 }}", {"v": 9007199254740993}, "27021597764222979", "27021597764222979")
sys.exit(failed)
E2
v/bin/python t.py
