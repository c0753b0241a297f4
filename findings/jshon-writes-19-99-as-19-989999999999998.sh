#!/usr/bin/env bash
# Expected: jshon and jo, the small JSON tools for shell scripts in Debian, give a number of a document that they only pass on as it was, or in the shortest
#   form that is the same number: 19.99 as 19.99, and 1795953600123456789 as that or, through a double, as 1795953600123456768.
# Happens: jshon 20131010 writes each fraction with 17 digits: `jshon -n true -i seen` and `jshon -e amount` make 19.989999999999998 of 19.99 and
#   0.029999999999999999 of 0.03; of the 9999 amounts from 0.01 to 99.99 these are 8504. jo 1.9 keeps 19.99 and makes of a whole number with 17 digits or more
#   one with a point and 16: -f event.json and event=:event.json write 1.795953600123457e+18 for the id, and 1e+17 for 99999999999999999. Its manual names
#   strtod and no digits. Exit code 0. gron 0.7.1 gives both as they were.
# Means: a shell script that adds a field and sends the event on has changed nearly every amount: truncated to cents it is one less, compared as text it
#   differs, signed again it is another body; an id of jo is no integer for Go, Rust or Java. Use gron, or jq for amounts and never for long ids.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq jshon libjansson4 jo gron >apt.log 2>&1 || { cat apt.log; exit 2; }
for wanted in jshon=20131010 jo=1.9 gron=0.7.1 libjansson4=2.14; do version=$(dpkg -f "${wanted%=*}"_*.deb Version); echo "${wanted%=*} $version"; [[ $version == "${wanted#*=}"-* ]] || { echo "   changed: expected $wanted"; exit 1; }; done
for package in ./*.deb; do dpkg -x "$package" root; done
export PATH=$dir/root/usr/bin:$PATH LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
cat > t.py <<'E'
import json, subprocess, sys
from decimal import Decimal
from pathlib import Path
failed = False
def run(*command, text): return subprocess.run(command, input=text, capture_output=True, text=True, timeout=20, check=True).stdout
def check(what, got, wanted):
    global failed
    print(f"{what:44} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def squeezed(text): return "".join(text.split())
event = '{"id":1795953600123456789,"amount":19.99,"tax":0.03,"paid":true}'; Path("event.json").write_text(event)
check("jshon -n true -i seen", squeezed(run("jshon", "-n", "true", "-i", "seen", text=event)), '{"id":1795953600123456789,"amount":19.989999999999998,"tax":0.029999999999999999,"paid":true,"seen":true}')
check("jshon -e amount", run("jshon", "-e", "amount", text=event).strip(), "19.989999999999998")
check("   in cents, cut", int(Decimal(run("jshon", "-e", "amount", text=event).strip()) * 100), 1998)
amounts = [f"{cents // 100}.{cents % 100:02}" for cents in range(1, 10000)]
written = squeezed(run("jshon", text=f"[{','.join(amounts)}]"))[1:-1].split(",")
check("amounts from 0.01 to 99.99 that jshon changes", sum(Decimal(a) != Decimal(b) for a, b in zip(amounts, written, strict=True)), 8504)
jo = '{"id":1.795953600123457e+18,"amount":19.99,"tax":0.03,"paid":true'
check("jo -f event.json seen=true", run("jo", "-f", "event.json", "seen=true", text="").strip(), jo + ',"seen":true}')
check("jo event=:event.json", run("jo", "event=:event.json", text="").strip(), f'{{"event":{jo}}}}}')
check("jo event={...}", run("jo", "event=" + event, text="").strip(), f'{{"event":{jo}}}}}')
check("jo id=12345678901234567 n=99999999999999999", run("jo", "id=12345678901234567", "n=99999999999999999", text="").strip(), '{"id":1.234567890123457e+16,"n":1e+17}')
check("jo id=9007199254740991", run("jo", "id=9007199254740991", text="").strip(), '{"id":9007199254740991}')
check("   the id of jo as a whole number", int(json.loads(run("jo", "-f", "event.json", text=""))["id"]), 1795953600123457024)
check("gron | gron --ungron", json.loads(run("gron", "--ungron", text=run("gron", text=event))) == json.loads(event) and squeezed(run("gron", "--ungron", text=run("gron", text=event))).count("19.99,") == 1, True)
sys.exit(failed)
E
timeout 60 python3 t.py
