#!/usr/bin/env bash
# Expected: Perl's Time::ParseDate and DateTime::Format::Flexible, made to understand nearly any text, read the time of an event (2026-01-02T13:04:05Z) right or refuse
#   it: the manual of the first promises undef for what it cannot read and has an option, FUZZY, to allow unread rests. With +02:00 at the end, both read it right.
# Happens: Time::ParseDate 2015.103 (Debian 12) gives the midnight at the beginning of that day for a time with Z or an offset with a minus, with or without a fraction,
#   and without FUZZY; GMT, VALIDATE and SUBSECOND do not help, a space in front of Z or -05:00 does. DateTime::Format::Flexible 0.34 takes the digits of a fraction
#   for a number of nanoseconds: .250 is .000000250, and .9 comes before .10; only nine digits are right. 20260102T130405Z and ...+0200 have no zone for it.
#   HTTP::Date 6.05, Date::Parse 2.33 and DateTime::Format::ISO8601 0.16 read all of these right.
# Means: all events of a day have one time, a fresh event seems up to a day old, and the order within a second is another. Nothing warns. Use str2time of HTTP::Date, or
#   DateTime::Format::ISO8601; where parsedate is in use, give it WHOLE => 1, which makes undef of them.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get perl; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }; done
apt-get download -qq perl-modules-5.36 libperl5.36 libtime-parsedate-perl libdatetime-format-flexible-perl libdatetime-format-iso8601-perl libhttp-date-perl libtimedate-perl \
  libb-hooks-endofscope-perl libclass-data-inheritable-perl libclass-inspector-perl libclass-singleton-perl libdatetime-format-builder-perl libdatetime-format-strptime-perl \
  libdatetime-locale-perl libdatetime-perl libdatetime-timezone-perl libdevel-stacktrace-perl libeval-closure-perl libexception-class-perl libexporter-tiny-perl libfile-sharedir-perl \
  liblist-moreutils-perl liblist-moreutils-xs-perl libmodule-implementation-perl libmodule-runtime-perl libmro-compat-perl libnamespace-autoclean-perl libnamespace-clean-perl \
  libpackage-stash-perl libparams-util-perl libparams-validate-perl libparams-validationcompiler-perl librole-tiny-perl libspecio-perl libsub-exporter-progressive-perl \
  libsub-identify-perl libtry-tiny-perl libvariable-magic-perl libxstring-perl >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libtime-parsedate-perl_* libdatetime-format-flexible-perl_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f libtime-parsedate-perl_* Version) == 2015.103-* && $(dpkg -f libdatetime-format-flexible-perl_* Version) == 0.34-* ]] ||
  { echo "   changed: expected Time::ParseDate 2015.103 and DateTime::Format::Flexible 0.34"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr
export PERL5LIB=$usr/share/perl5:$usr/lib/x86_64-linux-gnu/perl5/5.36:$usr/lib/x86_64-linux-gnu/perl/5.36:$usr/share/perl/5.36
cat > t.pl <<'E'
use strict; use warnings; use Time::ParseDate; use HTTP::Date (); use Date::Parse (); use DateTime::Format::Flexible; use DateTime::Format::ISO8601;
my $failed = 0;
sub check { my ($text, $got, $wanted) = @_; $got //= "undef"; printf "  %-50s %s\n", $text, $got; if ($got ne $wanted) { print "   changed: expected $wanted\n"; $failed = 1 } }
sub utc { my $time = shift; return "undef" unless defined $time; my @t = gmtime int $time; sprintf "%02d-%02d %02d:%02d:%02d", $t[4] + 1, @t[3, 2, 1, 0] }
sub flexible { my $time = DateTime::Format::Flexible->parse_datetime(shift); sprintf "%s.%09d %s", $time->hms, $time->nanosecond, $time->time_zone->name }
for (["2026-01-02T13:04:05+02:00", "01-02 11:04:05"], ["2026-01-02 13:04:05 Z", "01-02 13:04:05"], ["2026-01-02 13:04:05 -05:00", "01-02 18:04:05"],
     ["2026-01-02T13:04:05Z", "01-02 00:00:00"], ["2026-01-02T13:04:05.250Z", "01-02 00:00:00"], ["2026-01-02 13:04:05Z", "01-02 00:00:00"],
     ["2026-01-02T13:04:05-05:00", "01-02 00:00:00", "01-02 18:04:05"], ["2026-01-02T13:04:05-0500", "01-02 00:00:00", "01-02 18:04:05"]) {
  my ($text, $wanted, $right) = @$_; $right //= $text =~ /Z/ ? "01-02 13:04:05" : $wanted;
  check("parsedate($text)", utc(scalar parsedate($text)), $wanted);
  next if $wanted eq $right;
  check("parsedate($text, WHOLE => 1)", utc(scalar parsedate($text, WHOLE => 1)), "undef");
  check("   ... GMT, VALIDATE and SUBSECOND", join(", ", map { utc(scalar parsedate($text, $_ => 1)) } qw(GMT VALIDATE SUBSECOND)), join(", ", ($wanted) x 3));
  check("   the others read", join(", ", map { utc($_) } HTTP::Date::str2time($text), Date::Parse::str2time($text), DateTime::Format::ISO8601->parse_datetime($text =~ s/ /T/r)->epoch), join(", ", ($right) x 3));
}
for (["2026-01-02T13:04:05Z", "13:04:05.000000000 UTC"], ["2026-01-02T13:04:05+02:00", "13:04:05.000000000 +0200"], ["2026-01-02T13:04:05.123456789Z", "13:04:05.123456789 UTC"],
     ["2026-01-02T13:04:05.9Z", "13:04:05.000000009 UTC"], ["2026-01-02T13:04:05.10Z", "13:04:05.000000010 UTC"], ["2026-01-02T13:04:05.250Z", "13:04:05.000000250 UTC"],
     ["2026-01-02T13:04:05.250000+02:00", "13:04:05.000250000 +0200"], ["20260102T130405Z", "13:04:05.000000000 floating"], ["20260102T130405+0200", "13:04:05.000000000 floating"]) {
  my ($text, $wanted) = @$_; check("Flexible($text)", flexible($text), $wanted);
}
check("   ISO8601 reads the fraction of .250", DateTime::Format::ISO8601->parse_datetime("2026-01-02T13:04:05.250Z")->nanosecond, 250000000);
check("   HTTP::Date reads .250", sprintf("%.3f", HTTP::Date::str2time("2026-01-02T13:04:05.250Z") - HTTP::Date::str2time("2026-01-02T13:04:05Z")), "0.250");
my @times = map { "2026-01-02T13:04:05.${_}Z" } qw(10 9); my @sorted = sort { DateTime->compare(map { DateTime::Format::Flexible->parse_datetime($_) } $a, $b) } @times;
check("Flexible sorts .9 and .10 as", "@sorted", "2026-01-02T13:04:05.9Z 2026-01-02T13:04:05.10Z");
exit $failed;
E
TZ=UTC timeout 60 perl t.pl
