#!/usr/bin/env bash
# Expected: in JSON lines read by Miller, an amount of null is no amount: the help of max says "null loses", and sum and mean do leave it out.
# Happens: Miller 6.6.0 (Debian 12): null wins. stats1 -a max gives null, p90 as well, and count counts it, while sum and mean leave it out (mean times count is
#   not sum); max() in put, top, and sort -nr then head -n 1 give the event with null; filter '$amount > 1000' lets it through, and so does every other lower limit; 0.19
#   * $amount is 0.19, as documented for a missing one. is_empty() says no, and fill-empty leaves it. Written as CSV it is the word null, and read again a text. A
#   missing amount wins nowhere, "" in max() and top only.
# Means: a report has null for the largest payment, an alert on large refunds tells of each event without an amount, and a tax of 0.19 * null is 0.19. Take them
#   out first, filter 'is_not_null($amount)', or put 'is_null($amount) { unset $amount }' for all that follows.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq miller >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f miller_* Package Version | xargs; [[ $(dpkg -f miller_* Version) == 6.6.0-* ]] || { echo "   changed: expected 6.6.0"; exit 1; }
dpkg -x miller_*.deb root; failed=0
with() { printf '{"id":1,"amount":100}\n{"id":2%s}\n{"id":3,"amount":40}\n' "$1" > events.jsonl; }
run() { root/usr/bin/mlr --ijsonl --ojsonl "$@" events.jsonl 2>&1 | tr '\n' ' ' | sed 's/ *$//'; }
check() { printf '  %-58s %s\n' "$1" "$2"; [[ $2 == "$3" ]] || { echo "   changed: expected $3"; failed=1; }; }
all() { # what follows is of the event 2: max, count and mean, max(), top, the first by sort, above 50 and above 1000, * 2, fill-empty
  check "stats1: max" "$(run stats1 -a max -f amount)" "{\"amount_max\": $1}"
  check "stats1: p90" "$(run stats1 -a p90 -f amount)" "{\"amount_p90\": $1}"
  check "stats1: count, sum, mean" "$(run stats1 -a count,sum,mean -f amount)" "{\"amount_count\": $2, \"amount_sum\": 140, \"amount_mean\": 70}"
  check "put: max()" "$(run put -q '@largest = max(@largest, $amount); end { emit @largest }')" "{\"largest\": ${5:-$1}}"
  check "top -n 1" "$(run top -n 1 -f amount)" "{\"top_idx\": 1, \"amount_top\": ${5:-$1}}"
  check "filter '\$amount > 50': ids" "$(run filter '$amount > 50' then cut -f id)" "$3"
  check "filter '\$amount > 1000': ids" "$(run filter '$amount > 1000' then cut -f id)" "$4"
}
echo "help: $(root/usr/bin/mlr help function max | tail -1 | cut -c1-70)"; [[ $(root/usr/bin/mlr help function max) == *"null loses"* ]] || { echo "   changed: expected null loses"; failed=1; }
echo "100, nothing, 40:"; with ''; all 100 2 '{"id": 1}' ''
echo "100, \"\", 40:"; with ',"amount":""'; all 100 2 '{"id": 1}' '' '""'
echo "100, null, 40:"; with ',"amount":null'; all null 3 '{"id": 1} {"id": 2}' '{"id": 2}'
check "sort -nr then head -n 1" "$(run sort -nr amount then head -n 1)" '{"id": 2, "amount": null}'
check "\$amount * 2, + 1, 0.19 * \$amount" "$(run filter '$id == 2' then put '$t = $amount * 2; $u = $amount + 1; $v = 0.19 * $amount' then cut -f t,u,v)" '{"t": 2, "u": 1, "v": 0.19}'
check "fill-empty -v 0, and is_empty()" "$(run fill-empty -v 0 then filter '$id == 2' then put '$e = is_empty($amount)')" '{"id": 2, "amount": null, "e": false}'
check "stats1 -a min" "$(run stats1 -a min -f amount)" '{"amount_min": 40}'
check "filter 'is_not_null(\$amount)' before: max" "$(run filter 'is_not_null($amount)' then stats1 -a max -f amount)" '{"amount_max": 100}'
check "put 'is_null(\$amount) { unset \$amount }' before: max" "$(run put 'is_null($amount) { unset $amount }' then stats1 -a max -f amount)" '{"amount_max": 100}'
check "as CSV, and read again" "$(root/usr/bin/mlr --ijsonl --ocsv cat events.jsonl | root/usr/bin/mlr --icsv --ojsonl filter '$id == 2')" '{"id": 2, "amount": "null"}'
exit $failed
