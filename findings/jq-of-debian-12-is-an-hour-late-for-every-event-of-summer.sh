#!/usr/bin/env bash
# Expected: fromdate of jq reads a time in UTC, "2026-07-02T10:00:00Z", as its manual says of ISO 8601, and gives the same number on each machine; todate writes
#   it back as it was. strflocaltime with %z writes a local time with its offset.
# Happens: jq 1.6, the one of Debian 12, adds an hour to each time in UTC that lies in summer where the machine is: with TZ, or /etc/localtime, in Berlin,
#   London or New York (Sydney: in our winter) fromdate, fromdateiso8601, mktime behind strptime and mktime behind gmtime are 3600 too large, each fromdate |
#   todate adds another hour. In UTC or Kolkata, and in winter, all is right. strflocaltime("%z") says +0000 beside the local hour: its text is two hours off.
#   jq 1.8.2 (PyPI) and gojq 0.12.11 of the same Debian are right. No error. (Debian 12 has this version; jq 1.7 mended it)
# Means: now - (.created | fromdate) is an hour less than the truth: what is older than an hour is not, a retry after ten minutes is one after seventy, and a
#   stored number is wrong for good. It passes every test in winter and on a CI machine in UTC. Call jq with TZ=UTC, or use gojq.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq jq libjq1 libonig5 gojq tzdata >apt.log 2>&1 || { cat apt.log; exit 2; }
for wanted in jq=1.6 gojq=0.12.11; do version=$(dpkg -f "${wanted%=*}"_*.deb Version); echo "${wanted%=*} $version"; [[ $version == "${wanted#*=}"-* ]] || { echo "   changed: expected $wanted"; exit 1; }; done
for package in ./*.deb; do dpkg -x "$package" root; done
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check --only-binary :all: jq==1.13.0
cat > new.py <<'E'
import json, sys, jq
print(json.dumps(jq.compile(sys.argv[1]).input_value(None).first(), separators=(",", ":")))
E
zones=$PWD/root/usr/share/zoneinfo; failed=0
# check ZONE PROGRAM OLD RIGHT: what jq 1.6 says, and what gojq and jq 1.8.2 say
check() {
  local old new go
  old=$(TZDIR=$zones TZ=$1 LD_LIBRARY_PATH=root/usr/lib/x86_64-linux-gnu root/usr/bin/jq -nc "$2") new=$(TZDIR=$zones TZ=$1 v/bin/python new.py "$2") go=$(ZONEINFO=$zones TZ=$1 root/usr/bin/gojq -nc "$2")
  printf '%-17s %s\n    jq 1.6 %s   jq 1.8.2 %s   gojq %s\n' "$1" "$2" "$old" "$new" "$go"
  [[ $old == "$3" && $new == "$4" && $go == "$4" ]] || { failed=1; echo "   changed: expected $3 $4"; }
}
summer='"2026-07-02T10:00:00Z"' winter='"2026-11-30T10:00:00Z"'
for zone in UTC Asia/Kolkata; do check $zone "[$summer, $winter] | map(fromdate)" '[1782986400,1796032800]' '[1782986400,1796032800]'; done
for zone in Europe/Berlin Europe/London America/New_York; do check $zone "[$summer, $winter] | map(fromdate)" '[1782990000,1796032800]' '[1782986400,1796032800]'; done
check Australia/Sydney "[$summer, $winter] | map(fromdate)" '[1782986400,1796036400]' '[1782986400,1796032800]'
check Europe/Berlin "$summer | fromdateiso8601" 1782990000 1782986400
check Europe/Berlin "$summer | strptime(\"%Y-%m-%dT%H:%M:%SZ\") | mktime" 1782990000 1782986400
check Europe/Berlin '1782986400 | gmtime | mktime' 1782990000 1782986400
check Europe/Berlin "$summer | fromdate | todate | fromdate | todate" '"2026-07-02T12:00:00Z"' '"2026-07-02T10:00:00Z"'
check Europe/Berlin "1782986400 + 5400 - ($summer | fromdate) > 3600" false true
check Europe/Berlin '1782986400 | strflocaltime("%Y-%m-%dT%H:%M:%S%z")' '"2026-07-02T12:00:00+0000"' '"2026-07-02T12:00:00+0200"'
check America/New_York '1796032800 | strflocaltime("%Y-%m-%dT%H:%M:%S%z")' '"2026-11-30T05:00:00+0000"' '"2026-11-30T05:00:00-0500"'
exit $failed
