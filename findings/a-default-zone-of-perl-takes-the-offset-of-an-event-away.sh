#!/usr/bin/env bash
# Expected: DateTime::Format::DateParse, which makes DateTime objects of what Date::Parse understands, takes a zone as Date::Parse does: for texts that have none. So
#   parse_datetime($text, "UTC") of an event at 10:00:00+05:30 is 04:30 UTC. Without a zone, a text without one is local time (its manual: consistent with Date::Parse).
# Happens: 0.05 with TimeDate 2.33 (Debian 12): the zone that is given wins over the Z, the offset or the GMT of the text: 10:00:00+05:30 with "UTC" is 10:00 UTC, and 10:00:00Z with
#   "Europe/Berlin" is 08:00 UTC, two hours early; no error. Without a zone, a local text gets the offset that the machine has today, as a fixed one: in Berlin in winter, a time of
#   July is an hour late, in summer a time of January an hour early. Date::Parse::str2time itself is right in all of these; but a zone with a name (America/New_York), which DateParse
#   knows, it takes for that of the machine, without an error.
# Means: the same log or export is read otherwise in summer than in winter, and a default zone, given to be safe, moves every event of a sender outside UTC: time limits, signatures
#   with a time, reports by day. Use str2time and DateTime->from_epoch, or DateTime::Format::ISO8601 or RFC3339.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get perl; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and perl"; exit 2; }; done
packages="libalgorithm-c3-perl libb-hooks-op-check-perl libdynaloader-functions-perl libdevel-callchecker-perl libparams-classify-perl libmodule-runtime-perl libtry-tiny-perl
  libmodule-implementation-perl libsub-exporter-progressive-perl libvariable-magic-perl libb-hooks-endofscope-perl libclass-c3-perl libclass-data-inheritable-perl libclass-inspector-perl
  libclass-method-modifiers-perl libclass-singleton-perl libparams-util-perl libsub-install-perl libdata-optlist-perl libpackage-stash-perl libsub-identify-perl libsub-name-perl
  libnamespace-clean-perl libnamespace-autoclean-perl libsub-exporter-perl libeval-closure-perl libdevel-stacktrace-perl libexception-class-perl libparams-validationcompiler-perl
  libmro-compat-perl librole-tiny-perl libsub-quote-perl libxstring-perl libspecio-perl libdatetime-timezone-perl libfile-sharedir-perl libdatetime-locale-perl libdatetime-perl"
apt-get download -qq $packages libdatetime-format-dateparse-perl libtimedate-perl perl-modules-5.36 libperl5.36 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libdatetime-format-dateparse* libtimedate*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f libdatetime-format-dateparse* Version) == 0.05-* && $(dpkg -f libtimedate* Version) == 2.3300-* ]] || { echo "   changed: expected 0.05 and 2.3300"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr
export PERL5LIB=$usr/share/perl5:$usr/lib/x86_64-linux-gnu/perl5/5.36:$usr/lib/x86_64-linux-gnu/perl/5.36:$usr/share/perl/5.36 TZ=Europe/Berlin
cat > t.pl <<'E'
use strict; use warnings FATAL => "all"; use POSIX (); use Date::Parse (); use DateTime::Format::DateParse;
my $failed = 0;
sub check { my ($text, $got, $wanted) = @_; printf "  %-66s %s\n", $text, $got; if ($got ne $wanted) { print "   changed: expected $wanted\n"; $failed = 1 } }
sub utc { POSIX::strftime("%m-%d %H:%M", gmtime shift) }
# By DateTime::Format::DateParse and by Date::Parse, with the zone, if any.
sub both { my ($text, $zone, $wrong, $right) = @_; my @zone = defined $zone ? $zone : ();
  check(join(", ", $text, @zone), utc(DateTime::Format::DateParse->parse_datetime($text, @zone)->epoch), $wrong);
  check("   by str2time", utc(Date::Parse::str2time($text, @zone)), $right) }
my $berlin = "Europe/Berlin";
both("2024-07-02T10:00:00Z", undef, "07-02 10:00", "07-02 10:00");
both("2024-07-02T10:00:00+05:30", undef, "07-02 04:30", "07-02 04:30");
both("2024-07-02 10:00:00", "+0200", "07-02 08:00", "07-02 08:00");
both("2024-07-02T10:00:00+05:30", "UTC", "07-02 10:00", "07-02 04:30");
both("2024-07-02T10:00:00-0400", "UTC", "07-02 10:00", "07-02 14:00");
both("2024-07-02T10:00:00Z", $berlin, "07-02 08:00", "07-02 10:00");
both("Tue, 02 Jul 2024 10:00:00 GMT", $berlin, "07-02 08:00", "07-02 10:00");
both("2024-07-02T10:00:00Z", "+0100", "07-02 09:00", "07-02 10:00");
both("2024-07-02 10:00:00", "America/New_York", "07-02 14:00", "07-02 08:00");
# Local time, on a machine in Berlin: July has +02:00, January +01:00, whatever is today.
my $today = (localtime)[8] ? 2 : 1;
print "without a zone; the machine has an offset of $today hours today\n";
both("2024-07-02 10:00:00", undef, $today == 2 ? "07-02 08:00" : "07-02 09:00", "07-02 08:00");
both("2024-01-02 10:00:00", undef, $today == 2 ? "01-02 08:00" : "01-02 09:00", "01-02 09:00");
check("the zone of both", join(" and ", map { DateTime::Format::DateParse->parse_datetime($_)->time_zone->name } "2024-07-02 10:00:00", "2024-01-02 10:00:00"), "+0${today}00 and +0${today}00");
exit $failed;
E
timeout 60 perl t.pl
