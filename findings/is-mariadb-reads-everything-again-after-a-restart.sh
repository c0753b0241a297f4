#!/usr/bin/env bash
# Expected: BinLogStreamReader of mysql-replication goes on at log_file and log_pos, which its reader saved; is_mariadb=True says which server it is
#   (with it come the GTID events of MariaDB).
# Happens: with is_mariadb=True mysql-replication 1.0.17 (MariaDB 10.11, Debian 12) passes over log_file and log_pos without a word: it asks the
#   server for all since an empty GTID, so each start gives every change of all files that the server still has. Without the flag the same position is
#   obeyed, and with auto_position="0-1-7" (a GTID of MariaDB) the flag does what it should.
# Means: a worker that saves file and position, as the examples do, sends every event again at each restart, once somebody adds the flag that names
#   his server; nothing in the position shows it, as it counts on from the right end. Save event.gtid of MariadbGtidEvent and give it as
#   auto_position; and make the consumer know repeats.
set -euo pipefail
dir=$(mktemp -d); mariadb=
trap '[ -z "$mariadb" ] || { kill $mariadb; wait $mariadb; } 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq mariadb-server-core mariadb-client-core mariadb-client libaio1 libnuma1 liburing2 libpcre2-8-0 libmariadb3 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f mariadb-server-core_* Package Version | xargs
[[ $(dpkg -f mariadb-server-core_* Version) == *10.11.* ]] || { echo "   changed: expected MariaDB 10.11"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check mysql-replication==1.0.17 PyMySQL==1.2.4
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
libraries=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu share=$dir/root/usr/share/mysql; mkdir maria
server() { LD_LIBRARY_PATH=$libraries exec root/usr/sbin/mariadbd --no-defaults --user="$(id -un)" --datadir="$dir/maria" --lc-messages-dir="$share" \
  --character-sets-dir="$share/charsets" --innodb-log-file-size=4M "$@"; }
{ printf 'CREATE DATABASE mysql;\nUSE mysql;\n'; cat "$share"/mysql_system_tables.sql "$share"/mysql_system_tables_data.sql; } >boot.sql
(server --bootstrap <boot.sql) >boot.log 2>&1 || { tail boot.log; exit 2; }
server --socket="$dir/s" --pid-file="$dir/pid" --bind-address=127.0.0.1 --port="$port" --log-bin="$dir/maria/bin" --binlog-format=ROW --binlog-row-metadata=FULL --server-id=1 \
  --binlog-cache-size=65536 >mariadb.log 2>&1 & mariadb=$!
maria() { LD_LIBRARY_PATH=$libraries root/usr/bin/mariadb --no-defaults -u root -S s -N --raw "$@"; }
for _ in $(seq 200); do maria -e "SELECT 1" >/dev/null 2>&1 && break; sleep 0.1; done
maria -e "CREATE USER r@'127.0.0.1' IDENTIFIED BY 'r'; CREATE USER r@localhost IDENTIFIED BY 'r'; GRANT ALL ON *.* TO r@'127.0.0.1'; GRANT ALL ON *.* TO r@localhost; CREATE DATABASE d;
  CREATE TABLE d.event (id INT PRIMARY KEY, body TEXT)"
maria -e "INSERT INTO d.event VALUES (1, 'a'), (2, 'b'); FLUSH BINARY LOGS; INSERT INTO d.event VALUES (3, 'c'); FLUSH BINARY LOGS"
cat > t.py <<'E'
import importlib.metadata, sys, pymysql
from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.event import MariadbGtidEvent
from pymysqlreplication.row_event import WriteRowsEvent
print("mysql-replication", importlib.metadata.version("mysql-replication")); port = int(sys.argv[1]); failed = False
settings = dict(host="127.0.0.1", port=port, user="r", passwd="r")
database = pymysql.connect(host="127.0.0.1", port=port, user="r", password="r", autocommit=True).cursor()
def put(n): database.execute("INSERT INTO d.event VALUES (%s, 'x')", (n,))
def now(): database.execute("SHOW MASTER STATUS"); return database.fetchone()[:2]
def read(**more):
    stream, seen, gtid = BinLogStreamReader(connection_settings=settings, server_id=77, resume_stream=True, only_events=[WriteRowsEvent, MariadbGtidEvent], **more), [], None
    for event in stream:
        if isinstance(event, MariadbGtidEvent): gtid = event.gtid
        else: seen += [row["values"]["id"] for row in event.rows]
    stream.close(); return seen, stream.log_file, stream.log_pos, gtid
def check(name, got, wanted):
    global failed; print(f"{name:52} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
before = [1, 2, 3]
for flag, n in ((False, 10), (True, 20)):
    name = "is_mariadb=True" if flag else "without the flag"; file, position = now()
    put(n); seen, file, position, gtid = read(log_file=file, log_pos=position, is_mariadb=flag)
    check(f"{name}, from the end, then {n}", seen, before + [n] if flag else [n]); before.append(n)
    put(n + 1); seen, file, position, gtid = read(log_file=file, log_pos=position, is_mariadb=flag)
    check(f"{name}, from {file} {position}, then {n + 1}", seen, before + [n + 1] if flag else [n + 1]); before.append(n + 1)
    assert (file, position) == now(), "what it says of its own position"
put(30); check(f"is_mariadb=True, auto_position={gtid}, then 30", read(auto_position=gtid, is_mariadb=True)[0], [30])
sys.exit(1 if failed else 0)
E
timeout 60 v/bin/python t.py "$port"
