#!/usr/bin/env bash
# Expected: DBD::CSV answers SQL for CSV files in Perl, by SQL::Statement: DELETE FROM event WHERE NOT (state = 'open' OR state = 'failed') takes out what is neither open nor failed; ORDER BY
#   at DESC LIMIT 1 is the latest row; code = '42' is the text 42. The manual of SQL::Statement has complex nested search conditions among what it can do; what its parser does not know is
#   an error, as a second NOT is here.
# Happens: DBD::CSV 0.60 with SQL::Statement 1.414 (Debian 12; 1.414 is the newest): NOT before brackets with an OR or an AND in them is not looked at. The DELETE above takes out the open and the
#   failed rows and keeps the others; the same for SELECT and UPDATE, and for "amount > 0 AND NOT (... OR ...)". NOT before one condition or IN is right, and so are brackets without NOT.
#   ORDER BY a column that is not selected does nothing: SELECT id ... ORDER BY at DESC LIMIT 1 is the first row of the file. Texts of digits are compared as numbers, '0042' = '42' and
#   '1e1' = '10', and AVG() counts an empty field as 0. No error and no warning in any of it; DELETE gives the number of its rows as ever.
# Means: a clean-up deletes what was to be kept, an export has what was to be left out, "the newest state" is the oldest. Write state <> 'open' AND state <> 'failed', or NOT IN; select what you
#   order by, or *; read a file into SQLite (DBD::SQLite) for more than that.
# The versions are those of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get perl; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get, perl)"; exit 2; }; done
apt-get download -qq libdbd-csv-perl libdbi-perl libsql-statement-perl libtext-csv-xs-perl libparams-util-perl libclone-perl libmodule-runtime-perl libmath-base-convert-perl >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libdbd-csv-perl_* libsql-statement-perl_* libdbi-perl_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f libdbd-csv-perl_* Version) == 0.6000-* && $(dpkg -f libsql-statement-perl_* Version) == 1.414-* ]] || { echo "   changed: expected DBD::CSV 0.60 and SQL::Statement 1.414"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
PERL5LIB=$dir/root/usr/share/perl5:$(echo "$dir"/root/usr/lib/x86_64-linux-gnu/perl5/5*); export PERL5LIB
cat > t.pl <<'E'
use strict; use warnings; use DBI; my ($failed, @warnings) = (0); $SIG{__WARN__} = sub { push @warnings, @_ };
my $db = DBI->connect('dbi:CSV:', undef, undef, { f_dir => '.', f_ext => '.csv/r', RaiseError => 1, PrintError => 0 });
sub fill { open my $file, '>', 'event.csv'; print $file <<'F'; close $file }
id,state,amount,code,at
evt_1,open,9.5,0042,2026-11-29
evt_2,failed,100,42,2026-11-30
evt_3,done,20,x,2026-01-05
evt_4,done,-5,1e1,2026-12-01
evt_5,sent,,10,2026-03-01
F
sub check { my ($what, $got, $wanted) = @_; print "$what: $got\n"; if ($got ne $wanted) { $failed = 1; print "   changed: expected $wanted\n" } }
sub rows { my ($sql) = @_; my $all = eval { $db->selectall_arrayref($sql) }; $all ? join(' ', map { join '|', map { $_ // 'NULL' } @$_ } @$all) || 'none' : 'an error' }
fill();
for (
  ["state = 'open' OR state = 'failed'", 'evt_1 evt_2'],
  ["NOT (state = 'open' OR state = 'failed')", 'evt_1 evt_2'],
  ["NOT (state = 'done' AND amount > 0)", 'evt_3'],
  ["amount > 0 AND NOT (state = 'open' OR state = 'failed')", 'evt_1 evt_2'],
  ["NOT (state = 'open')", 'evt_2 evt_3 evt_4 evt_5'],
  ["NOT state = 'open' AND NOT state = 'failed'", 'evt_3 evt_4 evt_5'],
  ["NOT (state IN ('open', 'failed'))", 'evt_3 evt_4 evt_5'],
  ["state = 'done' AND (amount > 50 OR amount < 0)", 'evt_4'],
  ["NOT (NOT (state = 'open'))", 'an error'],
  ["code = '42'", 'evt_1 evt_2'],
  ["code = '10'", 'evt_4 evt_5'],
) { my ($where, $wanted) = @$_; check("WHERE $where", rows("SELECT id FROM event WHERE $where"), $wanted) }
check('the latest, SELECT id', rows('SELECT id FROM event ORDER BY at DESC LIMIT 1'), 'evt_1');
check('the latest, SELECT id, at', rows('SELECT id, at FROM event ORDER BY at DESC LIMIT 1'), 'evt_4|2026-12-01');
check('ordered by amount, SELECT id', rows('SELECT id FROM event ORDER BY amount DESC'), 'evt_1 evt_2 evt_3 evt_4 evt_5');
check('SUM(amount), AVG(amount)', rows('SELECT SUM(amount), AVG(amount) FROM event'), '124.5|24.9');
check("DELETE WHERE NOT (state = 'open' OR state = 'failed'): rows", $db->do("DELETE FROM event WHERE NOT (state = 'open' OR state = 'failed')"), 2);
check('left', rows('SELECT id, state FROM event'), 'evt_3|done evt_4|done evt_5|sent'); fill();
check("UPDATE with the same: rows", $db->do("UPDATE event SET state = 'archived' WHERE NOT (state = 'open' OR state = 'failed')"), 2);
check('states', rows('SELECT id, state FROM event'), 'evt_1|archived evt_2|archived evt_3|done evt_4|done evt_5|sent'); fill();
check("DELETE WHERE state NOT IN: rows", $db->do("DELETE FROM event WHERE state NOT IN ('open', 'failed')"), 3);
check('left', rows('SELECT id, state FROM event'), 'evt_1|open evt_2|failed');
check('warnings', scalar @warnings, 0);
exit $failed;
E
timeout 60 perl t.pl
