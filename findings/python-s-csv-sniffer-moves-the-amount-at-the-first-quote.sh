#!/usr/bin/env bash
# Expected: the example of Python's manual, csv.Sniffer().sniff(file.read(1024)) and then csv.reader(file, dialect), finds the separator of an export and reads
#   it as csv.reader does without a dialect, if it is a comma. csv.writer, Excel and PostgreSQL write a quote inside of a value as two; that is read in any row.
# Happens: in Python 3.11.2 (Debian 12 with its security updates) the dialect says doublequote=False unless "" is within the
#   sample. Then the first later row with "Ann ""A"" Lee, Bonn" is taken apart: the amount is ` Bonn"`, the state is 19.99, and paid stands under the key None
#   of a DictReader. With 'gift' in the sample the quote is the apostrophe, and "Meyer, Anna" is two columns. Of one column with failed, failed the separator is
#   an a. No error, though csv.Error is there for what can't be found.
# Means: an import that was tried with the first rows goes wrong at the first customer with quotes in his name, weeks later. Take nothing but the separator from
#   the dialect: csv.reader(file, delimiter=dialect.delimiter), with delimiters=",;\t" for sniff, and refuse rows that are longer than the head.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libexpat1 >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f python3.11-minimal_*.deb Version); echo "python3.11 $version"; [[ $version == 3.11.2-* ]] || { echo "   changed: expected 3.11.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
cat > t.py <<'E'
import csv, io, sys
print("Python", sys.version.split()[0], csv.__file__.split("root")[-1]); failed = False
def check(what, got, wanted):
    global failed
    print(f"{what:52} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def written(*rows):
    out = io.StringIO(); csv.writer(out).writerows(rows); return out.getvalue()
def sniffed(text, **options):
    file = io.StringIO(text, newline=""); dialect = csv.Sniffer().sniff(file.read(1024), **options); file.seek(0); return file, dialect
def last(text):
    file, dialect = sniffed(text); return list(csv.reader(file, dialect))[-1]
head = ["id", "customer", "amount", "state"]; row = ["evt_60", 'Ann "A" Lee, Bonn', "19.99", "paid"]; moved = ["evt_60", 'Ann "A"" Lee', ' Bonn"', "19.99", "paid"]
plain = [[f"evt_{n}", "Anna", f"{n}.00", "paid"] for n in range(60)]; quoted = [[f"evt_{n}", "Meyer, Anna", f"{n}.00", "paid"] for n in range(60)]
for name, rows in [("no quotes in the sample", plain), ("quoted values in the sample", quoted)]:
    text = written(head, *rows, row)
    check(f"{name}: csv.reader alone", list(csv.reader(io.StringIO(text, newline="")))[-1], row)
    check(f"{name}: doublequote", sniffed(text)[1].doublequote, False)
    check(f"{name}: with the dialect", last(text), moved)
file, dialect = sniffed(written(head, *plain, row)); check("DictReader", list(csv.DictReader(file, dialect=dialect))[-1], {**dict(zip(head, moved)), None: ["paid"]})
check("such a row in the sample", last(written(head, row, *plain, row)), row)
check("rows in all, and right ones", [sum(a == b for a, b in zip(csv.reader(*sniffed(written(head, *plain, row, *quoted))), [head, *plain, row, *quoted], strict=True)), 122], [121, 122])
gift = [[f"evt_{n}", "Anna", f"{n}.00", "'gift'"] for n in range(60)]
check("'gift' in the sample: quotechar", sniffed(written(head, *gift))[1].quotechar, "'")
check("   a later row", last(written(head, *gift, quoted[59])), ["evt_59", '"Meyer', ' Anna"', "59.00", "paid"])
check("one column: rows", list(csv.reader(*sniffed(written(["status"], ["failed"], ["failed"])))), [["st", "tus"], ["f", "iled"], ["f", "iled"]])
for name, rows in [("plain", plain), ("quoted", quoted), ("gift", gift)]:
    file, dialect = sniffed(written(head, *rows, row), delimiters=",;\t")
    check(f"only the separator of it, {name}", list(csv.reader(file, delimiter=dialect.delimiter)) == [head, *rows, row], True)
sys.exit(failed)
E
LD_LIBRARY_PATH=$dir/root/lib/x86_64-linux-gnu:$dir/root/usr/lib/x86_64-linux-gnu PYTHONHOME=$dir/root/usr timeout 30 root/usr/bin/python3.11 -I t.py
