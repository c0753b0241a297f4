#!/usr/bin/env bash
# Expected: price-parser takes the amount from a text with a price; a point or a comma with three digits behind it is guessed to stand for thousands ("$140.600", says its readme, and
#   decimal_separator is there for those who know). A number that begins with 0 and a point is less than one in every country.
# Happens: price-parser 0.5.1 (the newest) makes 999 of "0.999", 125 of "0,125 EUR", and 5 of "0.005 USD"; "0.0500", with four digits, is 0.05. "1.5k" is 1.5, "1e3" is 1,
#   "2 for 5.00" 2. A refund is a payment: "19.99-" and "(19.99)" are 19.99; so is "-19.99". "19.99" and "0.99" are right.
# Means: what is priced with three decimals (electricity, fuel, messages, exchange rates, dinars of Kuwait) costs a thousand times as much from one day to the next, when its price has one digit less, and a
#   sum of payments and refunds counts both as payments. Give decimal_separator always, and look for a minus first.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check price-parser==0.5.1
cat > t.py <<'E'
import sys
from importlib.metadata import version
from price_parser import Price
failed = False
def check(name, got, wanted):
    global failed; print(f"  {name}: {got}")
    if str(got) != str(wanted): failed = True; print("   changed: expected", wanted)
print("python", sys.version.split()[0], "price-parser", version("price-parser"))
for text, wanted in (
    ("19.99 USD", "19.99"), ("0.99 USD", "0.99"), ("1,234.50 USD", "1234.50"), ("0.0049 USD", "0.0049"), ("0.0500 USD", "0.0500"),
    ("0.999 USD", "999"), ("0.005 USD", "5"), ("0.100 KWD", "100"), ("0,125 EUR", "125"), ("USD 0.049 per kWh", "49"), ("0.999", "999"),
    ("-19.99 USD", "19.99"), ("19.99- USD", "19.99"), ("(19.99) USD", "19.99"), ("USD -5", "5"), ("1.5k USD", "1.5"), ("2 for 5.00 USD", "2"),
): check(repr(text), Price.fromstring(text).amount, wanted)
for text, separator, wanted in (("0.999 USD", ".", "0.999"), ("0,125 EUR", ",", "0.125")): check(f"{text!r} with decimal_separator {separator!r}", Price.fromstring(text, decimal_separator=separator).amount, wanted)
sys.exit(failed)
E
timeout 60 v/bin/python t.py
