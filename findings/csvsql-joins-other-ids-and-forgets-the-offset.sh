#!/usr/bin/env bash
# Expected: csvsql of csvkit asks SQL of CSV files (an export of events, a file of the bank): what it does not compute comes out as it went in, as with csvsort and csvjoin of the
#   same package, which guess types, too, keep every digit of an id, and sort times with offsets by the moment. What cannot be kept is said.
# Happens: csvkit 2.2.0 with agate-sql 0.7.3: a column of whole numbers becomes DECIMAL, in SQLite a double: an id of 17 digits and more comes out as 1.2345678901234568e+18, two
#   neighbours are one for count(DISTINCT), and a JOIN on the id gives each event the payments of the others. A column of times becomes TIMESTAMP, and Z, +02:00 and
#   -05:00 are cut off: three events hours apart are in one second, in --query and in the table that --insert makes. Nothing warns. With --no-inference all is right.
# Means: sums and matches by csvsql are wrong as soon as ids are long or offsets differ, and right in a trial with small ids and Z. Use csvsql --no-inference (-I) and CAST in the SQL,
#   or csvjoin.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check csvkit==2.2.0 agate==1.14.2 agate-sql==0.7.3 sqlalchemy==2.0.36
v/bin/pip list --disable-pip-version-check 2>/dev/null | grep -E '^(csvkit|agate-sql|agate|SQLAlchemy) ' | xargs; failed=0
check() { printf '  %-60s %s\n' "$1" "$2"; [[ $2 == "$3" ]] || { echo "   changed: expected $3"; failed=1; }; }
line() { tail -n +2 | tr '\n' ' ' | sed 's/ $//'; }
printf 'id,customer\n1234567890123456788,Ada\n1234567890123456789,Ben\n1234567890123456790,Cem\n' > events.csv
printf 'id,cents\n1234567890123456788,1999\n1234567890123456789,500\n1234567890123456790,250\n' > payments.csv
printf 'id,at\na,2026-01-02T03:04:05Z\nb,2026-01-02T03:04:05+02:00\nc,2026-01-02T03:04:05-05:00\n' > times.csv
export PATH=$dir/v/bin:$PATH
echo "ids of 19 digits:"
check "csvsort, ids of 19" "$(csvsort -c id events.csv | cut -d, -f1 | line)" "1234567890123456788 1234567890123456789 1234567890123456790"
check "csvsql --query" "$(csvsql --query 'SELECT id FROM events' events.csv 2>>err | line)" "1.2345678901234568e+18 1.2345678901234568e+18 1.2345678901234568e+18"
check "count(DISTINCT id) of three" "$(csvsql --query 'SELECT count(DISTINCT id) FROM events' events.csv | line)" "1"
sum='SELECT customer, sum(CAST(cents AS INTEGER)) AS sum FROM events JOIN payments ON events.id = payments.id GROUP BY customer ORDER BY customer'
check "what each one paid, by JOIN" "$(csvsql --query "$sum" events.csv payments.csv 2>>err | line)" "Ada,2749 Ben,2749 Cem,2749"
check "   with --no-inference" "$(csvsql -I --query "$sum" events.csv payments.csv | line)" "Ada,1999 Ben,500 Cem,250"
check "   by csvjoin" "$(csvjoin -c id events.csv payments.csv | cut -d, -f2,3 | line)" "Ada,1999 Ben,500 Cem,250"
echo "times:"
check "csvsort -c at" "$(csvsort -c at times.csv | line)" "b,2026-01-02T03:04:05+02:00 a,2026-01-02T03:04:05+00:00 c,2026-01-02T03:04:05-05:00"
check "csvsql --query ... ORDER BY at" "$(csvsql --query 'SELECT id, at FROM times ORDER BY at, id' times.csv 2>>err | cut -c1-21 | line)" "a,2026-01-02 03:04:05 b,2026-01-02 03:04:05 c,2026-01-02 03:04:05"
check "   with --no-inference, by moment" "$(csvsql -I --query 'SELECT id FROM times ORDER BY julianday(at)' times.csv | line)" "b a c"
csvsql --db sqlite:///t.db --insert times.csv 2>>err
check "the table that --insert makes" "$(python3 -c 'import sqlite3; print(*[" ".join(row) for row in sqlite3.connect("t.db").execute("SELECT id, substr(at, 1, 19) FROM times")], sep="; ")')" \
  "a 2026-01-02 03:04:05; b 2026-01-02 03:04:05; c 2026-01-02 03:04:05"
check "what was said on standard error" "$(wc -l < err) lines" "0 lines"
exit $failed
