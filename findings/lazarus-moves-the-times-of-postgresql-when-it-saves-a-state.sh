#!/usr/bin/env bash
# Expected: a program of Free Pascal/Lazarus opens rows of PostgreSQL (TSQLQuery with TPQConnection), and after Edit, state := 'seen', Post and ApplyUpdates only the state is another.
# Happens: Free Pascal 3.2.2 with PostgreSQL 15 (Debian 12), without an error: ApplyUpdates writes all columns that it knows, as it has read them. A TIMESTAMPTZ is read in UTC and
#   written without a zone, so the server takes it for its own local time: with timezone = Europe/Berlin, each save moves it two hours back (one in winter), and cuts its microseconds to
#   milliseconds. A NUMERIC without digits is read and written with four decimals: a rate of 0.0000125 is 0 then, 1.08653217 is 1.0865. A VARCHAR without a length ends after 8192
#   bytes: the rest of a body is gone. JSONB and arrays are no fields of the query at all. NUMERIC(20,8), BIGINT, TEXT and, with timezone = UTC, the hours are right.
# Means: tests with a server in UTC, short bodies and two decimals show nothing. Then every job that marks a row as seen moves its time, once more with each try, and takes from its rate
#   and body. Take pfInUpdate out of the ProviderFlags of all other fields, or update by an SQL of your own; run the session in UTC; declare TEXT and NUMERIC(20,8).
# The server does not run as root.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; for tool in apt-get python3 ld; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get), python3 and ld"; exit 2; }; done
apt-get download -qq fp-compiler-3.2.2 fp-units-rtl-3.2.2 fp-units-fcl-3.2.2 fp-units-db-3.2.2 fp-units-base-3.2.2 postgresql-15 postgresql-client-15 libpq5 libldap-2.5-0 libsasl2-2 libreadline8 libtinfo6 \
  >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in fp-units-db-* postgresql-15_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f fp-units-db-* Version) == 3.2.2+dfsg-* && $(dpkg -f postgresql-15_* Version) == 15.* ]] || { echo "   changed: expected 3.2.2 and 15"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
libraries=$dir/root/usr/lib/x86_64-linux-gnu; ln -s libpq.so.5 "$libraries/libpq.so"
cat > t.pas <<'E'
{$mode objfpc}{$H+}
uses SysUtils, Classes, sqldb, pqconnection, db;
var C: TPQConnection; T: TSQLTransaction; Q: TSQLQuery; I: Integer;
begin
  C := TPQConnection.Create(nil); C.HostName := '127.0.0.1'; C.Params.Add('port=' + GetEnvironmentVariable('PGPORT')); C.DatabaseName := 'postgres'; C.UserName := 'u';
  T := TSQLTransaction.Create(nil); C.Transaction := T; T.Database := C; C.Open;
  Q := TSQLQuery.Create(nil); Q.Database := C; Q.SQL.Text := 'SELECT * FROM events'; Q.Open;
  for I := 0 to Q.FieldCount - 1 do begin
    Write(Q.Fields[I].FieldName, ' ');
    if (ParamStr(1) = 'only') and (Q.Fields[I].FieldName <> 'state') then Q.Fields[I].ProviderFlags := Q.Fields[I].ProviderFlags - [pfInUpdate]
  end;
  while not Q.EOF do begin Q.Edit; Q.FieldByName('state').AsString := ParamStr(2); Q.Post; Q.Next end;
  Q.ApplyUpdates; T.Commit
end.
E
root/usr/lib/x86_64-linux-gnu/fpc/3.2.2/ppcx64 -n -v0 -Fu"$libraries/fpc/3.2.2/units/x86_64-linux/*" -ot t.pas >build.log 2>&1 || { cat build.log; exit 2; }
unset PGTZ PGDATABASE PGHOST; export LD_LIBRARY_PATH=$libraries:$dir/root/lib/x86_64-linux-gnu LC_ALL=C PGPORT
PGPORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $PGPORT -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
cat > t.py <<'E'
import os, subprocess, sys
failed = False
def check(text, got, wanted):
    global failed
    print(f"  {text:<46} {got}")
    if got != wanted: print(f"   changed: expected {wanted}"); failed = True
def sql(text):
    psql = [sys.argv[1] + "/psql", "-h", "127.0.0.1", "-U", "u", "-qAtc", text, "postgres"]
    return subprocess.run(psql, check=True, capture_output=True, text=True, env={**os.environ, "PGTZ": "UTC"}).stdout.strip()
def save(*how): return subprocess.run(["./t", *how], check=True, capture_output=True, text=True).stdout.strip()
def events():
    sql("""DROP TABLE IF EXISTS events; CREATE TABLE events (id BIGINT PRIMARY KEY, at TIMESTAMPTZ, rate NUMERIC, rate8 NUMERIC(20,8), amount NUMERIC(10,2), body VARCHAR, text TEXT, data JSONB, state TEXT);
INSERT INTO events VALUES (1700000000123456789, '2024-07-02 10:00:59.123456Z', 0.0000125, 0.0000125, 19.99, repeat('y', 9000), repeat('y', 9000), '{"a": 1}', 'new')""")
before = {"at": "2024-07-02 10:00:59.123456+00", "trim_scale(rate)": "0.0000125", "rate8": "0.00001250", "amount": "19.99", "length(body)": "9000", "length(text)": "9000",
          "data": '{"a": 1}', "id": "1700000000123456789", "state": "new"}
def look(changes):
    for column, value in {**before, **changes}.items(): check(column, sql(f"SELECT {column} FROM events"), value)
def zone(name): sql(f"ALTER DATABASE postgres SET timezone = '{name}'")
zone("Europe/Berlin"); print("as stored"); events(); look({})
print("state := 'seen', all other fields without pfInUpdate"); save("only", "seen"); look({"state": "seen"})
print("state := 'seen'"); check("fields of the query", save("all", "seen"), "id at rate rate8 amount body text state")
saved = {"at": "2024-07-02 08:00:59.123+00", "trim_scale(rate)": "0", "length(body)": "8192", "state": "seen"}; look(saved)
print("state := 'done'"); save("all", "done"); look({**saved, "at": "2024-07-02 06:00:59.123+00", "state": "done"})
print("state := 'seen', on a server in UTC"); zone("UTC"); events(); save("all", "seen"); look({**saved, "at": "2024-07-02 10:00:59.123+00"})
sql("UPDATE events SET rate = 1.08653217"); save("all", "done"); check("a rate of 1.08653217", sql("SELECT trim_scale(rate) FROM events"), "1.0865")
sys.exit(failed)
E
timeout 60 python3 t.py "$bin"
