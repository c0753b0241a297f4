#!/usr/bin/env bash
# Expected: recsel and recdel of GNU recutils compare numbers as numbers: -e 'at < 1782864000000' is every event before 2026-07-01, and 'id = 42' is that
#   record. The manual speaks of integers, without a limit, fields may be declared as int (recfix finds nothing to say), and Sum(amount) is the sum.
# Happens: recutils 1.9 (Debian 12) compares whole numbers modulo 2^32: 'at < 1782864000000' (milliseconds) takes an event of 15 November 2026 and leaves
#   out one of March 2025, 'id = 42' finds 4294967338 as well, 'id > 3000000000' finds 1. recdel deletes by it. Sum, Avg, Min and Max write six digits:
#   12345.67 + 10000.00 + 99.99 + 0.03 is 22445.7, the largest time 1.79591e+12. After the id 4294967338, %auto gives 43. Nothing warns; every command ends
#   with 0. -S at (int) sorts the same wrong way. With a point in the literal (1782864000000.0) the comparison is right, and so is << on fields with a date.
# Means: the nightly recdel of what is old deletes new events, a sum over 9999.99 has no cents, and two events get one id where ids are long. Write each
#   whole literal with ".0" (exact up to 2^53), compare long ids in quotes, keep ISO times with %type: date and <<, and add up elsewhere (below: awk).
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq recutils librec1 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f recutils_*.deb Package Version | xargs; [[ $(dpkg -f recutils_*.deb Version) == 1.9-* ]] || { echo "   changed: expected 1.9"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu PATH=$dir/root/usr/bin:$PATH LC_ALL=C; failed=0
check() { printf '%-74s %s\n' "$2" "$3"; [[ $3 == "$1" ]] || { echo "   changed: expected $1"; failed=1; }; } # check WANTED NAME GOT
cat > events.rec <<'R'
%rec: event
%type: id int
%type: at int
%type: amount real
%type: day date
%key: id

id: 1
at: 1700000000000
day: 2023-11-14T22:13:20Z
amount: 12345.67

id: 42
at: 1740960000000
day: 2025-03-03T00:00:00Z
amount: 10000.00

id: 4294967338
at: 1794700800000
day: 2026-11-15T00:00:00Z
amount: 99.99

id: 9007199254740993
at: 1795910400000
day: 2026-11-29T00:00:00Z
amount: 0.01

id: 9007199254740992
at: 1795910400001
day: 2026-11-29T00:00:00Z
amount: 0.02
R
code=0; recfix --check events.rec || code=$?; check 0 "recfix --check: exit code" "$code"
ids() { recsel -t event -e "$1" -P id events.rec | xargs; }
echo "records: 1 (2023), 42 (March 2025), 4294967338 (15 November 2026), 9007199254740993 and 9007199254740992 (29 November 2026)"
check "1 4294967338" "at < 1782864000000" "$(ids 'at < 1782864000000')"
check "1 42" "at < 1782864000000.0" "$(ids 'at < 1782864000000.0')"
check "1 42" "day << '2026-07-01T00:00:00Z'" "$(ids "day << '2026-07-01T00:00:00Z'")"
check "42 9007199254740993 9007199254740992" "at >= 1782864000000" "$(ids 'at >= 1782864000000')"
check "42 4294967338" "id = 42" "$(ids 'id = 42')"; check "42" "id = '42'" "$(ids "id = '42'")"
check "" "id > 100" "$(ids 'id > 100')"; check "4294967338 9007199254740993 9007199254740992" "id > 100.0" "$(ids 'id > 100.0')"
check "1 42 4294967338 9007199254740993 9007199254740992" "id > 3000000000" "$(ids 'id > 3000000000')"
check "1 42 4294967338" "amount > 99.98 (control)" "$(ids 'amount > 99.98')"
check "1700000000000 1794700800000 1795910400000 1795910400001 1740960000000" "sorted by at" "$(recsel -t event -S at -P at events.rec | xargs)"
cp events.rec left.rec; code=0; recdel -t event -e 'at < 1782864000000' left.rec || code=$?
check "0 42 9007199254740993 9007199254740992" "recdel -e 'at < 1782864000000': exit code, and what is left" "$code $(recsel -t event -P id left.rec | xargs)"
aggregate() { recsel -t event -p "$1" events.rec | cut -d ' ' -f 2 | xargs; }
check "22445.7 22445.69" "Sum(amount), and the sum by awk" "$(aggregate 'Sum(amount)') $(recsel -t event -P amount events.rec | awk '{ s += $1 } END { printf "%.2f", s }')"
check "12345.7 4489.14 1.79591e+12" "Max(amount), Avg(amount), Max(at)" "$(aggregate 'Max(amount)') $(aggregate 'Avg(amount)') $(aggregate 'Max(at)')"
printf '%%rec: order\n%%type: id int\n%%auto: id\n%%key: id\n\nid: 4294967338\n' > orders.rec; recins -t order -f note -v new orders.rec
check "4294967338 43" "ids after a new record with %auto: id" "$(recsel -t order -P id orders.rec | xargs)"
printf '%%rec: order\n%%type: id int\n%%auto: id\n%%key: id\n\nid: 41\n' > orders.rec; recins -t order -f note -v new orders.rec
check "41 42" "the same after 41 (control)" "$(recsel -t order -P id orders.rec | xargs)"
exit $failed
