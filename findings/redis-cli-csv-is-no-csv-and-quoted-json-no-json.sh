#!/usr/bin/env bash
# Expected: redis-cli --csv HGETALL (or MGET, LRANGE, XRANGE) is an export that programs for CSV read, and --quoted-json, by its help the same as --json, only safe for
#   ASCII, is JSON. Both look so on the first tries, with ids, numbers and names without accents.
# Happens: redis-cli 7.0.15 (Debian 12) writes the escapes of its own prompt between quotes: \" for a quote and \xc3\xbc for ü. Readers of CSV know no backslash:
#   Python's csv and sqlite3's .import make of one stored JSON body as many columns as it has commas, without its quotes, and of Müller the text M\xc3\xbcller, with no
#   error in Python. --quoted-json escapes these once more: Müller is M\\xc3\\xbcller, valid JSON of another text, C:\new has two backslashes after reading, and a
#   value with a quote is \\" in it, which ends the string: each stored JSON body makes the whole answer invalid. --json is right about all of them.
# Means: an export of a queue or of a dead-letter hash is wrong from the first body or umlaut on, mostly in silence. Use --json, and make CSV of that with a program that
#   knows it (jq -r @csv), and keep bodies that are no UTF-8 in Base64.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null && wait $server || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq redis-server redis-tools libjemalloc2 liblzf1 libhiredis0.14 liblua5.1-0 lua-cjson lua-bitop libsystemd0 libatomic1 sqlite3 libsqlite3-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f redis-tools_*.deb Version); echo "redis-tools $version"; [[ $version == 5:7.0.15-* ]] || { echo "   changed: expected 7.0.15"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; libraries=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu; export LD_LIBRARY_PATH=$libraries
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
root/usr/bin/redis-server --port "$port" --bind 127.0.0.1 --save "" --dir "$dir" >redis.log 2>&1 & server=$!
for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
cat > t.py <<'E'
import csv, io, json, subprocess, sys
failed = False
def check(text, got, wanted):
    global failed
    print(f"  {text:40} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def cli(*words): return subprocess.run(["root/usr/bin/redis-cli", "-p", sys.argv[1], *words], capture_output=True, check=True, timeout=20).stdout.decode()
def sqlite(text):
    open("t.csv", "w").write(text); columns = ",".join(f"c{i}" for i in range(len(next(csv.reader(io.StringIO(text))))))
    done = subprocess.run(["root/usr/bin/sqlite3", ":memory:", ".mode csv", f"CREATE TABLE t ({columns})", ".import t.csv t", ".mode json", "SELECT * FROM t"], capture_output=True, text=True)
    return list(json.loads(done.stdout)[0].values())
plain = {"id": "evt_1", "amount": "19.99", "name": "Smith, John"}; body = {"body": '{"id":"evt_1","amount":"1,50"}'}
for what, fields, read in (("plain", plain, plain), ("umlaut", {"name": "Müller"}, {"name": r"M\xc3\xbcller"}), ("backslash", {"path": "C:\\new"}, {"path": r"C:\\new"}), ("a stored body", body, None)):
    flat = [word for pair in fields.items() for word in pair]; cli("DEL", "h"); cli("HSET", "h", *flat)
    print(what, fields); check("--json", json.loads(cli("--json", "HGETALL", "h")), fields)
    text, quoted = cli("--csv", "HGETALL", "h"), cli("--quoted-json", "HGETALL", "h")
    if read:
        wanted = [word for pair in read.items() for word in pair]
        check("--csv, with Python's csv", next(csv.reader(io.StringIO(text))), wanted); check("--csv, with sqlite3's .import", sqlite(text), wanted)
        check("--quoted-json", json.loads(quoted), read)
        continue
    check("--csv, with Python's csv", next(csv.reader(io.StringIO(text))), ["body", "{\\id\\\":\\\"evt_1\\\"", "\\\"amount\\\":\\\"1", "50\\\"}\""])
    check("--csv, fields in sqlite3 (2 are right)", len(sqlite(text)), 4)
    check("--quoted-json writes", quoted.strip(), r'{"body":"{\\"id\\":\\"evt_1\\",\\"amount\\":\\"1,50\\"}"}')
    try: got = json.loads(quoted)
    except ValueError: got = "no JSON"
    check("--quoted-json, with Python's json", got, "no JSON")
buffer = io.StringIO(); csv.writer(buffer).writerow(["body", body["body"]])
check("control: what Python's csv writes, in sqlite3", sqlite(buffer.getvalue()), ["body", body["body"]])
sys.exit(failed)
E
timeout 60 python3 t.py "$port"
