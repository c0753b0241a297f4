#!/usr/bin/env bash
# Expected: join of Nushell joins two rows when their keys are equal, as == says; its times have nanoseconds and its sizes bytes. (group-by says in its help that
#   it goes by the text of times and sizes; the help of join says nothing of the kind, nor does that of uniq-by.)
# Happens: nushell 0.115.1 (npm), without a config: join compares what the screen would show. 03:04:05.1 and 03:04:05.9 are one key, 5123 B and 5124 B are both
#   "5.1 kB", 1 is "1" but not 1.0, though 1 == 1.0, and null joins with "". One moment written +02:00 and Z does not join, and stays twice after uniq-by, though
#   == says true. No warning; on texts of the times, or by into int, all is right.
# Means: payments are joined to the order of another customer of the same second, in a burst each with each, an event without a customer with those whose customer
#   is "", and of an event that two servers wrote the repeat stays. Give join texts or numbers: update at { into int } (nanoseconds), sizes { into int }, and
#   filter null out before.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v npm >/dev/null || { echo "needs npm"; exit 2; }
npm install --silent --no-audit --no-fund nushell@0.115.1 >npm.log 2>&1 || { cat npm.log; exit 2; }
nu() { TZ=UTC LC_ALL=C HOME=$dir XDG_CONFIG_HOME=$dir timeout 40 node_modules/.bin/nu --no-config-file --no-std-lib -c "$1" 2>&1; }
echo "nushell $(nu 'version | get version')"; failed=0
[[ $(nu 'version | get version') == 0.115.1 ]] || { echo "   changed: expected 0.115.1"; exit 1; }
check() { printf '  %-66s %s\n' "$1" "$2"; [[ $2 == $3 ]] || { echo "   changed: expected $3"; failed=1; }; }
pair() { # label, key of the left, key of the right: ==, and whether they join
  check "$1: ==, join" "$(nu "let l = [[k a]; [$2 1]]; let r = [[k b]; [$3 2]]; [(try { ($2) == ($3) } catch { 'error' }) ((\$l | join \$r k | length) == 1)] | str join ' '")" "$4"
}
pair "03:04:05.1 and 03:04:05.1" 2026-07-02T03:04:05.1Z 2026-07-02T03:04:05.1Z "true true"
pair "03:04:05.1 and 03:04:06.1" 2026-07-02T03:04:05.1Z 2026-07-02T03:04:06.1Z "false false"
pair "03:04:05.1 and 03:04:05.9" 2026-07-02T03:04:05.1Z 2026-07-02T03:04:05.9Z "false true"
pair "03:04:05+02:00 and 01:04:05Z" 2026-07-02T03:04:05+02:00 2026-07-02T01:04:05Z "true false"
pair "5123b and 5124b" 5123b 5124b "false true"
pair "5123 and 5124" 5123 5124 "false false"
pair "1 and \"1\"" 1 '"1"' "false true"
pair "1 and 1.0" 1 1.0 "true false"
pair "\"2026-07-02T03:04:05.1Z\" and ... .9Z as texts" '"2026-07-02T03:04:05.1Z"' '"2026-07-02T03:04:05.9Z"' "false false"
pair "null and \"\"" null '""' "* true"
echo "orders and payments, one second:"
printf '%s\n' '{"order":"A","at":"2026-07-02T03:04:05.123Z"}' '{"order":"B","at":"2026-07-02T03:04:05.987Z"}' > orders.jsonl
printf '%s\n' '{"cents":500,"at":"2026-07-02T03:04:05.123Z"}' '{"cents":99900,"at":"2026-07-02T03:04:05.987Z"}' > payments.jsonl
orders='(open --raw orders.jsonl | from json --objects'; payments='(open --raw payments.jsonl | from json --objects'; said='each { $"($in.order) ($in.cents)" } | str join ", "'
check "joined by the texts" "$(nu "$orders) | join $payments) at | $said")" "A 500, B 99900"
check "joined by the times" "$(nu "$orders | update at { into datetime }) | join $payments | update at { into datetime }) at | sort-by order cents | $said")" "A 500, A 99900, B 500, B 99900"
check "   by into int of them" "$(nu "$orders | update at { into datetime | into int }) | join $payments | update at { into datetime | into int }) at | $said")" "A 500, B 99900"
check "a repeat with another offset, after uniq-by at" "$(nu '[[id at]; [e1 2026-07-02T03:04:05+02:00] [e1 2026-07-02T01:04:05Z]] | uniq-by at | length')" "2"
exit $failed
