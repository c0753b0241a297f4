#!/usr/bin/env bash
# Expected: `sqlite3 inbox.db '.clone copy.db'` makes a copy ("Clone data into NEWDB from the existing database", its .help), or ends with an error.
# Happens: sqlite3 3.40.1 (Debian 12) leaves each table empty that has a generated column, such as the id that is taken out of a JSON body for a unique index, says
#   "event... done" and ends with 0, with -bail as well; one line on stderr ("table event has 2 columns but 3 values were supplied") is all. Tables without
#   one are copied. The copy has the indexes and passes integrity_check; user_version and application_id are 0, so that migrations by
#   user_version begin anew, and it is not in WAL mode. .backup and VACUUM INTO copy all of it; .dump has all rows, but no user_version either.
# Means: a nightly .clone is a valid file with the right tables, and empty just where the events are, from the day on which somebody added a generated
#   column. Take .backup or VACUUM INTO, and compare counts, not exit codes.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq sqlite3 libsqlite3-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in ./*.deb; do dpkg -f "$package" Package Version | xargs; dpkg -x "$package" root; done
[[ $(dpkg -f sqlite3_*.deb Version) == 3.40.1* ]] || { echo "   changed: expected 3.40.1"; exit 1; }
sqlite3() { LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu timeout 20 root/usr/bin/sqlite3 "$@"; }
sqlite3 inbox.db >/dev/null <<'E'
PRAGMA journal_mode = WAL; PRAGMA user_version = 7; PRAGMA application_id = 99;
CREATE TABLE event (seq INTEGER PRIMARY KEY, body TEXT NOT NULL, id TEXT GENERATED ALWAYS AS (json_extract(body, '$.id')) VIRTUAL);
CREATE UNIQUE INDEX event_id ON event (id);
CREATE TABLE stored (seq INTEGER PRIMARY KEY, body TEXT NOT NULL, bytes INTEGER GENERATED ALWAYS AS (length(body)) STORED);
CREATE TABLE plain (seq INTEGER PRIMARY KEY, body TEXT NOT NULL, id TEXT);
INSERT INTO event (body) SELECT '{"id":"evt_' || value || '"}' FROM generate_series(1, 1000);
INSERT INTO stored (body) SELECT body FROM event; INSERT INTO plain SELECT * FROM event;
E
failed=0; counts="SELECT count(*) FROM event; SELECT count(*) FROM stored; SELECT count(*) FROM plain; PRAGMA user_version; PRAGMA application_id; PRAGMA integrity_check"
check() { # check NAME FILE WANTED: event, stored, plain, user_version, application_id, integrity_check
  local got; got=$(sqlite3 "$2" "$counts" | xargs); printf '%-24s event, stored, plain, user_version, application_id: %s\n' "$1" "$got"
  [ "$got" = "$3" ] || { echo "   changed: expected $3"; failed=1; }
}
check inbox.db inbox.db '1000 1000 1000 7 99 ok'
for options in "" -bail; do
  rm -f copy.db; code=0; sqlite3 $options inbox.db '.clone copy.db' >out 2>err || code=$?
  echo "sqlite3 $options .clone ended with $code, said: $(xargs <out); on stderr: $(tr '\n' ' ' <err)"
  [ $code = 0 ] && [[ $(xargs <out) == "event... done stored... done plain... done"* ]] && [ "$(grep -c 'columns but 3 values were supplied' err)" = 2 ] || { echo "   changed"; failed=1; }
  check ".clone $options" copy.db '0 0 1000 0 0 ok'
done
sqlite3 inbox.db '.backup backup.db'; check .backup backup.db '1000 1000 1000 7 99 ok'
sqlite3 inbox.db "VACUUM INTO 'vacuum.db'"; check "VACUUM INTO" vacuum.db '1000 1000 1000 7 99 ok'
sqlite3 inbox.db .dump | sqlite3 dump.db; check ".dump | sqlite3" dump.db '1000 1000 1000 0 0 ok'
exit $failed
