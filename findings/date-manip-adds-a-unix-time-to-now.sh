#!/usr/bin/env bash
# Expected: Perl's Date::Manip, asked for the date that a text says, knows a Unix time (its manual: "epoch SECS"), or refuses a number that is no date, as it does with one of 13 digits
#   (milliseconds).
# Happens: Date::Manip 6.91 (Debian 12): ParseDate("1795989600"), a Unix time of November 2026, is a date 57 years from now: it takes the number for a wait in seconds
#   and adds it to the clock, so that the same text is another date each time it is read. So do UnixDate(), Date_Cmp(), DateCalc() and Date::Manip::Date; -1795989600 is 57 years ago.
#   No error, and "epoch 1795989600" is right. Read by its parse_format("%s"), it is right as well; with the option nodelta (only in parse()) it is refused. A time with a
#   fraction, 1795989600.25, is some date after 2080, too. The manual of dates says that most valid deltas can be one ("in 2 days"), that of deltas that one to seven numbers
#   with colons between them are one; what comes of a Unix time by that, neither says.
# Means: the created of a webhook of Stripe, the ts of Slack, the timestamp of a signature: "not from the future" refuses all, "newer than the last" takes each repeat for newer, because the
#   clock went on, and what was to expire lasts 57 years. Put "epoch " before the number, or keep such times as the numbers that they are.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get perl; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and perl"; exit 2; }; done
apt-get download -qq perl-modules-5.36 libperl5.36 libdate-manip-perl >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f libdate-manip-perl_* Package Version | xargs; [[ $(dpkg -f libdate-manip-perl_* Version) == 6.91-* ]] || { echo "   changed: expected 6.91"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr
export PERL5LIB=$usr/share/perl5:$usr/lib/x86_64-linux-gnu/perl/5.36:$usr/share/perl/5.36
cat > t.pl <<'E'
use strict; use warnings; use Date::Manip; use Date::Manip::Date;
my $failed = 0;
sub check { my ($text, $got, $wanted) = @_; $got //= "undef"; printf "  %-58s %s\n", $text, $got; if ($got ne $wanted) { print "   changed: expected $wanted\n"; $failed = 1 } }
my $time = 1795989600;   # 2026-11-29 22:00:00 UTC
sub epoch { my $date = Date::Manip::Date->new; my $error = $date->parse(@_); $error ? "refused" : $date->printf("%s") }
# how far a result is from the number added to the clock, when it was read: 0, or a second or two
sub near { my ($got, $wanted) = @_; return abs($got - $wanted) <= 5 ? "yes" : "no, $got" }
check("2026-11-29T22:00:00Z", epoch("2026-11-29T22:00:00Z"), $time); check("epoch $time", epoch("epoch $time"), $time);
check("$time is the clock and $time seconds", near(epoch($time), time + $time), "yes");
check("   by ParseDate and UnixDate", near(UnixDate(ParseDate("$time"), "%s"), time + $time), "yes");
check("-$time is the clock less $time seconds", near(epoch("-$time"), time - $time), "yes");
my ($first, $second) = (epoch($time), do { sleep 2; epoch($time) }); check("read again two seconds later: seconds between", $second - $first >= 2 && $second - $first <= 5 ? "2 or more" : $second - $first, "2 or more");
check("Date_Cmp(last, again), the same text", Date_Cmp(ParseDate("$time"), do { sleep 1; ParseDate("$time") }), -1);
check("Date_Cmp with the time it is, 2026-11-29T22:00:00Z", Date_Cmp(ParseDate("$time"), ParseDate("2026-11-29T22:00:00Z")), 1);
check("DateCalc, + 1 hour", near(UnixDate(DateCalc("$time", "+ 1 hour"), "%s"), time + $time + 3600), "yes");
check("with a fraction, $time.25, is after 2080", epoch("$time.25") > 3471292800 ? "yes" : "no", "yes");
check("in milliseconds", epoch("${time}123"), "refused"); check("with nodelta", epoch($time, "nodelta"), "refused");
my $date = Date::Manip::Date->new; $date->parse_format("%s", $time); check("parse_format(\"%s\")", $date->printf("%s"), $time);
exit $failed;
E
TZ=UTC timeout 60 perl t.pl
