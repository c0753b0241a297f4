#!/usr/bin/env bash
# Expected: sqlite3:sql_exec(db, "INSERT INTO events VALUES (?, ?, ?)", [Id, Customer, Amount]) of p1_sqlite3, ProcessOne's library for SQLite (under ejabberd), stores the values or returns an error, as it does for an
#   atom or an empty list. Integers of Erlang have no limit, those of SQLite 64 bits with a sign, so an id of 20 digits, or of 64 bits without a sign, does not fit.
# Happens: p1_sqlite3 1.1.14 (Debian 12): from 9223372036854775808 on (and below -2^63) 0 is stored for the integer, and for each parameter behind it, whatever that is: [12345678901234567890, <<"Ann">>, 19.99] is the row
#   0, 0, 0 of integers, and {rowid, 1} is returned. What stands before it is right. SELECT, UPDATE and DELETE look for 0 as well: ... WHERE id = ? with one such id finds or deletes the rows of all of them. With sqlite3:write,
#   which writes the number into the statement, it is a REAL, 1.2345678901234567e19.
# Means: snowflakes without a sign, wei and hashes as numbers come from jiffy as they are in JSON, and each such event takes customer, amount and state of its row along; a repeat is not found, or everything is one, and
#   deleting one deletes all. Give texts (integer_to_binary) for ids, and check other integers before.
# The version is that of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq erlang-base erlang-p1-sqlite3 erlang-jiffy libsqlite3-0 libtinfo6 libsystemd0 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in erlang-base_* erlang-p1-sqlite3_* libsqlite3-0_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f erlang-p1-sqlite3_* Version) == 1.1.14-* ]] || { echo "   changed: expected 1.1.14"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
cat > t.erl <<'E'
-module(t). -export([main/0]).
check(What, Got, Wanted) ->
  io:format("  ~-62ts ~0tp~n", [What, Got]),
  case Got of Wanted -> ok; _ -> io:format("   changed: expected ~0tp~n", [Wanted]), put(failed, true) end.
sql(Query) -> sql(Query, []).
sql(Query, Values) -> case sqlite3:sql_exec(db, Query, Values) of [{columns, _}, {rows, Rows}] -> Rows; Other -> Other end.
insert(Values) -> sql("DELETE FROM events"), Answer = sql("INSERT INTO events VALUES (?, ?, ?, ?)", Values), {element(1, Answer), sql("SELECT * FROM events")}.
main() ->
  {ok, _} = sqlite3:open(db, [in_memory]), sql("CREATE TABLE events (id, customer, amount, state)"),
  io:format("INSERT INTO events VALUES (?, ?, ?, ?):~n"),
  lists:foreach(fun({Values, Wanted}) -> check(io_lib:format("~0tp", [Values]), insert(Values), Wanted) end, [
    {[42, <<"Ann">>, 19.99, <<"paid">>], {rowid, [{42, <<"Ann">>, 19.99, <<"paid">>}]}},
    {[9223372036854775807, <<"Ann">>, 19.99, <<"paid">>], {rowid, [{9223372036854775807, <<"Ann">>, 19.99, <<"paid">>}]}},
    {[9223372036854775808, <<"Ann">>, 19.99, <<"paid">>], {rowid, [{0, 0, 0, 0}]}},
    {[12345678901234567890, <<"Ann">>, 19.99, null], {rowid, [{0, 0, 0, 0}]}},
    {[-9223372036854775809, <<"Ann">>, 19.99, <<"paid">>], {rowid, [{0, 0, 0, 0}]}},
    {[<<"evt_1">>, <<"Ann">>, 10000000000000000001, <<"paid">>], {rowid, [{<<"evt_1">>, <<"Ann">>, 0, 0}]}},
    {[<<"12345678901234567890">>, <<"Ann">>, 19.99, <<"paid">>], {rowid, [{<<"12345678901234567890">>, <<"Ann">>, 19.99, <<"paid">>}]}},
    {[42, paid, 19.99, <<"paid">>], {error, []}}]),
  io:format("an event as jiffy reads it:~n"),
  Event = jiffy:decode(<<"{\"id\":12345678901234567890,\"customer\":\"Ann\",\"amount\":19.99,\"state\":\"paid\"}">>, [return_maps]),
  check("id", maps:get(<<"id">>, Event), 12345678901234567890), check("stored", insert([maps:get(Name, Event) || Name <- [<<"id">>, <<"customer">>, <<"amount">>, <<"state">>]]), {rowid, [{0, 0, 0, 0}]}),
  io:format("three events with ids of 20 digits:~n"), sql("DELETE FROM events"),
  lists:foreach(fun(Id) -> sql("INSERT INTO events VALUES (?, ?, ?, ?)", [Id, <<"Ann">>, 5, <<"new">>]) end, [12345678901234567890, 12345678901234567891, 18446744073709551615]),
  check("SELECT count(DISTINCT id)", sql("SELECT count(DISTINCT id) FROM events"), [{1}]), check("count(*) WHERE id = ?, the first", sql("SELECT count(*) FROM events WHERE id = ?", [12345678901234567890]), [{3}]),
  check("   an id that never came", sql("SELECT count(*) FROM events WHERE id = ?", [11111111111111111111]), [{3}]),
  check("DELETE ... WHERE id = ?, the first", sql("DELETE FROM events WHERE id = ?", [12345678901234567890]), ok), check("   events left", sql("SELECT count(*) FROM events"), [{0}]),
  sqlite3:write(db, events, [{id, 12345678901234567890}, {customer, <<"Ann">>}, {amount, 19.99}]), check("by sqlite3:write", sql("SELECT id, customer, amount, typeof(id) FROM events"), [{1.2345678901234567e19, <<"Ann">>, 19.99, <<"real">>}]),
  halt(case get(failed) of true -> 1; _ -> 0 end).
E
root=$dir/root/usr/lib/erlang; export ROOTDIR=$root BINDIR=$(echo "$root"/erts-*/bin) EMU=beam PROGNAME=erl ERL_LIBS=$root/lib LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu HOME=$dir ERL_CRASH_DUMP=/dev/null
timeout 60 "$BINDIR/erlexec" -boot "$(ls "$root"/releases/*/start_clean.boot | sed 's/\.boot$//')" -noshell -noinput -pa . -eval '{ok, _} = compile:file("t.erl", [report]), t:main().'
