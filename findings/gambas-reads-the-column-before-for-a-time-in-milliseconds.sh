#!/usr/bin/env bash
# Expected: a program of Gambas (the Basic of Linux, with its database component gb.db) reads an INTEGER of SQLite as it is stored: SQLite has 64 bits, Gambas has Long for that, and
#   BIGINT gives one. A DATETIME in the form of ISO 8601, 2024-07-02T10:00:59Z, is that time, or an error.
# Happens: Gambas 3.18.0 (Debian 12): where an INTEGER needs more than 32 bits (a time in milliseconds, an id of Telegram, GitHub or a snowflake), the variable keeps what it had: the
#   value of the column to the left in the same row. SELECT id, ms gives 1|1, 2|2, 3|3, and an amount in satoshi right of ms has the value that ms was read as. No error, and WHERE
#   finds the right rows. BIGINT and an expression (ms + 0, max(ms)) are right.
#   A DATETIME with a T in place of the blank is midnight of that day (the seconds can be those of a row before); with a blank, and a Z behind it or not, it is right.
# Means: tests with small numbers show nothing; then jobs are done at once or never, and all events of a day happened at midnight. Declare BIGINT, or select ms + 0; store times with a blank,
#   or read them as text: at || ''.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and python3"; exit 2; }; done
apt-get download -qq gambas3-runtime gambas3-devel gambas3-gb-db gambas3-gb-db-sqlite3 libsqlite3-0 libffi8 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in gambas3-runtime_* gambas3-gb-db-sqlite3_*; do
  dpkg -f "$package" Package Version | xargs; [[ $(dpkg -f "$package" Version) == 3.18.0-* ]] || { echo "   changed: expected 3.18.0"; exit 1; }
done
for package in ./*.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu GB_PATH=$dir/root/usr/bin/gbx3 HOME=$dir TZ=UTC LC_ALL=C
mkdir -p t/.src; cat > t/.project <<'E'
# Gambas Project File 3.0
Title=t
Startup=Main
Version=0.0.1
Component=gb.db
E
# Prints the rows of a statement, with a semicolon between them and a bar between the columns.
cat > t/.src/Main.module <<'E'
Public Sub Main()
  Dim hConnection As New Connection
  Dim hResult As Result
  Dim hField As ResultField
  Dim sLine, sRow As String
  hConnection.Type = "sqlite3"
  hConnection.Host = Args[1]
  hConnection.Name = "events.db"
  hConnection.Open
  hResult = hConnection.Exec(Args[2])
  For Each hResult
    sRow = ""
    For Each hField In hResult.Fields
      If sRow Then sRow &= "|"
      If hField.Type = gb.Date Then
        sRow &= Format(hResult[hField.Name], "hh:nn")
      Else
        sRow &= Str(hResult[hField.Name])
      Endif
    Next
    If sLine Then sLine &= "; "
    sLine &= sRow
  Next
  Print sLine
End
E
root/usr/bin/gbc3 -r "$dir/root/usr" -a t >build.log 2>&1 || { cat build.log; exit 2; }
cat > t.py <<'E'
import os, sqlite3, subprocess, sys
failed = False
def check(text, got, wanted):
    global failed
    print(f"  {text:<64} {got}")
    if got != wanted: print(f"   changed: expected {wanted}"); failed = True
def gambas(sql): return subprocess.run([os.environ["GB_PATH"], "t", "--", os.getcwd(), sql], check=True, capture_output=True, text=True).stdout.strip()
def python(sql): return "; ".join("|".join(map(str, row)) for row in sqlite3.connect("events.db").execute(sql))
db = sqlite3.connect("events.db")
db.executescript("""CREATE TABLE events (id INTEGER PRIMARY KEY, small INTEGER, ms INTEGER, satoshi INTEGER, ms8 BIGINT, at DATETIME);
INSERT INTO events VALUES (1, 10, 1700000000123, 4999999999, 1700000000123, '2024-07-02 10:00:59'), (2, 20, 1700000000456, 5000000000, 1700000000456, '2024-07-02T10:00:00Z'),
  (3, 30, 1700000000789, 70000, 1700000000789, '2024-07-02T10:30:00Z');""")
db.commit()
def both(sql, wanted, stored):
    check(sql, gambas(sql), wanted); check("   read by Python", python(sql), stored)
both("SELECT id, small FROM events", "1|10; 2|20; 3|30", "1|10; 2|20; 3|30")
both("SELECT id, ms FROM events", "1|1; 2|2; 3|3", "1|1700000000123; 2|1700000000456; 3|1700000000789")
both("SELECT small, ms FROM events", "10|10; 20|20; 30|30", "10|1700000000123; 20|1700000000456; 30|1700000000789")
both("SELECT id, ms, satoshi FROM events", "1|1|1; 2|2|2; 3|3|70000", "1|1700000000123|4999999999; 2|1700000000456|5000000000; 3|1700000000789|70000")
both("SELECT id, ms8 FROM events", "1|1700000000123; 2|1700000000456; 3|1700000000789", "1|1700000000123; 2|1700000000456; 3|1700000000789")
both("SELECT id, ms + 0 AS ms FROM events", "1|1700000000123; 2|1700000000456; 3|1700000000789", "1|1700000000123; 2|1700000000456; 3|1700000000789")
both("SELECT id, max(ms) AS ms FROM events", "3|1700000000789", "3|1700000000789")
both("SELECT id, ms FROM events WHERE ms = 1700000000456", "2|2", "2|1700000000456")
both("SELECT id, 2147483647 AS largest FROM events LIMIT 1", "1|2147483647", "1|2147483647")
both("SELECT at FROM events", "10:00; 00:00; 00:00", "2024-07-02 10:00:59; 2024-07-02T10:00:00Z; 2024-07-02T10:30:00Z")
both("SELECT replace(at, 'T', ' ') AS at FROM events", "2024-07-02 10:00:59; 2024-07-02 10:00:00Z; 2024-07-02 10:30:00Z", "2024-07-02 10:00:59; 2024-07-02 10:00:00Z; 2024-07-02 10:30:00Z")
db.execute("UPDATE events SET at = replace(at, 'T', ' ')"); db.commit()
check("SELECT at FROM events, with blanks", gambas("SELECT at FROM events"), "10:00; 10:00; 10:30")
sys.exit(failed)
E
timeout 60 python3 t.py
