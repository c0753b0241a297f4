#!/usr/bin/env bash
# Expected: jc --csv-s gives, line by line, what jc --csv gives at once: rows of a CSV file as Python, Excel and PostgreSQL write it. So do jc's other readers
#   give each value whole and under its own column, or say that they can't read the line.
# Happens: jc 1.26.1 (PyPI; Ansible's filter community.general.jc calls it): --csv-s looks for "" in the first kilobyte only, and if none is there, takes it
#   nowhere for a quote: of the first later row with "Ann ""A"" Lee, Bonn" the amount is ` Bonn"` and the body the amount. Both leave a line end inside of
#   quotes out, so that "Street 1<LF>5 Bonn" is "Street 15 Bonn", and take a letter for the separator where there is one column: "status" of failed, failed is
#   {"st": "f", "tus": "iled"}. --syslog cuts a value of structured data at its first \", so that JSON in it is "{". --asciitable moves 5.00 into the empty cell
#   beside it in a table of Markdown that is not padded. No error, no word, exit code 0.
# Means: what was tried with the first rows of an export goes wrong from the first customer with quotes in his name. Read CSV with Python's csv and a given
#   dialect, or miller, and syslog's data by an own rule; count keys: a row with the key null was taken apart wrongly.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check jc==1.26.1
cat > t.py <<'E'
import csv, io, json, subprocess, sys
from importlib.metadata import version
print("jc", version("jc"), "Python", sys.version.split()[0]); failed = False
def jc(parser, text):
    done = subprocess.run(["v/bin/jc", "--" + parser], input=text, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and not done.stderr, done
    return [json.loads(line) for line in done.stdout.splitlines()] if parser.endswith("-s") else json.loads(done.stdout)
def check(what, got, wanted):
    global failed
    print(f"{what:34} {json.dumps(got)}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def written(*rows):
    out = io.StringIO(); csv.writer(out, lineterminator="\n").writerows(rows); return out.getvalue()
names = ["id", "customer", "amount", "body"]; plain = [[f"evt_{n}", "Anna", f"{n}.00", "paid"] for n in range(120)]
last = ["evt_120", 'Ann "A" Lee, Bonn', "19.99", '{"id":7,"fee":2}']; good = dict(zip(names, last)); text = written(names, *plain, last)
check("Python's csv", next(reversed(list(csv.DictReader(io.StringIO(text))))), good)
check("jc --csv", jc("csv", text)[-1], good)
check("jc --csv-s", jc("csv-s", text)[-1], {"id": "evt_120", "customer": 'Ann "A"" Lee', "amount": ' Bonn"', "body": "19.99", "null": ['{"id"":7', 'fee"":2}"']})
check("   rows of it", len(jc("csv-s", text)), 121)
check("   the same row as the first", jc("csv-s", written(names, last, *plain))[0], good)
address = ["evt_120", "Ann", "19.99", "Main Street 1\n5 Bonn"]; text = written(names, *plain[:60], address, *plain[60:])
check("a line end in quotes, Python's csv", list(csv.DictReader(io.StringIO(text)))[60]["body"], "Main Street 1\n5 Bonn")
for parser in ("csv", "csv-s"): check(f"a line end in quotes, --{parser}", jc(parser, text)[60]["body"], "Main Street 15 Bonn")
for parser in ("csv", "csv-s"):
    check(f"one column, --{parser}", jc(parser, written(["status"], ["failed"], ["failed"])), [{"st": "f", "tus": "iled"}] * 2)
    check(f"   another, --{parser}", jc(parser, written(["payment_intent"], ["pi_1"], ["pi_2"])), [{"": "", "ayment_intent": "i_1"}, {"": "", "ayment_intent": "i_2"}])
line = '<165>1 2026-11-30T10:00:00.003Z host app - - [hook body="{}" n="2"] received\n'
for body, wanted in [("evt_1", "evt_1"), ("[1,2\\]", "[1,2]"), ('{\\"id\\":\\"evt_1\\",\\"amount\\":5}', "{"), ('said \\"no\\"', "said ")]:
    found = jc("syslog", line.replace("{}", body))[0]; check("--syslog " + body, [found["structured_data"][0]["parameters"], found["message"]], [{"body": wanted, "n": "2"}, "received"])
table = [["id", "amount", "refund"], ["1", "19.99", ""], ["2", "", "5.00"]]
def markdown(pad):
    first, *rest = ("| " + " | ".join(cell.ljust(pad) for cell in row) + " |\n" for row in table); return first + "|" + ("-" * (pad + 2) + "|") * 3 + "\n" + "".join(rest)
rows = [{"id": "1", "amount": "19.99", "refund": None}, {"id": "2", "amount": None, "refund": "5.00"}]
check("--asciitable, cells padded", jc("asciitable", markdown(6)), rows)
check("--asciitable, cells not padded", jc("asciitable", markdown(0)), [rows[0], {"id": "2", "amount": "5.00", "refund": None}])
sys.exit(failed)
E
timeout 100 v/bin/python t.py
