#!/usr/bin/env bash
# Expected: DBD::XBase reads and writes dBASE files (.dbf: shapefiles, accounting, older ERP systems) by SQL from Perl. A number that does not fit its column is refused, or marked as dBASE does
#   (asterisks); num(8, 2) holds, as in SQL, -999999.99 to 999999.99, or at least what has 8 characters.
# Happens: DBD::XBase 1.08 (Debian 12, and the newest) keeps the LAST characters of a number: in num(8, 2), where the point and the minus count, a refund of -12345.67 is stored as 12345.67,
#   123456.78 as 23456.78, and amount + 1 of 99999.99 as 0.99, in INSERT and in UPDATE. An int has 8 characters, so order 123456789 is 23456789, and 1700000000123 (milliseconds) is 123.
#   A boolean is true for each text that is not empty or 0: 'f', 'false' and 'no' are T in the file. do() and execute() return 1, nothing is warned of.
# Means: a refund is a payment in the file that the tax office, the bank or the next program gets, and the largest amounts are the wrong ones, which tests do not have. Check the lengths before the
#   INSERT (length(sprintf('%.2f', $amount)) <= 8), give columns some characters more than digits, and 1 or 0 for a boolean.
# The versions are those of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get perl python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get, perl, python3)"; exit 2; }; done
apt-get download -qq libdbd-xbase-perl libdbi-perl >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libdbd-xbase-perl_* libdbi-perl_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f libdbd-xbase-perl_* Version) == *1.08-* ]] || { echo "   changed: expected DBD::XBase 1.08"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
PERL5LIB=$dir/root/usr/share/perl5:$(echo "$dir"/root/usr/lib/x86_64-linux-gnu/perl5/5*); export PERL5LIB
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check dbfread==2.0.7
cat > t.pl <<'E'
use strict; use warnings; use DBI; my $warnings = 0; $SIG{__WARN__} = sub { $warnings++ };
my $db = DBI->connect('dbi:XBase:.', undef, undef, { RaiseError => 1, PrintError => 1, PrintWarn => 1 });
$db->do('create table event (id char(8), amount num(8, 2), number int, paid boolean)');
my $insert = $db->prepare('insert into event values (?, ?, ?, ?)'); my $rows = 0;
$rows += $insert->execute(@$_) for ['fits', 12345.67, 4711, 1], ['minus', -1234.56, -4711, 0], ['refund', -12345.67, 1312345678901, 'f'], ['large', 123456.78, 1700000000123, 'false'], ['most', 99999.99, 123456789, 'no'], ['changed', -5, 1, ''];
$rows += $db->do('update event set amount = ? where id = ?', undef, -98765.43, 'changed'); $rows += $db->do("update event set amount = amount + 1 where id = 'most'");
print "rows written: $rows, warnings: $warnings\n";
E
timeout 30 perl t.pl > perl.out 2>&1; cat > t.py <<'E'
import dbfread, sys
from importlib.metadata import version
failed = False
def check(name, got, wanted):
    global failed; print(f"{name}: {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
print("python", sys.version.split()[0], "dbfread", version("dbfread"))
check("DBD::XBase", open("perl.out").read().strip(), "rows written: 8, warnings: 0")
file = {row["ID"]: row for row in dbfread.DBF("event.dbf", load=True)}
for id, sent, wanted in (
    ("fits", "12345.67, 4711, 1", (12345.67, 4711, True)), ("minus", "-1234.56, -4711, 0", (-1234.56, -4711, False)),
    ("refund", "-12345.67, 1312345678901, 'f'", (12345.67, 45678901, True)), ("large", "123456.78, 1700000000123, 'false'", (23456.78, 123, True)),
    ("most", "99999.99 + 1, 123456789, 'no'", (0.99, 23456789, True)), ("changed", "-98765.43 (UPDATE), 1, ''", (98765.43, 1, False)),
): check(f"{id:<8} {sent}", tuple(file[id][name] for name in ("AMOUNT", "NUMBER", "PAID")), wanted)
sys.exit(failed)
E
timeout 30 v/bin/python t.py
