#!/usr/bin/env bash
# Expected: rrdtool update takes the seconds since 1970, refuses a time before the last one, and a value of another time changes the slot of that time. A time in milliseconds, as
#   JavaScript, Java and most webhooks have it, is one of the year 58470, and is refused, or does no harm to what there is.
# Happens: rrdtool 1.7.2 (Debian 12) takes it, without a word and with exit code 0, and moves each archive on to the year 58470: each of its
#   slots is emptied on the way. A year of hours, ten years of days and of largest values are gone at once; the file has the same size, `fetch` still lists the times,
#   with nan. Each right value after it is refused as older; with --skip-past-updates (for files that several write to) it is dropped with exit code 0. A time one year ahead
#   empties the archives that are not longer than that.
# Means: one sender that changes from seconds to milliseconds, or one event with a date of next year, takes the history of a graph, and there is no way back but a copy. Compare the
#   time of an event with the clock before it is written, or write N and not the event's time.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq rrdtool librrd8 libdbi1 libblkid1 libbrotli1 libbsd0 libcairo2 libdatrie1 libexpat1 libffi8 libfontconfig1 libfreetype6 libfribidi0 libglib2.0-0 libgraphite2-3 libharfbuzz0b \
  libicu72 liblzma5 libmd0 libmount1 libpango-1.0-0 libpangocairo-1.0-0 libpangoft2-1.0-0 libpcre2-8-0 libpixman-1-0 libpng16-16 libselinux1 libthai0 libx11-6 libxau6 libxcb-render0 \
  libxcb-shm0 libxcb1 libxdmcp6 libxext6 libxml2 libxrender1 zlib1g >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f rrdtool_*.deb Package Version | xargs; [[ $(dpkg -f rrdtool_*.deb Version) == 1.7.2-* ]] || { echo "   changed: expected 1.7.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
rrd() { LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu TZ=UTC timeout 20 root/usr/bin/rrdtool "$@"; }
failed=0; check() { printf '  %-66s %s\n' "$1" "$2"; [[ $2 == "$3" ]] || { failed=1; echo "   changed: expected $3"; }; }
now=1782986400 year=31536000
rrd create orders.rrd --start $((now - year - 3600)) --step 3600 DS:orders:GAUGE:7200:U:U RRA:AVERAGE:0.5:1:8760 RRA:AVERAGE:0.5:24:3650 RRA:MAX:0.5:24:3650
for ((i = 0; i < 8760; i += 438)); do
  values=(); for ((k = i; k < i + 438; k++)); do values+=("$((now - year + k * 3600)):$((k % 50))"); done
  rrd update orders.rrd "${values[@]}"
done
cp orders.rrd kept.rrd
# kept STEP: how many values of the last year there are in the archive of that step
kept() { rrd fetch orders.rrd AVERAGE -r "$1" --start $((now - year)) --end $((now - 3600)) | grep -c ': [0-9]' || true; }
run() { local code=0 text; text=$("$@" 2>&1) || code=$?; echo "exit code $code${text:+, a message}"; }
echo "a year of hours, in archives of a year of hours, ten years of days, ten years of each day's largest:"
check "hours and days that have a value" "$(kept 3600) $(kept 86400)" "8759 365"
echo "one event with its time in milliseconds, ${now}000:"
check "rrdtool update orders.rrd ${now}000:7" "$(run rrd update orders.rrd ${now}000:7)" "exit code 0"
check "hours and days that have a value" "$(kept 3600) $(kept 86400)" "0 0"
check "slots of all three archives that have a value" "$(rrd dump orders.rrd | grep -c '<row><v>[0-9]' || true)" 0
check "size of the file" "$(($(stat -c %s orders.rrd) - $(stat -c %s kept.rrd)))" 0
check "the year of the last update" "$(date -u -d "@$(rrd last orders.rrd)" +%Y)" 58470
check "the right event of an hour later" "$(run rrd update orders.rrd $((now + 3600)):7)" "exit code 1, a message"
check "   with --skip-past-updates" "$(run rrd update --skip-past-updates orders.rrd $((now + 3600)):7)" "exit code 0"
check "hours and days that have a value" "$(kept 3600) $(kept 86400)" "0 0"
cp kept.rrd orders.rrd; echo "one event with a time of next year:"
check "rrdtool update orders.rrd $((now + year + 86400)):7" "$(run rrd update orders.rrd $((now + year + 86400)):7)" "exit code 0"
check "the finest step that is left for last year, and its days" "$(rrd fetch orders.rrd AVERAGE -r 3600 --start $((now - year)) --end $((now - 3600)) | awk 'NR > 3 { step = $1 - last } { last = $1 } END { print step }') $(kept 86400)" "86400 365"
exit $failed
