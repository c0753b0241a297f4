#!/usr/bin/env bash
# Expected: Miller (mlr), "like awk, sed, cut, join and sort for CSV and JSON", sums, sorts and filters a field whose values are numbers, or says that they are
#   none; many senders write amounts as JSON strings ("19.99"), and out of CSV Miller takes the same text for a number.
# Happens: Miller 6.6.0 (Debian 12) leaves JSON strings out without a word: of "19.99", "5.00" and "100" `stats1` gives count 3, sum 0, an empty mean, min "100"
#   and max "5.00"; merge-fields gives 0; sort -nr puts "5.00" first and "100" last; `filter '$amount > 1000'` takes "19.99" and "5.00", and `< 1000` only
#   "100": they are compared by letters. Of 19.99, "5.00" and 100 the count is 3, the sum 119.99 and the mean 59.995. `put` writes (error) in place of a value,
#   which is no JSON, and ends with 0. A whole number above 2^63 - 1 becomes a string by `cat` alone. Through CSV, or with json-parse or float(), all sums are
#   right.
# Means: the sum over a day of webhooks is 0 or too small as soon as one sender writes quotes; "paid more than 1000" has small ones. Put `json-parse -f amount
#   then` before, and compare a count of is_string($amount) with 0.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq miller >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f miller_*.deb Package Version | xargs; [[ $(dpkg -f miller_*.deb Version) == 6.6.0-* ]] || { echo "   changed: expected 6.6.0"; exit 1; }
dpkg -x miller_*.deb root; failed=0
mlr() { local code=0; timeout 20 root/usr/bin/mlr --ijsonl --ojsonl "$@" || code=$?; [ $code = 0 ] || echo "(exit code $code)"; }
check() { # check WANTED NAME COMMAND...
  local wanted=$1 name=$2 got; shift 2; got=$("$@" 2>&1 | tr '\n' ' '); got=${got% }
  printf '  %-44s %s\n' "$name" "$got"; [ "$got" = "$wanted" ] || { echo "   changed: expected $wanted"; failed=1; }
}
printf '%s\n' '{"id": "a", "amount": 19.99}' '{"id": "b", "amount": 5.00}' '{"id": "c", "amount": 100}' >numbers
printf '%s\n' '{"id": "a", "amount": "19.99"}' '{"id": "b", "amount": "5.00"}' '{"id": "c", "amount": "100"}' >strings
printf '%s\n' '{"id": "a", "amount": 19.99}' '{"id": "b", "amount": "5.00"}' '{"id": "c", "amount": 100}' >mixed
statistics() { mlr stats1 -a count,sum,mean,min,max -f amount "$1"; }
ids() { mlr "$@" | sed '/./!d' | cut -d'"' -f4; }
csv() { root/usr/bin/mlr --ijsonl --ocsv cat "$1" | root/usr/bin/mlr --icsv --ojsonl stats1 -a count,sum,mean,min,max -f amount; }
right='{"amount_count": 3, "amount_sum": 124.99, "amount_mean": 41.663333333333334, "amount_min": 5, "amount_max": 100}'
echo 'amounts 19.99, 5.00, 100:'
check "$right" "stats1" statistics numbers
check "c a b" "sort -nr" ids sort -nr amount numbers; check "" 'filter $amount > 1000' ids filter '$amount > 1000' numbers; check "a b c" 'filter $amount < 1000' ids filter '$amount < 1000' numbers
echo 'amounts "19.99", "5.00", "100":'
check '{"amount_count": 3, "amount_sum": 0, "amount_mean": "", "amount_min": "100", "amount_max": "5.00"}' "stats1" statistics strings
check "b a c" "sort -nr" ids sort -nr amount strings; check "a b" 'filter $amount > 1000' ids filter '$amount > 1000' strings; check "c" 'filter $amount < 1000' ids filter '$amount < 1000' strings
check '{"id": "a", "total_sum": 0}' "merge-fields -a sum, first record" mlr head -n 1 then merge-fields -a sum -f amount -o total strings
check '{"sum": (error)}' "put @sum += \$amount" mlr put -q '@sum += $amount; end { emit @sum }' strings
check "$right" "through CSV" csv strings
check "$right" "json-parse, stats1" mlr json-parse -f amount then stats1 -a count,sum,mean,min,max -f amount strings
check '{"amount_sum": 124.99}' "float(), stats1" mlr put '$amount = float($amount)' then stats1 -a sum -f amount strings
echo 'amounts 19.99, "5.00", 100:'
check '{"amount_count": 3, "amount_sum": 119.99, "amount_mean": 59.995, "amount_min": 19.99, "amount_max": "5.00"}' "stats1" statistics mixed
check "a b c" 'filter $amount > 10' ids filter '$amount > 10' mixed
echo "whole numbers:"
for number in 9223372036854775807:9223372036854775807 9223372036854775808:'"9223372036854775808"' 18446744073709551615:'"18446744073709551615"'; do
  echo "{\"id\": ${number%%:*}}" >one; check "{\"id\": ${number#*:}}" "cat of {\"id\": ${number%%:*}}" mlr cat one
done
exit $failed
