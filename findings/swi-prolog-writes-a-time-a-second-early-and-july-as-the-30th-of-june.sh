#!/usr/bin/env bash
# Expected: format_time(atom(A), '%FT%T.%3fZ', Stamp) of SWI-Prolog writes a time with three digits behind the point ("%3f prints milliseconds", says its manual), rounded or cut; parse_time(Text, Stamp) reads the
#   dates of ISO 8601 and fails for what it does not know, as for "2026" or 24:00:00. "2026-07", a month, is the first of July, if anything.
# Happens: SWI-Prolog 9.0.4 (Debian 12) rounds the digits alone: 03:04:05.9996 is 03:04:05.000, a second less than 03:04:06.000; with %1f five of a hundred times are so, with %3f one of two
#   thousand. %s rounds to the next second, so '%s.%3f' of it is right and '%s' of 05.6 is that of 06. "2026-07" is read as the 30th of June, "2026-01" as the last day of 2025, "2024-03" as the 29th
#   of February; 2026-02-31 as the 3rd of March and 2025-W53-1 as a week of 2026. With a day in them all is right.
# Means: events of one burst, stored by that text, are in another order, and one seems to have been sent before the one that it answers; a lock or a signature seems a second older. A billing period, a card's
#   expiry or a report of "2026-07" is that of June, and of 2025 in January. Write the microseconds with %6f of a time that was rounded before; put "-01" behind a month.
# The version is that of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq swi-prolog-nox swi-prolog-core swi-prolog-core-packages libtcmalloc-minimal4 libarchive13 libgmp10 libtinfo6 libncurses6 libedit2 libbsd0 libmd0 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f swi-prolog-nox_* Package Version | xargs; [[ $(dpkg -f swi-prolog-nox_* Version) == 9.0.4+* ]] || { echo "   changed: expected 9.0.4"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
cat > t.pl <<'E'
:- use_module(library(date)). :- use_module(library(lists)). :- use_module(library(apply)). :- dynamic failed/0.
check(What, Got, Wanted) :- format("  ~w~t~56|~w~n", [What, Got]), ( atom_string(Got, Text), atom_string(Wanted, Text) -> true ; format("   changed: expected ~w~n", [Wanted]), assertz(failed) ).
written(Format, Stamp, Text) :- format_time(atom(Text), Format, Stamp).
parsed(Text, Day) :- ( parse_time(Text, Stamp) -> format_time(atom(Day), '%FT%T', Stamp) ; Day = fails ).
main :-
  writeln('written by format_time:'),
  forall(member(Format-Second-Wanted, ['%T.%3f'-5.123-'03:04:05.123', '%T.%3f'-5.9994-'03:04:05.999', '%T.%3f'-5.9996-'03:04:05.000', '%T.%3f'-6.0-'03:04:06.000', '%T.%1f'-5.94-'03:04:05.9', '%T.%1f'-5.96-'03:04:05.0',
      '%FT%T.%3fZ'-5.9999-'2026-07-02T03:04:05.000Z', '%T.%6f'-5.9996-'03:04:05.999600', '%T'-5.9996-'03:04:05', '%s.%3f'-5.9996-'1782961446.000', '%s'-5.4-'1782961445', '%s'-5.6-'1782961446']),
    ( Stamp is 1782961440 + Second, written(Format, Stamp, Text), format(atom(What), "~w of ~w s", [Format, Second]), check(What, Text, Wanted) )),
  findall(Text-N, ( between(0, 1999, N), Stamp is 1782961445 + N / 2000 + 0.0001, written('%T.%3f', Stamp, Text) ), Times), msort(Times, Sorted), last(Times, Last), nth0(Place, Sorted, Last),
  check('the last of 2000 in a second, sorted by text, is at', Place, 1),
  aggregate_early(Times, Early), check('   of them written as earlier than the one before', Early, 1),
  writeln('read by parse_time:'),
  forall(member(Text-Wanted, ['2026-07-01'-'2026-07-01T00:00:00', '2026-07'-'2026-06-30T00:00:00', '2026-01'-'2025-12-31T00:00:00', '2024-03'-'2024-02-29T00:00:00', '2026-02-31'-'2026-03-03T00:00:00', '2025-W53-1'-'2025-12-29T00:00:00',
      '2026W27'-'2026-06-29T00:00:00', '2026-W27'-fails, '2026'-fails, '2026-13'-fails, '2026-13-01'-fails, '2026-07-02T24:00:00Z'-fails, '2026-07-02T03:04:05+05:30'-'2026-07-01T21:34:05', '2026-07-02T03:04:05.5-03:30'-'2026-07-02T06:34:05']), ( parsed(Text, Day), check(Text, Day, Wanted) )),
  ( failed -> halt(1) ; halt(0) ).
aggregate_early(Times, Count) :- findall(x, ( append(_, [A-_, B-_|_], Times), B @< A ), All), length(All, Count).
E
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/usr/lib/swi-prolog/lib TZ=UTC LC_ALL=C.UTF-8 HOME=$dir
timeout 60 root/usr/bin/swipl -q -f none --home="$dir/root/usr/lib/swi-prolog" -g main t.pl
