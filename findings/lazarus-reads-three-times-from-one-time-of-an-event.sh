#!/usr/bin/env bash
# Expected: Free Pascal/Lazarus reads the time of an event, 2024-07-02T12:00:59.5+02:00 or ...Z, as RFC 3339 means it: from a TIMESTAMP column of SQLite (a text, as most programs
#   store it), by the JSON deserializer (TJSONDeStreamer, property of type TDateTime), by RFC3339ToDateTime of the REST units, by ISO8601ToDate of DateUtils; or it says that it can't.
# Happens: Free Pascal 3.2.2 (Debian 12): SQLite: with a Z or an offset the seconds are 0, without an error: 10:00:59Z is 10:00:00 (after a fraction, the fraction is 0). The offset
#   is left out. A fraction is a number of milliseconds: .5 is 5 ms, .05 too, .000123 of Python or Django 123 ms; .123456 is an error. Three digits and nothing behind them are right.
#   TJSONDeStreamer and RFC3339ToDateTime leave the offset and the fraction out: 12:00:59.5+02:00 is 12:00:59, two hours late in UTC. The streamer writes it without a zone.
#   ISO8601ToDate takes the offset into account; it refuses any fraction but one of three digits.
# Means: one event has three times in one program, the events of one minute have one time in any order, a time limit is off by hours for senders outside UTC, and nothing is logged. Give
#   times to Free Pascal as UTC with three digits: without a Z in SQLite, by ISO8601ToDate for JSON (as a property of type string), or as a number of milliseconds.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get ld; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and ld"; exit 2; }; done
apt-get download -qq fp-compiler-3.2.2 fp-units-rtl-3.2.2 fp-units-fcl-3.2.2 fp-units-db-3.2.2 fp-units-base-3.2.2 fp-units-net-3.2.2 fp-units-misc-3.2.2 libsqlite3-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in fp-units-db-* fp-units-fcl-*; do dpkg -f "$package" Package Version | xargs; [[ $(dpkg -f "$package" Version) == 3.2.2+dfsg-* ]] || { echo "   changed: expected 3.2.2"; exit 1; }; done
for package in ./*.deb; do dpkg -x "$package" root; done
libraries=$dir/root/usr/lib/x86_64-linux-gnu; ln -s libsqlite3.so.0 "$libraries/libsqlite3.so"
cat > t.pas <<'E'
{$mode objfpc}{$H+}
uses SysUtils, Classes, DateUtils, fpjsonrtti, restbase, sqldb, sqlite3conn, db;
type
  TEvent = class(TPersistent) private FAt: TDateTime; published property at: TDateTime read FAt write FAt; end;
  TRow = array [0 .. 4] of string; { the text; then as SQLite, the deserializer, the REST units and DateUtils read it }
const
  Refused = 'error';
  Rows: array [0 .. 9] of TRow = (
    ('2024-07-02 10:00:59',              '10:00:59.000', Refused,        '10:00:59.000', '10:00:59.000'),
    ('2024-07-02 10:00:59.250',          '10:00:59.250', Refused,        '10:00:59.000', '10:00:59.250'),
    ('2024-07-02 10:00:59.5',            '10:00:59.005', Refused,        '10:00:59.000', Refused),
    ('2024-07-02 10:00:59.05',           '10:00:59.005', Refused,        '10:00:59.000', Refused),
    ('2024-07-02 10:00:59.000123',       '10:00:59.123', Refused,        '10:00:59.000', Refused),
    ('2024-07-02 10:00:59.123456',       Refused,        Refused,        '10:00:59.000', Refused),
    ('2024-07-02T10:00:59Z',             '10:00:00.000', '10:00:59.000', '10:00:59.000', '10:00:59.000'),
    ('2024-07-02T12:00:59+02:00',        '12:00:00.000', '12:00:59.000', '12:00:59.000', '10:00:59.000'),
    ('2024-07-02T12:00:59.250+02:00',    '12:00:59.000', '12:00:59.000', '12:00:59.000', '10:00:59.250'),
    ('2024-07-02T12:00:59.5+02:00',      '12:00:59.000', '12:00:59.000', '12:00:59.000', Refused));
  Names: array [1 .. 4] of string = ('TIMESTAMP of SQLite', 'TJSONDeStreamer', 'TryRFC3339ToDateTime (restbase)', 'TryISO8601ToDate (DateUtils)');
var
  Connection: TSQLite3Connection; Transaction: TSQLTransaction; Query: TSQLQuery; Event: TEvent; Reader: TJSONDeStreamer; Writer: TJSONStreamer; Row: TRow; I: Integer; Failed: Boolean = False;
procedure Check(const Text, Got, Wanted: string);
begin
  WriteLn(Format('  %-34s %s', [Text, Got])); if Got <> Wanted then begin WriteLn('   changed: expected ', Wanted); Failed := True end
end;
function Clock(At: TDateTime): string; begin Result := FormatDateTime('hh":"nn":"ss"."zzz', At) end;
function Stored(const Text: string): string;
begin
  Connection.ExecuteDirect('DELETE FROM events'); Connection.ExecuteDirect('INSERT INTO events VALUES (''' + Text + ''', ''new'')');
  try Query.SQL.Text := 'SELECT at FROM events'; Query.Open; Result := Clock(Query.Fields[0].AsDateTime) except Result := Refused end;
  Query.Close
end;
function Read(Which: Integer; const Text: string): string;
var At: TDateTime;
begin
  Result := Refused;
  case Which of
    1: Result := Stored(Text);
    2: try Reader.JSONToObject('{"at": "' + Text + '"}', Event); Result := Clock(Event.at) except end;
    3: if TryRFC3339ToDateTime(Text, At) then Result := Clock(At);
    4: if TryISO8601ToDate(Text, At) then Result := Clock(At);
  end
end;
begin
  Connection := TSQLite3Connection.Create(nil); Connection.DatabaseName := ':memory:'; Transaction := TSQLTransaction.Create(nil); Connection.Transaction := Transaction; Transaction.Database := Connection;
  Connection.Open; Connection.ExecuteDirect('CREATE TABLE events (at TIMESTAMP, state TEXT)'); Query := TSQLQuery.Create(nil); Query.Database := Connection;
  Event := TEvent.Create; Reader := TJSONDeStreamer.Create(nil); Writer := TJSONStreamer.Create(nil); Writer.Options := [jsoDateTimeAsString];
  for Row in Rows do begin
    WriteLn(Row[0]); for I := 1 to 4 do Check(Names[I], Read(I, Row[0]), Row[I])
  end;
  Reader.JSONToObject('{"at": "2024-07-02T12:00:59.5+02:00"}', Event);
  WriteLn('2024-07-02T12:00:59.5+02:00, read and written again'); Check('TJSONStreamer', Writer.ObjectToJSONString(Event), '{ "at" : "2024-07-02T12:00:59" }');
  if Failed then Halt(1)
end.
E
root/usr/lib/x86_64-linux-gnu/fpc/3.2.2/ppcx64 -n -v0 -Fu"$libraries/fpc/3.2.2/units/x86_64-linux/*" -ot t.pas >build.log 2>&1 || { cat build.log; exit 2; }
export LD_LIBRARY_PATH=$libraries; timeout 60 ./t
