#!/usr/bin/env bash
# Expected: fast_yaml:encode() of p1_yaml, ProcessOne's library for YAML (under ejabberd), writes a float so that decode() reads the same number, as io_lib and jiffy do; decode() reads an integer as it stands, as integers of
#   Erlang have no limit, or returns an error.
# Happens: p1_yaml 1.0.36 (Debian 12) writes each float with six digits behind the point: 4.0e-7 is 0.000000, 0.00012345 is 0.000123, a time of 1782961445.1234567 loses its last digit. decode()
#   reads each integer from 2^63 on as 9223372036854775807, so ids of 20 digits, or amounts of wei, are one; below -2^63 it is the same with a minus. 19.99, 0.0049, 9007199254740993 and all texts
#   are right. No error either way.
# Means: rates, fees and small coins that are kept or handed on in YAML are cut at the millionth or are nothing; events whose ids are numbers of 20 digits all get the same id when they are read. Write floats as texts
#   (float_to_binary with short) and ids in quotes.
# The version is that of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq erlang-base erlang-p1-yaml erlang-p1-utils erlang-jiffy libyaml-0-2 libtinfo6 libsystemd0 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in erlang-base_* erlang-p1-yaml_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f erlang-p1-yaml_* Version) == 1.0.36-* ]] || { echo "   changed: expected 1.0.36"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
cat > t.erl <<'E'
-module(t). -export([main/0]).
check(What, Got, Wanted) ->
  io:format("  ~-52ts ~0tp~n", [What, Got]),
  case Got of Wanted -> ok; _ -> io:format("   changed: expected ~0tp~n", [Wanted]), put(failed, true) end.
read(Text) -> case fast_yaml:decode(iolist_to_binary(Text)) of {ok, [[{<<"a">>, Value}]]} -> Value; Other -> Other end.
main() ->
  io:format("written, and read again:~n"),
  lists:foreach(fun({Value, Written, Read}) ->
      Text = iolist_to_binary(fast_yaml:encode([{<<"a">>, Value}])), check(io_lib:format("~0tp", [Value]), {Text, read(Text)}, {<<"\"a\": ", Written/binary>>, Read}),
      check("   by jiffy", jiffy:decode(jiffy:encode(Value)), Value) end, [
    {19.99, <<"19.990000">>, 19.99}, {0.0049, <<"0.004900">>, 0.0049}, {0.00012345, <<"0.000123">>, 0.000123}, {4.0e-7, <<"0.000000">>, 0.0}, {-2.5e-8, <<"-0.000000">>, 0.0}, {1.0845512, <<"1.084551">>, 1.084551},
    {1782961445.1234567, <<"1782961445.123457">>, 1782961445.123457}, {42, <<"42">>, 42}, {9007199254740993, <<"9007199254740993">>, 9007199254740993}, {<<"0042">>, <<"\"0042\"">>, <<"0042">>}, {<<"1e3">>, <<"\"1e3\"">>, <<"1e3">>}]),
  io:format("read:~n"),
  lists:foreach(fun({Text, Wanted}) -> check(Text, read(["a: ", Text]), Wanted) end, [
    {"9223372036854775807", 9223372036854775807}, {"9223372036854775808", 9223372036854775807}, {"12345678901234567890", 9223372036854775807}, {"12345678901234567891", 9223372036854775807}, {"-12345678901234567890", -9223372036854775808},
    {"\"12345678901234567890\"", <<"12345678901234567890">>}, {"19.99", 19.99}, {"0.0000004", 4.0e-7}, {"42", 42}]),
  check("   by jiffy", jiffy:decode(<<"12345678901234567890">>), 12345678901234567890),
  halt(case get(failed) of true -> 1; _ -> 0 end).
E
root=$dir/root/usr/lib/erlang; export ROOTDIR=$root BINDIR=$(echo "$root"/erts-*/bin) EMU=beam PROGNAME=erl ERL_LIBS=$root/lib LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu HOME=$dir ERL_CRASH_DUMP=/dev/null
timeout 60 "$BINDIR/erlexec" -boot "$(ls "$root"/releases/*/start_clean.boot | sed 's/\.boot$//')" -noshell -noinput -pa . -eval '{ok, _} = compile:file("t.erl", [report]), t:main().'
