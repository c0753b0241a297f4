#!/usr/bin/env bash
# Expected: what sqldiff writes of two files makes the first equal to the second; run once more it finds nothing.
# Happens: sqldiff 3.40.1 writes numbers with 15 digits, where the file holds 17: a Unix time with microseconds (1700000001.123456) arrives four microseconds
#   off, and each later run finds the same rows again and writes the same wrong number. A trigger that only one file has is no difference to it.
#   The dump of sqlite3 3.40.1 writes the numbers right.
# Means: a copy that is kept up by sqldiff holds other times than the file, so `WHERE at = ?` and a cursor by time miss rows or read them again, and
#   a check by sqldiff ("no difference, so the copy is good") fails at each run. Keep times as whole milliseconds or as text, and copy files with
#   VACUUM INTO or the backup API.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq sqlite3-tools sqlite3 libsqlite3-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f sqlite3-tools_*.deb Package Version | xargs; for package in ./*.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
cat > t.py <<'E'
import sqlite3, subprocess, sys
print("Python's SQLite", sqlite3.sqlite_version)
def create(name, rows):
    file = sqlite3.connect(name); file.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, at REAL, note TEXT)"); file.executemany("INSERT INTO event VALUES (?, ?, ?)", rows)
    file.commit(); return file
right = [(1, 1700000000.5, "a"), (2, 1700000001.123456, "b"), (3, 9007199254740991.0, "c")]
copy, inbox = create("copy.db", right[:1]), create("inbox.db", right); inbox.execute("CREATE TRIGGER t AFTER INSERT ON event BEGIN SELECT 1; END"); inbox.commit()
rows = lambda file: list(file.execute("SELECT seq, at, note FROM event ORDER BY seq"))
def run(*words): return subprocess.run(words, check=True, capture_output=True, text=True, timeout=20).stdout
wrong, seen = [right[0], (2, 1700000001.12346, "b"), (3, 9007199254740990.0, "c")], []
for n in range(3):
    seen.append(run("root/usr/bin/sqldiff", "copy.db", "inbox.db")); print(f"run {n + 1}:\n{seen[-1]}", end=""); copy.executescript(seen[-1]); copy.commit()
    print("   the copy then:", rows(copy)); failed = rows(copy) != wrong
failed |= "INSERT INTO event(seq,at,note) VALUES(2,1700000001.12346,'b')" not in seen[0] or not seen[1] == seen[2] == "UPDATE event SET at=1700000001.12346 WHERE seq=2;\nUPDATE event SET at=9.00719925474099e+15 WHERE seq=3;\n"
dumped = sqlite3.connect("dumped.db"); dumped.executescript(run("root/usr/bin/sqlite3", "inbox.db", ".dump")); print("by sqlite3 .dump:", rows(dumped)); failed |= rows(dumped) != right
if failed: print("   changed: expected", wrong, "again and again")
sys.exit(failed)
E
timeout 60 python3 t.py
