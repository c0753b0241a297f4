#!/usr/bin/env bash
# Expected: MariaDB's CONNECT engine makes a table of a file with one JSON event a line, to be queried and updated where it lies: its manual finds no problem with UPDATE
#   as long as the values are simple. It finds the columns itself, and in strict mode, a value that does not fit is an error or at least a warning.
# Happens: CONNECT of MariaDB 10.11 (Debian 12): an UPDATE writes the whole event anew. Fields that it does not name, and that are no columns, are changed: 52.5200066
#   becomes 52.520007, 0.0000001 becomes 0, 12345678901234567890 becomes 9223372036854775807, \ud83d\ude00 becomes six bytes that are no UTF-8. Columns that it finds itself
#   are as wide as the numbers that were in the file when the table was made: of later events, 19.99 is read as 19, 3000000000 as -1294967296, 1e12 as -2147483648 and
#   0.04 as 0.0, without an error or a warning (a text that is cut has a warning), and a WHERE or SUM works with these.
# Means: mark an event as done in the file, and its coordinates and rates are others; leave the table as it is, and sums and ids drift as the events grow. Only read with
#   CONNECT, name the columns yourself, wide enough (bigint, varchar, numbers of decimals as varchar), and keep states in a table of their own.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null && wait $server || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq mariadb-server-core mariadb-client-core mariadb-plugin-connect libaio1 libnuma1 liburing2 libpcre2-8-0 libodbc2 libltdl7 libxml2 libicu72 >apt.log 2>&1 ||
  { cat apt.log; exit 2; }
dpkg -f mariadb-plugin-connect*.deb Package Version | xargs; [[ $(dpkg -f mariadb-plugin-connect*.deb Version) == 1:10.11.* ]] || { echo "   changed: expected 10.11"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu; mkdir data
root/usr/sbin/mariadbd --no-defaults --user="$(id -un)" --datadir="$dir/data" --socket="$dir/s" --pid-file="$dir/pid" --skip-networking --skip-grant-tables \
  --plugin-dir="$dir/root/usr/lib/mysql/plugin" --plugin-load-add=ha_connect.so --lc-messages-dir="$dir/root/usr/share/mysql" \
  --character-sets-dir="$dir/root/usr/share/mysql/charsets" --innodb-log-file-size=4M >mariadb.log 2>&1 & server=$!
cat > t.py <<'E'
import json, os, subprocess, sys, time
failed = False
def mariadb(sql):
    done = subprocess.run(["root/usr/bin/mariadb", "--no-defaults", "-S", "s", "-N", "--raw", "--show-warnings", "--default-character-set=utf8mb4", "-e", "USE hooks; " + sql], capture_output=True, text=True)
    return (done.stdout + done.stderr).strip().replace("\t", " | ")
def check(text, got, wanted):
    global failed
    print(f"  {text:58} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
for _ in range(200):
    if subprocess.run(["root/usr/bin/mariadb", "--no-defaults", "-S", "s", "-e", "CREATE DATABASE IF NOT EXISTS hooks"], capture_output=True).returncode == 0: break
    time.sleep(0.1)
def table(name, file, columns=""):
    return mariadb(f"CREATE TABLE {name} {columns} ENGINE=CONNECT TABLE_TYPE=JSON FILE_NAME='{os.getcwd()}/{file}' LRECL=4096 OPTION_LIST='Pretty=0' DEFAULT CHARSET=utf8mb4")
print("UPDATE of a column that has nothing to do with the others")
event = r'{"id":%d,"state":"new","lat":52.5200066,"rate":0.0000001,"factor":0.1234567890123,"order":12345678901234567890,"big":9007199254740993,"amount":19.99,"paid":false,"at":null,"name":"M\u00fcller","note":"\ud83d\ude00"}'
open("orders.jsonl", "w").write("".join(event % i + "\n" for i in (1, 2)))
check("the table is made", table("orders", "orders.jsonl", "(id bigint, state varchar(10))"), "")
check("its rows", mariadb("SELECT * FROM orders"), "1 | new\n2 | new")
check("UPDATE ... WHERE id = 1", mariadb("UPDATE orders SET state = 'done' WHERE id = 1"), "")
first, second = open("orders.jsonl", "rb").read().splitlines(); old = json.loads(event % 1); new = json.loads(first.decode("utf-8", "surrogateescape"))
check("the other event is the same", second.decode() == event % 2, True)
wanted = {"state": "done", "lat": 52.520007, "rate": 0, "factor": 0.123457, "order": 9223372036854775807}
for name in old:
    if name != "note": check(f"  {name}, was {old[name]!r}", new[name], wanted.get(name, old[name]))
check("  note, was '😀'", new["note"].encode("utf-8", "surrogateescape"), b"\xed\xa0\xbd\xed\xb8\x80")
print("columns found by the engine, and events that come later")
early = '{"id":1,"amount":5,"rate":1.5}\n{"id":2,"amount":7,"rate":2.5}\n'
late = '{"id":3000000000,"amount":19.99,"rate":12.25}\n{"id":4,"amount":1e12,"rate":0.04}\n'
open("events.jsonl", "w").write(early); check("the table is made", table("events", "events.jsonl"), "")
open("events.jsonl", "a").write(late)
check("strict mode", "STRICT_TRANS_TABLES" in mariadb("SELECT @@sql_mode"), True)
check("rows, and warnings", mariadb("SELECT * FROM events").split("\n"), ["1 | 5 | 1.5", "2 | 7 | 2.5", "-1294967296 | 19 | 12.2", "4 | -2147483648 | 0.0"])
check("event 3000000000, sum of the amounts, rates of 0", mariadb("SELECT SUM(id = 3000000000), SUM(amount), SUM(rate = 0) FROM events"), "0 | -2147483617 | 1")
check("control: wide columns", table("wide", "events.jsonl", "(id bigint, amount double, rate double)"), "")
check("its rows", mariadb("SELECT * FROM wide").split("\n"), ["1 | 5 | 1.5", "2 | 7 | 2.5", "3000000000 | 19.99 | 12.25", "4 | 1000000000000 | 0.04"])
sys.exit(failed)
E
timeout 60 python3 t.py
