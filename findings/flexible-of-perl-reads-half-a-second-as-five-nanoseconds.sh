#!/usr/bin/env bash
# Expected: DateTime::Format::Flexible, which takes a date "flexibly", and DateTime::Format::MySQL make DateTime objects of the texts in events and tables: .5 is half a second, and an
#   offset or a Z behind the time is used, or the text is refused, as both do with texts that they don't know.
# Happens: Flexible 0.34 (Debian 12) takes the digits of a fraction for nanoseconds: .5 is 5 of them, .123456 is 0.000123456 s, so each time loses its fraction, .9 is before .10, and the same time
#   with three and with six digits is two times. A time without separators, as iCalendar and AWS write it, loses its zone: 20261129T220000Z and 20261129T220000+0200 are both 22:00, floating,
#   and later the zone of whoever sets one. MySQL 0.0701 stops at the fraction: 22:00:00.123456+05:30 and 22:00:00.5Z are floating as well, while 22:00:00Z is refused. No error, no warning.
# Means: events of one second are put in the order of the lengths of their fractions, "newer than the one that we have" is wrong within a second, and a key of id and time has two forms; with
#   set_time_zone('Europe/Berlin') a UTC time is an hour or two early. Use DateTime::Format::ISO8601 or ::RFC3339 for such texts.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get perl; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get, perl)"; exit 2; }; done
names=; for name in b-hooks-endofscope class-data-inheritable class-inspector class-singleton datetime datetime-format-builder datetime-format-flexible datetime-format-iso8601 datetime-format-mysql \
  datetime-format-strptime datetime-locale datetime-timezone devel-stacktrace eval-closure exception-class exporter-tiny file-sharedir list-moreutils list-moreutils-xs module-implementation \
  module-runtime mro-compat namespace-autoclean namespace-clean package-stash package-stash-xs params-validate params-validationcompiler role-tiny specio sub-exporter-progressive \
  sub-identify try-tiny variable-magic xstring; do names="$names lib$name-perl"; done
# shellcheck disable=SC2086
apt-get download -qq $names >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libdatetime-format-flexible-perl_* libdatetime-format-mysql-perl_* libdatetime-perl_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f libdatetime-format-flexible-perl_* Version) == 0.34-* && $(dpkg -f libdatetime-format-mysql-perl_* Version) == 0.07.01-* ]] || { echo "   changed: expected Flexible 0.34 and MySQL 0.0701"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
PERL5LIB=$dir/root/usr/share/perl5:$(echo "$dir"/root/usr/lib/x86_64-linux-gnu/perl5/5*); export PERL5LIB
cat > t.pl <<'E'
use strict; use warnings; use DateTime; use DateTime::Format::Flexible; use DateTime::Format::ISO8601; use DateTime::Format::MySQL; my ($failed, $warnings) = (0, 0); $SIG{__WARN__} = sub { $warnings++ };
sub check { my ($what, $got, $wanted) = @_; print "  $what: $got\n"; if ($got ne $wanted) { $failed = 1; print "   changed: expected $wanted\n" } }
sub time_of { my ($class, $text) = @_; my $time = eval { "DateTime::Format::$class"->parse_datetime($text) }; $time ? sprintf('%s %s, %.9f s', $time->hms, $time->time_zone->name, $time->nanosecond / 1e9) : 'refused' }
print "Flexible:\n";
check($_->[0], time_of('Flexible', $_->[0]), $_->[1]) for
  ['2026-11-29T22:00:00Z', '22:00:00 UTC, 0.000000000 s'], ['2026-11-29T22:00:00+02:00', '22:00:00 +0200, 0.000000000 s'], ['2026-11-29T22:00:00.5Z', '22:00:00 UTC, 0.000000005 s'],
  ['2026-11-29T22:00:00.500Z', '22:00:00 UTC, 0.000000500 s'], ['2026-11-29 22:00:00.999999+02:00', '22:00:00 +0200, 0.000999999 s'], ['20261129T220000Z', '22:00:00 floating, 0.000000000 s'],
  ['20261129T220000+0200', '22:00:00 floating, 0.000000000 s'];
my @order = sort { DateTime::Format::Flexible->parse_datetime("2026-11-29T22:00:00.${a}Z") <=> DateTime::Format::Flexible->parse_datetime("2026-11-29T22:00:00.${b}Z") } qw(9 10 250 1234);
check('.9, .10, .250 and .1234 in the order of time', join(' ', map { ".$_" } @order), '.9 .10 .250 .1234');
check('20261129T220000Z in Berlin', DateTime::Format::Flexible->parse_datetime('20261129T220000Z')->set_time_zone('Europe/Berlin')->set_time_zone('UTC')->iso8601, '2026-11-29T21:00:00');
print "MySQL:\n";
check($_->[0], time_of('MySQL', $_->[0]), $_->[1]) for
  ['2026-11-29 22:00:00.5', '22:00:00 floating, 0.500000000 s'], ['2026-11-29T22:00:00.123456+05:30', '22:00:00 floating, 0.123456000 s'], ['2026-11-29 22:00:00.5Z', '22:00:00 floating, 0.500000000 s'],
  ['2026-11-29 22:00:00Z', 'refused'], ['2026-11-29 22:00:00+05:30', 'refused'];
print "ISO8601:\n";
check($_->[0], time_of('ISO8601', $_->[0]), $_->[1]) for
  ['2026-11-29T22:00:00.5Z', '22:00:00 UTC, 0.500000000 s'], ['2026-11-29T22:00:00.123456+05:30', '22:00:00 +0530, 0.123456000 s'], ['20261129T220000Z', '22:00:00 UTC, 0.000000000 s'];
check('warnings', $warnings, 0); exit $failed;
E
timeout 60 perl t.pl
