#!/usr/bin/env bash
# Expected: a library that follows the binary log of MariaDB in row format gives each insert, update and delete, or an error; log_bin_compress, a
#   switch of the server that replicas and mariadb-binlog do not notice, changes nothing.
# Happens: with log_bin_compress=ON (MariaDB 10.11, Debian 12) a change whose row has 256 bytes or more is written as an event of another number, and
#   mysql-replication 1.0.17 (PyPI), zongji 0.5.1, @rodrigogs/zongji 0.4.14 and @powersync/mysql-zongji 0.6.2 (npm) pass over it without a word: of
#   four inserts the two with large bodies are not there, nor is the delete of a large one; the table's header of the event, the small rows and the
#   end of the transaction come as ever, and the position goes on, so nothing comes later either. In one INSERT of several rows the size of the first
#   one decides for all: a large one takes the small ones along, a small one brings the large ones through. @vlasky/zongji 0.9.0 gives all.
# Means: an outbox or a search index fed so lacks the large events, and only from the day on which somebody saved disk space on the server. The switch
#   is dynamic and global: ask for @@log_bin_compress at each start and refuse, or raise log_bin_compress_min_len; count both sides by night.
set -euo pipefail
dir=$(mktemp -d); mariadb=
trap '[ -z "$mariadb" ] || { kill $mariadb; wait $mariadb; } 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq mariadb-server-core mariadb-client-core mariadb-client libaio1 libnuma1 liburing2 libpcre2-8-0 libmariadb3 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f mariadb-server-core_* Package Version | xargs
[[ $(dpkg -f mariadb-server-core_* Version) == *10.11.* ]] || { echo "   changed: expected MariaDB 10.11"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check mysql-replication==1.0.17 PyMySQL==1.2.4
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts zongji@0.5.1 @rodrigogs/zongji@0.4.14 @powersync/mysql-zongji@0.6.2 @vlasky/zongji@0.9.0
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export PORT=$port; libraries=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu share=$dir/root/usr/share/mysql; mkdir maria
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
cat > follow.py <<'E'
import logging, sys
from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent
logging.basicConfig(level=logging.WARNING); port, file, position = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
stream = BinLogStreamReader(connection_settings=dict(host="127.0.0.1", port=port, user="r", passwd="r"), server_id=77, log_file=file, log_pos=position, resume_stream=True,
  only_events=[WriteRowsEvent, UpdateRowsEvent, DeleteRowsEvent])
seen = []
for event in stream:
    for row in event.rows: seen.append({"W": "+", "U": "~", "D": "-"}[type(event).__name__[0]] + str((row.get("values") or row.get("after_values"))["id"]))
print(*seen)
E
cat > follow.js <<'E'
const [, , name, file, position] = process.argv, library = require(name), Zongji = library.default ?? library.ZongJi ?? library, seen = [];
const z = new Zongji({ host: '127.0.0.1', port: +process.env.PORT, user: 'r', password: 'r' });
const end = (text) => { console.log(text); process.exit(0); };
z.on('error', (error) => end('error: ' + error.message));
z.on('binlog', (event) => {
  const kind = { writerows: '+', updaterows: '~', deleterows: '-' }[event.getEventName()];
  for (const row of kind ? event.rows : []) seen.push(kind + (row.after ?? row).id);
  if (seen.at(-1) === '+99') end(seen.join(' '));
});
z.start({ serverId: 78, filename: file, position: +position, binlogName: file, binlogNextPos: +position, includeEvents: ['rotate', 'tablemap', 'writerows', 'updaterows', 'deleterows'] });
setTimeout(() => end('no end: ' + seen.join(' ')), 15000);
E
failed=0
show() { # show WANTED NAME COMMAND...
  local wanted=$1 name=$2 got; shift 2; got=$("$@" 2>&1) || true
  printf '%-44s %s\n' "$name" "$got"; [[ $got == "$wanted" ]] || { echo "   changed: expected $wanted"; failed=1; }
}
changes() { # The same changes with the switch as given; prints where they begin in the binary log.
  maria -e "SET GLOBAL log_bin_compress=$1; DELETE FROM d.event; FLUSH BINARY LOGS; SHOW MASTER STATUS" | cut -f1,2
  maria d -e "INSERT INTO event VALUES (1, 'small'); INSERT INTO event VALUES (2, REPEAT('x', 400)); INSERT INTO event VALUES (3, 'small'); INSERT INTO event VALUES (4, REPEAT('x', 40000));
    UPDATE event SET body = CONCAT('y', body) WHERE id = 1; UPDATE event SET body = CONCAT('y', body) WHERE id = 2; DELETE FROM event WHERE id = 3; DELETE FROM event WHERE id = 4;
    INSERT INTO event VALUES (10, REPEAT('x', 400)), (11, 'small'); INSERT INTO event VALUES (12, 'small'), (13, REPEAT('x', 400)); INSERT INTO event VALUES (99, 'last')"
}
all="+1 +2 +3 +4 ~1 ~2 -3 -4 +10 +11 +12 +13 +99"; small="+1 +3 ~1 -3 +12 +13 +99"
for switch in OFF ON; do
  [ $switch = ON ] && wanted=$small || wanted=$all
  at=$(changes $switch); echo "log_bin_compress=$switch"
  show "$wanted" "  mysql-replication" v/bin/python follow.py "$port" $at
  for name in zongji @rodrigogs/zongji @powersync/mysql-zongji; do show "$wanted" "  $name" node follow.js $name $at; done
  show "$all" "  @vlasky/zongji" node follow.js @vlasky/zongji $at
done
exit $failed
