#!/usr/bin/env bash
# Expected: Mojo::Date of Mojolicious, whose manual has RFC 822, 1123, 850 and 3339 among what it parses, reads the zone of such a time, or gives undef as for all that it can't read;
#   to_datetime writes the moment that epoch holds.
# Happens: Mojolicious 9.31 (Debian 12): in a date that begins with the name of a day any word may stand where the zone is, and the time is GMT: "Sun, 29 Nov 2026 22:00:00 +0530", -0800,
#   EST and PST are all 22:00 UTC, and "Sunday, 29-Nov-26 22:00:00 EST" is. With a remark behind it, (IST), it is undef; the offset of RFC 3339 is read rightly. to_datetime
#   writes the text that Perl makes of the number, 15 digits: .123456 is .12346, .000001 is gone, and 22:00:00.999999 is 22:00:00, a whole second less; epoch has the microseconds.
# Means: the Date of a mail (as the webhooks of mail services hand it on) or the pubDate of a feed is five or eight hours off for senders outside GMT: a fresh one is refused as old, an old
#   one is taken, the order is another; a test with GMT passes. Read such times with HTTP::Date, which is right about them, and write fractions with sprintf from epoch.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get perl; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and perl"; exit 2; }; done
apt-get download -qq perl-modules-5.36 libperl5.36 libmojolicious-perl libhttp-date-perl libtimedate-perl >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libmojolicious-perl_* libhttp-date-perl_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f libmojolicious-perl_* Version) == 9.31+* ]] || { echo "   changed: expected Mojolicious 9.31"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr
export PERL5LIB=$usr/share/perl5:$usr/lib/x86_64-linux-gnu/perl5/5.36:$usr/lib/x86_64-linux-gnu/perl/5.36:$usr/share/perl/5.36
cat > t.pl <<'E'
use strict; use warnings; use Mojo::Date; use HTTP::Date (); use Date::Parse ();
my $failed = 0;
sub check { my ($text, $got, $wanted) = @_; printf "  %-62s %s\n", $text, $got; if ($got ne $wanted) { print "   changed: expected $wanted\n"; $failed = 1 } }
sub utc { my $time = shift; return "undef" unless defined $time; my @t = gmtime int $time; sprintf "%02d %02d:%02d:%02d", @t[3, 2, 1, 0] }
my $day = "Sun, 29 Nov 2026 22:00:00";
for (["GMT", "29 22:00:00", "29 22:00:00"], ["+0000", "29 22:00:00", "29 22:00:00"], ["+0530", "29 22:00:00", "29 16:30:00"], ["-0800", "29 22:00:00", "30 06:00:00"], ["EST", "29 22:00:00", "30 03:00:00"],
     ["PST", "29 22:00:00", "30 06:00:00"]) {
  my ($zone, $wanted, $right) = @$_;
  check("$day $zone", utc(Mojo::Date->new("$day $zone")->epoch), $wanted); check("   HTTP::Date", utc(HTTP::Date::str2time("$day $zone")), $right);
  check("   Date::Parse", utc(Date::Parse::str2time("$day $zone")), $right);
}
check("Sunday, 29-Nov-26 22:00:00 EST", utc(Mojo::Date->new("Sunday, 29-Nov-26 22:00:00 EST")->epoch), "29 22:00:00");
check("$day +0530 (IST)", utc(Mojo::Date->new("$day +0530 (IST)")->epoch), "undef");
check("2026-11-29T22:00:00+05:30", utc(Mojo::Date->new("2026-11-29T22:00:00+05:30")->epoch), "29 16:30:00");
my ($sent, $now) = ("$day -0800", HTTP::Date::str2time("2026-11-30T06:01:00Z"));
check("sent a minute ago ($sent): seconds old", $now - Mojo::Date->new($sent)->epoch, 8 * 3600 + 60);
for (["123", "123", "123000"], ["99999", "99999", "999990"], ["123456", "12346", "123456"], ["000001", "", "000001"], ["999994", "99999", "999994"], ["999999", "", "999999"]) {
  my ($fraction, $written, $held) = @$_; my $date = Mojo::Date->new("2026-11-29T22:00:00.${fraction}Z");
  check("to_datetime of 22:00:00.$fraction", $date->to_datetime, "2026-11-29T22:00:00" . ($written ? ".$written" : "") . "Z"); check("   epoch", sprintf("%.6f", $date->epoch), "1795989600.$held");
}
exit $failed;
E
TZ=UTC timeout 60 perl t.pl
