#!/usr/bin/env bash
# Expected: groonga's load, which takes events as JSON, refuses a value that its column cannot hold, and says so, as it does with a word in a column
#   of times ("failed to cast"); the number that it returns counts what it loaded.
# Happens: groonga 13.0.0 (Debian 12) stores 3000000000 in an Int32 as -1294967296, 300 in a UInt8 as 44, -1 there as 255, 9223372036854775808 in an
#   Int64 as -9223372036854775808, 1.9 as 1, and the string "false" in a Bool as true: loaded 1, return code 0, no line in the log, and the same for a
#   number in quotes. A word in a number or in a time, and an object in a text, are code -22 and a line in the log.
# Means: an amount of 30 million in cents is a refund, and filters and sums count it so. Take Int64 for whole numbers of others, Float or text for
#   those that may be larger, and true and false without quotes; what the program returns tells nothing about it.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq groonga-bin libgroonga0 libmsgpackc2 liblz4-1 libzstd1 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f groonga-bin_* Package Version | xargs
[[ $(dpkg -f groonga-bin_* Version) == 13.0.0* ]] || { echo "   changed: expected groonga 13.0.0"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
cat > t.py <<'E'
import json, os, subprocess, sys
environment = dict(os.environ, LD_LIBRARY_PATH="root/usr/lib/x86_64-linux-gnu", TZ="UTC", GRN_RUBY_SCRIPTS_DIR="root/usr/lib/x86_64-linux-gnu/groonga/scripts/ruby", GRN_PLUGINS_DIR="root/usr/lib/x86_64-linux-gnu/groonga/plugins"); count = 0; failed = False
def run(*commands):
    answer = subprocess.run(["root/usr/bin/groonga", "--log-path", "groonga.log", "db"] if os.path.exists("db") else ["root/usr/bin/groonga", "--log-path", "groonga.log", "-n", "db"],
      input="\n".join(commands) + "\n", capture_output=True, text=True, timeout=20, env=environment).stdout
    return [json.loads(line) for line in answer.splitlines() if line.startswith("[[")]
def load(kind, value):
    global count; count += 1; table = f"Events{count}"
    run(f"table_create {table} TABLE_HASH_KEY ShortText", f"column_create {table} value COLUMN_SCALAR {kind}"); open("groonga.log", "w").close()
    answers = run(f"load --table {table}", json.dumps([{"_key": "e1", "value": value}]), f"select {table} --output_columns value")
    errors = any("|e|" in line or "|w|" in line for line in open("groonga.log"))
    return answers[1][1][0][2][0], f"loaded {answers[0][1]}, code {answers[0][0][0]}" + (", in the log" if errors else "")
def check(kind, value, stored, said="loaded 1, code 0"):
    global failed; got = load(kind, value)
    print(f"{kind:9} {json.dumps(value):22} -> {json.dumps(got[0]):22} {got[1]}")
    if got != (stored, said): failed = True; print("   changed: expected", json.dumps(stored), said)
check("Int32", 2000000000, 2000000000)
check("Int32", 3000000000, -1294967296)
check("Int32", "3000000000", -1294967296)
check("UInt8", 300, 44)
check("UInt8", -1, 255)
check("Int64", 1234567890123456789, 1234567890123456789)
check("Int64", 9223372036854775808, -9223372036854775808)
check("Int64", 1.9, 1)
check("Bool", True, True)
check("Bool", False, False)
check("Bool", "false", True)
check("Text", "{\"a\": 1}", "{\"a\": 1}")
check("Text", {"a": 1}, "", "loaded 1, code -22, in the log")
check("Float", 3000000000, 3000000000.0)
check("Int32", "many", 0, "loaded 1, code -22, in the log")
check("Time", "soon", 0.0, "loaded 1, code -22, in the log")
sys.exit(1 if failed else 0)
E
timeout 100 python3 t.py
