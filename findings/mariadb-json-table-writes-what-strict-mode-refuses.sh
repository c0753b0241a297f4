#!/usr/bin/env bash
# Expected: strict mode, MariaDB's default, refuses a value that does not fit its column. INSERT ... SELECT FROM JSON_TABLE(body, ...), which unpacks a batch of events,
#   refuses it as well, as it refuses the same value by VALUES and by CAST.
# Happens: MariaDB 10.11 (Debian 12) writes all of it: the number 3000000000 as 2147483647, of an id of 40 characters the first 36, 12:00 for
#   12:00:00+02:00, and the zero date for a word or a Unix time. The INSERT succeeds, the rows are there, SHOW WARNINGS is all that knows; ERROR ON ERROR
#   changes nothing. So two events of one batch whose ids differ at the end are a duplicate, and with INSERT IGNORE the second one is gone. The same
#   values by VALUES or by CAST(JSON_VALUE()) are errors (1264, 1406, 1292), and nothing is written.
# Means: a table whose strict mode one relies on has numbers, ids and times in it that nobody sent. Give JSON_TABLE's columns more room than the table's (TEXT,
#   DECIMAL(65,0), and VARCHAR for times) and let the table's own columns convert: then strict mode is asked; or look at the warning count after each INSERT.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null && wait $server || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq mariadb-server-core mariadb-client-core libaio1 libnuma1 liburing2 libpcre2-8-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f mariadb-server-core*.deb Version); echo "mariadb-server-core $version"; [[ $version == 1:10.11.* ]] || { echo "   changed: expected 10.11"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu; mkdir data
root/usr/sbin/mariadbd --no-defaults --user="$(id -un)" --datadir="$dir/data" --socket="$dir/s" --pid-file="$dir/pid" --skip-networking --skip-grant-tables \
  --lc-messages-dir="$dir/root/usr/share/mysql" --character-sets-dir="$dir/root/usr/share/mysql/charsets" --innodb-log-file-size=4M >mariadb.log 2>&1 & server=$!
cat > t.py <<'E'
import json, re, subprocess, sys, time
def run(sql):
    done = subprocess.run(["root/usr/bin/mariadb", "--no-defaults", "-S", "s", "-N", "--raw", "-e", sql], capture_output=True, text=True, timeout=30)
    error = re.search(r"^ERROR (\d+)", done.stderr, re.M)
    return f"error {error[1]}" if error else done.stdout.strip().replace("\n", "; ").replace("\t", " ")
for _ in range(200):
    if run("SELECT 1") == "1": break
    time.sleep(0.1)
failed = False
def check(name, got, wanted):
    global failed
    print(f"{name:84} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
check("version", run("SELECT version()").split(".")[:2], ["10", "11"])
check("strict mode is on", run("SELECT @@sql_mode LIKE '%STRICT_TRANS_TABLES%'"), "1")
run("CREATE DATABASE d; CREATE TABLE d.event (id VARCHAR(36), size INT, at DATETIME(6))")
types = {"id": "VARCHAR(36)", "size": "INT", "at": "DATETIME(6)"}
long = "0193e2a4-7d3f-7cc0-8f00-0123456789ab"
for column, value, wanted, refused in (
    ("size", 3000000000, "2147483647", "error 1264"), ("size", 12, "12", "12"), ("id", long, long, long), ("id", long + ":end", long, "error 1406"),
    ("at", "2024-06-01T12:00:00+02:00", "2024-06-01 12:00:00.000000", "error 1292"), ("at", "2024-06-01T12:00:00Z", "2024-06-01 12:00:00.000000", "error 1292"),
    ("at", "soon", "0000-00-00 00:00:00.000000", "error 1292"), ("at", 1717243200, "0000-00-00 00:00:00.000000", "error 1292"),
    ("at", "2024-06-01T12:00:00.5", "2024-06-01 12:00:00.500000", "2024-06-01 12:00:00.500000")):
    body = json.dumps([{column: value}]); show = f"; SELECT {column} FROM d.event"; empty = "DELETE FROM d.event; "
    def unpack(type, clause): return f"SELECT x FROM JSON_TABLE('{body}', '$[*]' COLUMNS (x {type} PATH '$.{column}' {clause})) t"
    for clause in ("", "ERROR ON ERROR"): check(f"{body}, JSON_TABLE {types[column]} {clause}:", run(f"{empty}INSERT INTO d.event ({column}) {unpack(types[column], clause)}{show}"), wanted)
    check(f"{body}, JSON_TABLE TEXT:", run(f"{empty}INSERT INTO d.event ({column}) {unpack('TEXT', 'ERROR ON ERROR')}{show}"), refused)
    check(f"{body}, VALUES:", run(f"{empty}INSERT INTO d.event ({column}) VALUES ({value!r}){show}"), refused)
    if column == "at" and isinstance(value, str):
        check(f"{body}, CAST:", run(f"{empty}INSERT INTO d.event ({column}) SELECT CAST(JSON_VALUE('{body}', '$[0].at') AS DATETIME(6)){show}"), refused)
    check("   rows after an error:", run("DELETE FROM d.event; INSERT INTO d.event (id) VALUES ('a'); SELECT count(*) FROM d.event"), "1")
batch = json.dumps([{"id": long + ":begin"}, {"id": long + ":end"}])
unpack = f"SELECT id FROM JSON_TABLE('{batch}', '$[*]' COLUMNS (id VARCHAR(36) PATH '$.id')) t"
run("CREATE TABLE d.seen (id VARCHAR(36) PRIMARY KEY)")
check("a batch of two ids of 40 characters, INSERT:", run(f"INSERT INTO d.seen {unpack}"), "error 1062")
check("... INSERT IGNORE, rows:", run(f"INSERT IGNORE INTO d.seen {unpack}; SELECT row_count(); SELECT * FROM d.seen"), f"1; {long}")
sys.exit(failed)
E
timeout 90 python3 t.py
