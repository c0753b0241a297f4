#!/usr/bin/env bash
# Expected: `sqlite3 damaged.db .recover | sqlite3 new.db`, as everybody writes it down for the day of need, saves what can be read; of a file that is
#   whole it saves all.
# Happens: the sqlite3 3.40.1 of Debian 12 can never do it: Debian's library is built without sqlite_dbpage. It writes BEGIN and six PRAGMAs, "sql error:
#   SQL logic error (1)" and ends with 1; the pipe ends with 0, and new.db has no byte. .dbinfo fails likewise. The file here is whole, and .dump gives its rows.
# Means: whose image has Debian's sqlite3 (and many official images stand on Debian 12) has no .recover, and a script without pipefail says that all went
#   well. Try the command before the day, on a copy; bring a sqlite3 that can (`SELECT count(*) FROM sqlite_dbpage` works there), and have backups.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq sqlite3 libsqlite3-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in ./*.deb; do dpkg -f "$package" Package Version | xargs; dpkg -x "$package" root; done
sqlite3() { LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu timeout 20 root/usr/bin/sqlite3 "$@"; }
python3 - <<'E'
import sqlite3
inbox = sqlite3.connect("whole.db"); inbox.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, body TEXT)")
inbox.executemany("INSERT INTO event (body) VALUES (?)", [(str(n) * 900,) for n in range(1000)]); inbox.commit()
assert inbox.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
E
failed=0
save() { # save WANTED FILE COMMAND: by the pipe; says the exit codes of both sides and the rows
  local first second seen codes; rm -f new.db
  set +e; sqlite3 "$2" "$3" 2>errors >script.sql; first=$?; sqlite3 new.db <script.sql >out 2>&1; second=$?; set -e
  seen=$(sqlite3 new.db 'SELECT count(*) FROM event' 2>/dev/null) || seen=none; codes="$first $second $seen"
  printf '%-22s ended with %s, sqlite3 new.db with %s, rows in new.db: %s; %s\n' "$2 $3" "$first" "$second" "$seen" "$(tail -n 1 errors)"
  [ "$codes" = "$1" ] || { echo "   changed: expected $1"; failed=1; }
}
save "1 0 none" whole.db .recover; [ "$(wc -l <script.sql)" = 7 ] && grep -q '^sql error: SQL logic error (1)$' errors || failed=1
save "0 0 1000" whole.db .dump
said=$(sqlite3 whole.db 'SELECT count(*) FROM sqlite_dbpage' 2>&1) || true; echo "$said"; [[ $said == *"no such table: sqlite_dbpage"* ]] || failed=1
exit $failed
