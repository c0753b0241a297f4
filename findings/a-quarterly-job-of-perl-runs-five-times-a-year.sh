#!/usr/bin/env bash
# Expected: the cron libraries of Perl read a line as cron does: Schedule::Cron (a scheduler inside a program, for retries, digests, clean-ups) takes over the text of crontab(5),
#   where * is first-last: */3 for months is 1-12/3, so January, April, July, October. Schedule::Cron::Events tells when a line will run, DateTime::Event::Cron too.
# Happens: Schedule::Cron 1.05 (Debian 12) counts the steps of months and of days of the month from 0, and a 0 is the first: "0 0 1 */3 *" runs five times a year, in January, March,
#   June, September and December, and "0 0 */2 * *" on the 1st, 2nd, 4th, 6th. Schedule::Cron::Events 1.96 tells March, June, September, December, and the 2nd, 4th, 6th.
#   DateTime::Event::Cron 0.09 is right there, but counts days of the week from Monday: */2 is Monday, Wednesday, Friday and Sunday, in cron Sunday, Tuesday, Thursday, Saturday.
#   Minutes and hours are right in all three, and so are 1-12/3 and 1-31/2.
# Means: a report, an invoice or a clean-up whose line was copied from a crontab runs in other months and on other days, once too often, and nobody sees it in the first weeks.
#   Write 1-12/3, 1-31/2 and 0-6/2, which all three read as cron does.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get perl; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }; done
apt-get download -qq libschedule-cron-perl libschedule-cron-events-perl libset-crontab-perl libtime-parsedate-perl libdatetime-event-cron-perl libdatetime-set-perl libset-infinite-perl \
  libdatetime-perl libdatetime-locale-perl libdatetime-timezone-perl libb-hooks-endofscope-perl libclass-data-inheritable-perl libclass-inspector-perl libclass-singleton-perl \
  libdevel-stacktrace-perl libeval-closure-perl libexception-class-perl libfile-sharedir-perl libmodule-implementation-perl libmodule-runtime-perl libmro-compat-perl \
  libnamespace-autoclean-perl libnamespace-clean-perl libpackage-stash-perl libparams-util-perl libparams-validate-perl libparams-validationcompiler-perl libperl5.36 perl-modules-5.36 \
  librole-tiny-perl libspecio-perl libsub-exporter-progressive-perl libsub-identify-perl libsub-install-perl libsub-quote-perl libtry-tiny-perl libvariable-magic-perl libxstring-perl \
  >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libschedule-cron-perl_* libschedule-cron-events-perl_* libdatetime-event-cron-perl_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f libschedule-cron-perl_* Version) == 1.05-* && $(dpkg -f libschedule-cron-events-perl_* Version) == 1.96-* && $(dpkg -f libdatetime-event-cron-perl_* Version) == 0.09-* ]] ||
  { echo "   changed: expected 1.05, 1.96 and 0.09"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr
export PERL5LIB=$usr/share/perl5:$usr/lib/x86_64-linux-gnu/perl5/5.36:$usr/lib/x86_64-linux-gnu/perl/5.36:$usr/share/perl/5.36
cat > t.pl <<'P'
use strict; use warnings; use Schedule::Cron; use Schedule::Cron::Events; use DateTime::Event::Cron; use DateTime; use POSIX qw(strftime mktime);
my $failed = 0; my $cron = Schedule::Cron->new(sub { });
sub check { my ($text, $got, $wanted) = @_; printf "  %-42s %s\n", $text, $got; if ($got ne $wanted) { print "   changed: expected $wanted\n"; $failed = 1 } }
my $start = mktime(59, 59, 23, 31, 11, 125);    # the last second of 2025
sub first_times {                               # the next five times of a line, by the three of them
  my ($line, $format, $from) = @_; my ($time, @scheduled, @told, @right) = ($from);
  push @scheduled, strftime($format, localtime($time = $cron->get_next_execution_time($line, $time))) for 1 .. 5;
  my $events = Schedule::Cron::Events->new("$line job", Seconds => $from); push @told, strftime($format, $events->nextEvent) for 1 .. 5;
  my ($set, $at) = (DateTime::Event::Cron->new($line), DateTime->from_epoch(epoch => $from, time_zone => "UTC")); push @right, ($at = $set->next($at))->strftime($format) for 1 .. 5;
  return map { join " ", @$_ } \@scheduled, \@told, \@right;
}
for (["*/20 * * * *", "%H:%M", ("00:00 00:20 00:40 01:00 01:20") x 3], ["0 */6 * * *", "%d/%H", ("01/00 01/06 01/12 01/18 02/00") x 3],
     ["0 0 1 1-12/3 *", "%b", ("Jan Apr Jul Oct Jan") x 3], ["0 0 1-31/2 * *", "%d.%m", ("01.01 03.01 05.01 07.01 09.01") x 3], ["0 0 * * 0-6/2", "%a", ("Thu Sat Sun Tue Thu") x 3],
     ["0 0 1 */3 *", "%b", "Jan Mar Jun Sep Dec", "Mar Jun Sep Dec Mar", "Jan Apr Jul Oct Jan"], ["0 0 1 */6 *", "%b", "Jan Jun Dec Jan Jun", "Jun Dec Jun Dec Jun", "Jan Jul Jan Jul Jan"],
     ["0 0 */2 * *", "%d.%m", "01.01 02.01 04.01 06.01 08.01", "02.01 04.01 06.01 08.01 10.01", "01.01 03.01 05.01 07.01 09.01"],
     ["0 0 */10 * *", "%d.%m", "01.01 10.01 20.01 30.01 01.02", "10.01 20.01 30.01 10.02 20.02", "01.01 11.01 21.01 31.01 01.02"],
     ["0 0 * * */2", "%a", ("Thu Sat Sun Tue Thu") x 2, "Fri Sun Mon Wed Fri"], ["0 0 * * */3", "%a", ("Sat Sun Wed Sat Sun") x 2, "Thu Sun Mon Thu Sun"]) {
  my ($line, $format, @wanted) = @$_; my @got = first_times($line, $format, $start);
  check($line, $got[0], $wanted[0]); check("   by Schedule::Cron::Events", $got[1], $wanted[1]); check("   by DateTime::Event::Cron", $got[2], $wanted[2]);
}
# The year 2026, counted: how often the line for a quarter runs.
my ($times, $at) = (0, $start); $times++ while ($at = $cron->get_next_execution_time("0 0 1 */3 *", $at)) < mktime(0, 0, 0, 1, 0, 127);
check("a quarterly job of Schedule::Cron in 2026", "$times times", "5 times");
exit $failed;
P
TZ=UTC timeout 60 perl t.pl
