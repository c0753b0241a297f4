#!/usr/bin/env bash
# Expected: GNU datamash reads each number as a long double, which has 18 digits and more, and writes sums, and above all the least and the largest, which are
#   in the file as they are, with the digits that they have. --format is there for who wants them otherwise; its manual names no other default.
# Happens: datamash 1.7 (Debian 12) writes each number with 14 digits: the largest of times in microseconds, 1795953600123456, is 1.7959536001235e+15, which is
#   44 microseconds after it, and of ids with 19 digits that differ every group shows the same. 123456789012345 is another id, 1000000000000.03 has no cents, a
#   sum of 100000000000000 cents is "1e+14". first, last and unique show what is in the file, and range the true difference. No warning, exit code 0.
# Means: a watermark "the last time that was taken" from `datamash max` passes over what came in these microseconds, or takes some twice where it was rounded
#   down; a report of rupiah or cents does not add up with the database. Give --format '%.0f' (or '%.2f') each time; with it the digits are right.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq datamash >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f datamash_*.deb Version); echo "datamash $version"; [[ $version == 1.7-* ]] || { echo "   changed: expected 1.7"; exit 1; }
dpkg -x datamash_*.deb root; datamash=$dir/root/usr/bin/datamash; failed=0; export LC_ALL=C
# check INPUT WANTED ARGUMENT...
check() {
  local input=$1 wanted=$2 got; shift 2; got=$(printf "$input" | timeout 10 "$datamash" "$@" | tr '\t\n' ' |')
  printf 'datamash %-34s %s\n' "$*" "$got"; [[ $got == "$wanted|" ]] || { failed=1; echo "   changed: expected $wanted|"; }
}
times='evt_1\t1795953600123441\nevt_2\t1795953600123456\nevt_3\t1795953600123449\n'
check "$times" '1.7959536001235e+15 1.7959536001234e+15 3' max 2 min 2 count 2
check "$times" 'evt_2 1795953600123456 1.7959536001235e+15' --full max 2
check "$times" '1795953600123441 1795953600123449 15' first 2 last 2 range 2
check "$times" '1795953600123456 1795953600123441' --format '%.0f' max 2 min 2
check 'a\t1795953600123\na\t1795953600124\n' 'a 1795953600124' -g 1 max 2
ids='shop_1\t1795953600123456789\nshop_2\t1795953600123456790\nshop_2\t1795953600123456791\n'
check "$ids" 'shop_1 1.7959536001235e+18|shop_2 1.7959536001235e+18' -g 1 max 2
check "$ids" 'shop_1 1795953600123456789|shop_2 1795953600123456791' --format '%.0f' -g 1 max 2
check '123456789012345\n' '1.2345678901234e+14' max 1
check '1000000000000.01\n0.02\n' '1000000000000 1000000000000' sum 1 max 1
check '1000000000000.01\n0.02\n' '1000000000000.03' --format '%.2f' sum 1
check '99999999999950\n50\n' '1e+14' sum 1
check '1.10\n2.20\n' '3.3' sum 1
# A puller that keeps the largest time: what came after evt_2, in the same 50 microseconds?
watermark=$(printf "$times" | "$datamash" max 2)
late=$(python3 - "$watermark" <<'E'
import sqlite3, sys
db = sqlite3.connect(":memory:"); db.execute("CREATE TABLE events (id TEXT, us INTEGER)")
db.executemany("INSERT INTO events VALUES (?, ?)", [("evt_4", 1795953600123457), ("evt_5", 1795953600123490), ("evt_6", 1795953600123501)])
print([[row[0] for row in db.execute(f"SELECT id FROM events WHERE us > {mark}")] for mark in (sys.argv[1], "1795953600123456")])
E
)
echo "events after the watermark, and after the true one: $late"; [[ $late == "[['evt_6'], ['evt_4', 'evt_5', 'evt_6']]" ]] || { failed=1; echo "   changed"; }
exit $failed
