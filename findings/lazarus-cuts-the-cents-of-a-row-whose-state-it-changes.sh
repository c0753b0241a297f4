#!/usr/bin/env bash
# Expected: a program of Free Pascal/Lazarus reads the orders of another program out of SQLite (TSQLQuery with TSQLite3Connection) as they are stored, 19.99 as 19.99, and after
#   Edit, state := 'seen', Post and ApplyUpdates only the state is another.
# Happens: Free Pascal 3.2.2 (Debian 12): an amount in a column DECIMAL or NUMERIC without digits (what Django declares for a DecimalField, and hand-written tables) is read as a
#   whole number: 19.99 is 19, 0.75 is 0. A sum or a JSON field takes the kind of the first row: 20, then 19.99, is 20, then 19; in the other order both are right. INTEGER, the
#   column of most times in milliseconds and ids, gives the lower 32 bits with a sign. No error. DECIMAL(10,2), REAL and BIGINT are right.
#   And ApplyUpdates writes every column of the row back, not only the one that changed: after the state was set, the file itself has 19, 0 and -807049093.
# Means: the first job that marks orders as seen takes the cents out of the store, for all programs. Take pfInUpdate out of the ProviderFlags of all
#   other fields, or update by an SQL of your own; read amounts by CAST(amount AS REAL) or as text; set AlwaysUseBigint for the integers (it does not help the amounts).
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get python3 ld; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get), python3 and ld"; exit 2; }; done
apt-get download -qq fp-compiler-3.2.2 fp-units-rtl-3.2.2 fp-units-fcl-3.2.2 fp-units-db-3.2.2 fp-units-base-3.2.2 libsqlite3-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in fp-units-db-* libsqlite3-0_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f fp-units-db-3.2.2_* Version) == 3.2.2+dfsg-* && $(dpkg -f libsqlite3-0_* Version) == 3.40.1-* ]] || { echo "   changed: expected 3.2.2 and 3.40.1"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
libraries=$dir/root/usr/lib/x86_64-linux-gnu; ln -s libsqlite3.so.0 "$libraries/libsqlite3.so"
cat > t.pas <<'E'
{$mode objfpc}{$H+}
uses SysUtils, Classes, sqldb, sqlite3conn, db;
var C: TSQLite3Connection; T: TSQLTransaction; Q: TSQLQuery; I: Integer;
{ read, bigint: the first column of all rows. mark, only: sets the state of every row and writes it back. }
begin
  DefaultFormatSettings.DecimalSeparator := '.';
  C := TSQLite3Connection.Create(nil); C.DatabaseName := 'orders.db'; C.AlwaysUseBigint := ParamStr(1) = 'bigint';
  T := TSQLTransaction.Create(nil); C.Transaction := T; T.Database := C; C.Open;
  Q := TSQLQuery.Create(nil); Q.Database := C; Q.SQL.Text := ParamStr(2); Q.Open;
  if ParamStr(1) = 'only' then for I := 0 to Q.FieldCount - 1 do if Q.Fields[I].FieldName <> 'state' then Q.Fields[I].ProviderFlags := Q.Fields[I].ProviderFlags - [pfInUpdate];
  while not Q.EOF do begin
    if (ParamStr(1) = 'mark') or (ParamStr(1) = 'only') then begin Q.Edit; Q.FieldByName('state').AsString := 'seen'; Q.Post end else Write(Q.Fields[0].AsString, ' ');
    Q.Next
  end;
  if (ParamStr(1) = 'mark') or (ParamStr(1) = 'only') then begin Q.ApplyUpdates; T.Commit end;
end.
E
root/usr/lib/x86_64-linux-gnu/fpc/3.2.2/ppcx64 -n -v0 -Fu"$libraries/fpc/3.2.2/units/x86_64-linux/*" -ot t.pas >build.log 2>&1 || { cat build.log; exit 2; }
cat > t.py <<'E'
import os, sqlite3, subprocess, sys
failed = False
def check(text, got, wanted):
    global failed
    print(f"  {text:<72} {got}")
    if got != wanted: print(f"   changed: expected {wanted}"); failed = True
def pascal(mode, sql): return subprocess.run(["./t", mode, sql], check=True, capture_output=True, text=True, env={**os.environ, "LD_LIBRARY_PATH": sys.argv[1]}).stdout.strip()
def rows(sql): db = sqlite3.connect("orders.db"); got = " ".join(str(row[0]) for row in db.execute(sql)); db.close(); return got
db = sqlite3.connect("orders.db")
db.executescript("""CREATE TABLE orders (id INTEGER PRIMARY KEY, amount DECIMAL NOT NULL, tax NUMERIC, total DECIMAL(10,2), weight REAL, ms INTEGER, ms8 BIGINT, state VARCHAR(10), body TEXT);""")
for i, amount in enumerate([20, 19.99, 0.75], 1):
    db.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?, 1700000000123, 1700000000123, 'new', json_object('amount', ?))", (i, amount, amount, amount, amount, amount))
db.commit(); db.close()
right, whole = "20 19.99 0.75", "20 19 0"
for column, wanted in ("amount", whole), ("tax", whole), ("total", right), ("weight", right):
    sql = f"SELECT {column} FROM orders ORDER BY id"
    check(f"{column}: read by Python", rows(sql).replace("20.0", "20"), right); check(f"{column}: read by Free Pascal", pascal("read", sql), wanted)
check("amount, with AlwaysUseBigint", pascal("bigint", "SELECT amount FROM orders ORDER BY id"), whole)
check("CAST(amount AS REAL)", pascal("read", "SELECT CAST(amount AS REAL) FROM orders ORDER BY id"), right)
for what, sql in (("sum(total) of each order", "SELECT sum(total) FROM orders GROUP BY id ORDER BY id"),
                  ("json_extract(body, '$.amount')", "SELECT json_extract(body, '$.amount') FROM orders ORDER BY id")):
    check(what, pascal("read", sql), whole); check("   in the other order", pascal("read", sql + " DESC"), "0.75 19.99 20")
check("ms, an INTEGER", pascal("read", "SELECT ms FROM orders WHERE id = 1"), "-807049093"); check("   with AlwaysUseBigint", pascal("bigint", "SELECT ms FROM orders WHERE id = 1"), "1700000000123")
check("ms8, a BIGINT", pascal("read", "SELECT ms8 FROM orders WHERE id = 1"), "1700000000123")
pascal("only", "SELECT * FROM orders WHERE state = 'new'")
print("the file, after the state of each was set, all other fields without pfInUpdate, read by Python")
check("state, amount", rows("SELECT state FROM orders") + ", " + rows("SELECT amount FROM orders ORDER BY id"), "seen seen seen, " + right)
db = sqlite3.connect("orders.db"); db.execute("UPDATE orders SET state = 'new'"); db.commit(); db.close()
pascal("mark", "SELECT * FROM orders WHERE state = 'new'")
print("the file, after the state of each was set, read by Python")
check("state", rows("SELECT state FROM orders"), "seen seen seen"); check("amount", rows("SELECT amount FROM orders ORDER BY id"), whole); check("ms", rows("SELECT ms FROM orders WHERE id = 2"), "-807049093")
check("total", rows("SELECT total FROM orders ORDER BY id"), right); check("ms8", rows("SELECT ms8 FROM orders WHERE id = 2"), "1700000000123")
sys.exit(failed)
E
timeout 60 python3 t.py "$libraries"
