#!/usr/bin/env bash
# Expected: to csv of Nushell writes a time as the time: to json, to nuon and into sqlite write 2026-07-02T03:04:05.123+02:00, with all that is in it, and so does
#   url build-query. A file written today and one written tomorrow from the same events are the same file.
# Happens: nushell 0.115.1 (npm), without a config: to csv, to tsv and to md write what the screen would show, "Thu, 2 Jul 2026 03:04:05 +0200 (5 months ago)" in
#   quotes: the fraction is gone, and the words behind it are others tomorrow, so no two exports are alike. A size of 5123 B becomes "5.1 kB". $"...?since=($time)"
#   asks for the same text. into datetime does not read it again ("datetime parsing failed"), and sort puts Friday before Thursday. The help of to csv says nothing
#   of it.
# Means: whoever filters events by a time (where at > ((date now) - 1day)) has turned the strings of the JSON into times, and a CSV of them cannot be sorted,
#   compared, joined or loaded. Say the format before: update at { format date "%+" } (and sizes: into int), or set datetime_format.normal in config.nu, which a
#   script run by cron may not read, or write JSON.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v npm >/dev/null || { echo "needs npm"; exit 2; }
npm install --silent --no-audit --no-fund nushell@0.115.1 >npm.log 2>&1 || { cat npm.log; exit 2; }
nu() { TZ=UTC LC_ALL=C HOME=$dir XDG_CONFIG_HOME=$dir timeout 40 node_modules/.bin/nu --no-config-file --no-std-lib -c "$1" 2>&1; }
echo "nushell $(nu 'version | get version')"; failed=0
[[ $(nu 'version | get version') == 0.115.1 ]] || { echo "   changed: expected 0.115.1"; exit 1; }
check() { printf '  %-52s %s\n' "$1" "$2"; [[ $2 == $3 ]] || { echo "   changed: expected $3"; failed=1; }; }
printf '%s\n' '{"id":1,"at":"2026-07-02T03:04:05.123+02:00","size":5123}' '{"id":2,"at":"2026-07-03T03:04:05.987+02:00","size":5123}' > events.jsonl
read='open --raw events.jsonl | from json --objects'; times="$read | update at { into datetime }"
echo "the first event, with its time as text and as a time:"
check "as text, to csv" "$(nu "$read | to csv" | sed -n 2p)" '1,2026-07-02T03:04:05.123+02:00,5123'
check "as a time, to json" "$(nu "$times | first | to json -r")" '{"id":1,"at":"2026-07-02T03:04:05.123+02:00","size":5123}'
check "   to nuon" "$(nu "$times | first | get at | to nuon")" '2026-07-02T03:04:05.123+02:00'
check "   url build-query" "$(nu "{since: ($times | get at.0)} | url build-query")" 'since=2026-07-02T03%3A04%3A05.123%2B02%3A00'
check "   into sqlite" "$(nu "$times | into sqlite e.db; open e.db | get main.at.0")" '2026-07-02 03:04:05.123+02:00'
said='Thu, 2 Jul 2026 03:04:05 +0200 (*)'
check "   to csv" "$(nu "$times | to csv" | sed -n 2p)" "1,\"$said\",5123"
check "   to tsv" "$(nu "$times | to tsv" | sed -n 2p)" "1"$'\t'"$said"$'\t'"5123"
check "   to md" "$(nu "$times | to md" | sed -n 3p)" "| 1 | $said | 5123 |"
check "   in a string" "$(nu "\$\"?since=($times | get at.0)\"")" "?since=$said"
check "   its size as a size, to csv" "$(nu "$times | update size { into filesize } | to csv" | sed -n 2p)" "1,\"$said\",5.1 kB"
check "   update at { format date \"%+\" }, to csv" "$(nu "$times | update at { format date \"%+\" } | to csv" | sed -n 2p)" '1,2026-07-02T03:04:05.123+02:00,5123'
printf '%s\n' '$env.config.datetime_format.normal = "%+"' > config.nu
check "   datetime_format.normal = '%+' in config.nu" "$(HOME=$dir TZ=UTC node_modules/.bin/nu --config config.nu -c "$times | to csv" | sed -n 2p)" '1,2026-07-02T03:04:05.123+02:00,5123'
echo "what becomes of it:"
check "read again, and into datetime" "$(nu "$times | to csv | from csv | get at.0 | into datetime" | grep -o 'datetime_parse_error' | head -1)" 'datetime_parse_error'
check "the id behind sort-by at, before" "$(nu "$times | sort-by at | get id | str join ' '")" '1 2'
check "   and from the CSV" "$(nu "$times | to csv | from csv | sort-by at | get id | str join ' '")" '2 1'
check "an event of now, written twice, 12 seconds apart: same" "$(nu "let e = [[id at]; [3 (date now)]]; let one = (\$e | to csv); sleep 12sec; \$one == (\$e | to csv)")" 'false'
check "   to json: same" "$(nu "let e = [[id at]; [3 (date now)]]; let one = (\$e | to json); sleep 2sec; \$one == (\$e | to json)")" 'true'
exit $failed
