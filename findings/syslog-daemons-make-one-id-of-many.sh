#!/usr/bin/env bash
# Expected: a log shipper that parses JSON lines and writes JSON again keeps fields and values, or says where it cannot; 64-bit ids without a sign (of a
#   trace, a hash, a snowflake) are everyday numbers.
# Happens: rsyslog 8.2302.0 (mmjsonparse) and syslog-ng 3.38.1 (json-parser) turn each integer above 2^63 - 1 into 9223372036854775807. rsyslog also compares
#   names without case, so that of "host" and "HOST" one is left, with the later value. syslog-ng writes each number with a fraction with six digits
#   after the point: 0.0000004 is 0.000000, and 1700000000.1234567 loses its end; numbers, booleans and lists become strings, null and [] empty ones.
#   Both cut a string at \u0000. Nothing is logged.
# Means: half of all 64-bit ids are the same one in the archive: whoever joins or counts by them gets one giant. Write ids as strings, and do not
#   parse on the way (rsyslog: send msg as it is; or variables.casesensitive="on" for the names).
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); pids=; trap 'kill $pids 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq rsyslog libestr0 libfastjson4 liblognorm5 syslog-ng-core libivykis0 libnet1 libwrap0 libpcre3 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in ./*.deb; do dpkg -x "$package" root; done; mkdir work
libraries=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu:$dir/root/usr/lib/syslog-ng
cat > in.json <<'E'
{"trace":9223372036854775807,"span":9223372036854775808,"parent":18446744073709551615,"host":"a","HOST":"b","seconds":0.0000004,"at":1700000000.1234567,"n":1,"ok":true,"none":null,"list":[],"text":"x\u0000y"}
E
cat > rsyslog.conf <<E
module(load="imfile") module(load="mmjsonparse") global(workDirectory="$dir/work")
input(type="imfile" file="$dir/in.json" tag="app:" ruleset="r")
template(name="t" type="string" string="%\$!%\n")
ruleset(name="r") { action(type="mmjsonparse" cookie="") unset \$!metadata; action(type="omfile" file="$dir/rsyslog.json" template="t") }
E
cat > syslog-ng.conf <<E
@version: 3.38
source in { file("$dir/in.json" flags(no-parse) read-old-records(yes)); };
destination out { file("$dir/syslog-ng.json" template("\$(format-json --scope none .j.* --rekey .j.* --shift-levels 2)\n")); };
log { source(in); parser { json-parser(prefix(".j.")); }; destination(out); };
E
LD_LIBRARY_PATH=$libraries root/usr/sbin/rsyslogd -v | sed -n 1p
LD_LIBRARY_PATH=$libraries root/usr/sbin/syslog-ng --version --module-path "$dir/root/usr/lib/syslog-ng/3.38" | sed -n 1p
LD_LIBRARY_PATH=$libraries root/usr/sbin/rsyslogd -n -f rsyslog.conf -i "$dir/r.pid" -M "$dir/root/usr/lib/x86_64-linux-gnu/rsyslog" >rsyslog.log 2>&1 & pids=$!
LD_LIBRARY_PATH=$libraries root/usr/sbin/syslog-ng -F -f syslog-ng.conf --no-caps --module-path "$dir/root/usr/lib/syslog-ng/3.38" -R "$dir/persist" -c "$dir/s.ctl" -p "$dir/s.pid" >syslog-ng.log 2>&1 & pids+=" $!"
for _ in $(seq 200); do [ -s rsyslog.json ] && [ -s syslog-ng.json ] && break; sleep 0.1; done
cat > t.py <<'E'
import json, sys
wanted = {"rsyslog": {"trace": 2**63 - 1, "span": 2**63 - 1, "parent": 2**63 - 1, "host": "b", "seconds": 0.0000004, "at": 1700000000.1234567, "n": 1, "ok": True, "none": None,
    "list": [], "text": "x"},
  "syslog-ng": {"trace": str(2**63 - 1), "span": str(2**63 - 1), "parent": str(2**63 - 1), "host": "a", "HOST": "b", "seconds": "0.000000", "at": "1700000000.123457", "n": "1", "ok": "true",
    "none": "", "list": "", "text": "x"}}
print("written  ", open("in.json").read(), end=""); failed = False
for daemon, right in wanted.items():
    text = open(daemon + ".json").read(); print(f"{daemon:9}", text, end="")
    if json.loads(text) != right: failed = True; print("   changed: expected", right)
sys.exit(failed)
E
timeout 30 python3 t.py; cat rsyslog.log syslog-ng.log
