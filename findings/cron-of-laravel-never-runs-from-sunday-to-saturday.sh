#!/usr/bin/env bash
# Expected: dragonmantank/cron-expression, which decides for Laravel's scheduler, Crunz and others whether a job is due, reads the names of days as it reads their numbers (its class says both):
#   SAT-SUN is the weekend, MON-SUN and SUN-SAT are every day. What it cannot read, isValidExpression refuses, as it refuses FOO-SUN and 32W.
# Happens: cron-expression 3.3.1 (Debian 12): a name at the end of a range that is SUN never comes: SAT-SUN is Saturday alone, MON-SUN is Monday to Saturday. A range
#   that begins with SUN is no day at all: SUN-SAT, SUN-TUE. So is FRI-MON, and 22-2 for hours. All are valid for isValidExpression, and isDue says false for ever, without an
#   exception (22-2 says something about an array key at PHP's log). With numbers, 6-7, 0-6, 7-2, and as lists, SAT,SUN, all is right. The last working day, LW, which Quartz and
#   AWS have, is valid, too, and runs on Saturdays, on the first Monday, and in some months not at all; 31W runs in the first days of February and of April.
# Means: a clean-up, a retry of what failed or a report for every day is never done, or not on Sundays, and nothing says so: schedule:list shows the line. Write days as
#   numbers or lists, hours as 22-23,0-2, and ask getNextRunDate in a test, which does throw for what never comes.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq php-dragonmantank-cron-expression php-webmozart-assert php8.2-cli php8.2-common libargon2-1 libpcre2-8-0 libsodium23 libxml2 libicu72 liblzma5 zlib1g >apt.log 2>&1 ||
  { cat apt.log; exit 2; }
for package in php-dragonmantank*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f php-dragonmantank* Version) == 3.3.1-* ]] || { echo "   changed: expected 3.3.1"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr
cat > t.php <<'P'
<?php
require "Cron/autoload.php"; date_default_timezone_set("UTC");
use Cron\CronExpression;
$failed = false;
function check($text, $got, $wanted) { global $failed; printf("  %-34s %s\n", $text, $got); if ($got !== $wanted) { echo "   changed: expected $wanted\n"; $failed = true; } }
// At which of the moments of a span a line is due, as a scheduler asks it, and whether it is valid.
function due($line, $from, $to, $step, $format) {
  $cron = new CronExpression($line); $times = [];
  for ($time = new DateTime($from); $time < new DateTime($to); $time->modify($step)) if (@$cron->isDue(clone $time)) $times[] = $time->format($format);
  return (CronExpression::isValidExpression($line) ? "valid, " : "not valid, ") . (implode(" ", $times) ?: "never");
}
echo "days of a week:\n";
$all = "Mon Tue Wed Thu Fri Sat Sun";
foreach (["6-7" => "Sat Sun", "SAT,SUN" => "Sat Sun", "SAT-SUN" => "Sat", "1-7" => $all, "MON-SAT" => "Mon Tue Wed Thu Fri Sat", "MON-SUN" => "Mon Tue Wed Thu Fri Sat", "0-6" => $all,
          "SUN-SAT" => "never", "7-2" => "Mon Tue Sun", "SUN,MON,TUE" => "Mon Tue Sun", "SUN-TUE" => "never", "FRI-MON" => "never", "SUN" => "Sun"] as $days => $wanted)
  check($days, due("0 0 * * $days", "2026-01-05", "2026-01-12", "+1 day", "D"), "valid, $wanted");
echo "hours of a day:\n";
foreach (["22-23,0-2" => "00 01 02 22 23", "22-2" => "never"] as $hours => $wanted) check($hours, due("0 $hours * * *", "2026-01-05", "2026-01-06", "+1 hour", "H"), "valid, $wanted");
echo "days of the first half of 2026:\n";
foreach (["L" => "31.01 28.02 31.03 30.04 31.05 30.06", "15W" => "15.01 16.02 16.03 15.04 15.05 15.06", "LW" => "31.01 02.02 02.03 30.05 01.06",
          "31W" => "30.01 03.02 31.03 01.04 29.05 01.06"] as $days => $wanted) check($days, due("0 0 $days * *", "2026-01-01", "2026-07-01", "+1 day", "d.m"), "valid, $wanted");
check("the 31st of January is a", (new DateTime("2026-01-31"))->format("l"), "Saturday");
echo "refused:\n";
foreach (["0 0 * * FOO-SUN", "0 0 32W * *", "0 0 * * 8"] as $line) check($line, CronExpression::isValidExpression($line) ? "valid" : "not valid", "not valid");
try { $next = (new CronExpression("0 0 * * SUN-SAT"))->getNextRunDate("2026-01-05")->format("d.m"); } catch (RuntimeException $error) { $next = $error->getMessage(); }
check("SUN-SAT, by getNextRunDate", $next, "Impossible CRON expression");
exit($failed ? 1 : 0);
P
LD_LIBRARY_PATH=$usr/lib/x86_64-linux-gnu timeout 60 "$usr/bin/php8.2" -n -d error_reporting='E_ALL & ~E_DEPRECATED' -d include_path="$usr/share/php" t.php
