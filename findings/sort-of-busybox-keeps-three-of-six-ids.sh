#!/usr/bin/env bash
# Expected: sort -n -u leaves out lines that are there twice, or at least the same number: GNU sort compares all the digits, however many, and so does
#   toybox (Android). sort -n | tail -1 is the largest. printf "%d" in awk writes a whole number, as gawk and original-awk do.
# Happens: sort of BusyBox 1.35.0 (Debian 12; Alpine's sort and awk are BusyBox) compares as double: of six different ids of 19 digits, as a burst of
#   events gives them, sort -n -u leaves three, and so does -k 2,2n -u of a list with names. Where two are one double it goes on by letters, so that
#   999999999999999999 is larger than 1000000000000000001. Its awk writes -2147483648 for each number over 2147483647 with %d (a time in milliseconds, a sum
#   of bytes); mawk 1.3.4 of Debian 12 2147483647. No warning, exit code 0. print, int() and %.0f are right.
# Means: "which ids came?", comm against the ids that a sender lists, or "go on after the largest id" is short of events in the container, and right on the
#   laptop. Ids are no numbers: sort -u without -n (or -s -k 2,2 -u); for the largest of ids of one length, plain sort. In awk write %s or %.0f. Or install
#   coreutils and gawk in the image.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq busybox-static toybox mawk gawk libsigsegv2 libreadline8 libmpfr6 libgmp10 original-awk coreutils >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in busybox-static toybox mawk gawk original-awk coreutils; do dpkg -f ${package}_*.deb Package Version | xargs; done
[[ $(dpkg -f busybox-static_*.deb Version) == 1:1.35.0-* && $(dpkg -f mawk_*.deb Version) == 1.3.4.20200120-* ]] || { echo "   changed: expected 1.35.0 and 1.3.4.20200120"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu LC_ALL=C; failed=0
check() { printf '%-84s %s\n' "$2" "$3"; [[ $3 == "$1" ]] || { echo "   changed: expected $1"; failed=1; }; } # check WANTED NAME GOT
gnu=root/usr/bin/sort busybox=root/bin/busybox toybox=root/bin/toybox
printf '%s\n' 1320000000000000256 1320000000000000001 1320000000000000064 1320000000000000000 1320000000000001000 1320000000000000002 > ids; sed 's/^/evt /' ids > events
for options in "-n -u" "-rn -u" "-u"; do
  wanted=$(case $options in -u) echo "6 6 6";; *) echo "6 3 6";; esac)
  # shellcheck disable=SC2086
  check "$wanted" "six ids, sort $options: lines of GNU, BusyBox, toybox" "$($gnu $options ids | wc -l) $($busybox sort $options ids | wc -l) $($toybox sort $options ids | wc -l)"
done
check "6 3 6" "the same with 'evt ' before, sort -u -k 2,2n" "$($gnu -u -k 2,2n events | wc -l) $($busybox sort -u -k 2,2n events | wc -l) $($toybox sort -u -k 2,2n events | wc -l)"
check "6" "the same of BusyBox, sort -s -k 2,2 -u" "$($busybox sort -s -k 2,2 -u events | wc -l)"
$gnu -u ids > sent; check "3 0" "ids sent that did not come, by comm -23, after sort -n -u | sort; after sort -u" \
  "$($busybox sort -n -u ids | $busybox sort | comm -23 sent - | wc -l) $($busybox sort -u ids | comm -23 sent - | wc -l)"
printf '%s\n' 999999999999999999 1000000000000000001 1000000000000000000 > ids
check "1000000000000000001 999999999999999999" "the largest of 999999999999999999, 1000000000000000001 and ...0: GNU, BusyBox" "$($gnu -n ids | tail -1) $($busybox sort -n ids | tail -1)"
printf '%s\n' 9007199254740991 10000 9999 10000 > ids; check "3 9999 3 9999" "up to 2^53, sort -n -u: lines and least of GNU, BusyBox" \
  "$($gnu -n -u ids | wc -l) $($gnu -n -u ids | head -1) $($busybox sort -n -u ids | wc -l) $($busybox sort -n -u ids | head -1)"
awks() { # awks WANTED PROGRAM: what gawk, original-awk, mawk and BusyBox write
  check "$1" "$2" "$(root/usr/bin/gawk "$2") $(root/usr/bin/original-awk "$2") $(root/usr/bin/mawk "$2") $($busybox awk "$2")"; }
echo "awk: gawk, original-awk, mawk, BusyBox"
awks "1732917600123 1732917600123 2147483647 -2147483648" 'BEGIN { printf "%d", 1732917600123 }'
awks "2147483648 2147483648 2147483647 -2147483648" 'BEGIN { printf "%d", 2147483647 + 1 }'
awks "2147483647 2147483647 2147483647 2147483647" 'BEGIN { printf "%d", 2147483647 }'
awks "1732917600123 1732917600123 1732917600123 1732917600123" 'BEGIN { printf "%.0f", 1732917600123 }'
exit $failed
