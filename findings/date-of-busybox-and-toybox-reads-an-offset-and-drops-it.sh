#!/usr/bin/env bash
# Expected: date -D FORMAT -d TEXT is the way of BusyBox (in Alpine, and so in most small images) and of toybox (Android) to read a time in another form;
#   with %z in the format, 2026-11-29T22:00:00+0200 is 20:00 UTC. A text without an offset, or with half of one, is refused, so the offset is read.
# Happens: BusyBox 1.35.0 and toybox 0.8.9 (Debian 12) read it and drop it: 22:00+0200, 22:00-0500 and 22:00Z are one moment, 22:00 on the clock of the
#   machine (TZ), with exit code 0; the form of nginx and Apache ([29/Nov/2026:22:00:00 +0200]) and that of mails (Sun, 29 Nov 2026 22:00:00 +0200) too, and
#   %Z with GMT. What date +...%z has written comes back right in the same zone, as in a test, but in the hour that comes twice in autumn. Without -D both
#   read '2026-11-29 22:00:00 +0200' rightly (BusyBox only with the blanks), and GNU date reads all of them.
# Means: "older than five minutes", "expired?" and the age of a backup are off by the sender's offset, in the container and not on the laptop, where date
#   is GNU's. Rewrite the text for -d without -D (sed 's/T/ /; s/[+-]....$/ &/', for Z TZ=UTC0), install coreutils, or let the program that has a real parser
#   count.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq busybox-static toybox coreutils tzdata >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in busybox-static toybox coreutils; do dpkg -f ${package}_*.deb Package Version | xargs; done
[[ $(dpkg -f busybox-static_*.deb Version) == 1:1.35.0-* && $(dpkg -f toybox_*.deb Version) == 0.8.9* ]] || { echo "   changed: expected 1.35.0 and 0.8.9"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; export TZDIR=$dir/root/usr/share/zoneinfo LC_ALL=C; failed=0
check() { printf '%-96s %s\n' "$2" "$3"; [[ $3 == "$1" ]] || { echo "   changed: expected $1"; failed=1; }; } # check WANTED NAME GOT
iso='%Y-%m-%dT%H:%M:%S%z'; log='%d/%b/%Y:%H:%M:%S %z'; mail='%a, %d %b %Y %H:%M:%S %z'
utc() { date -u -d "@$1" +%FT%TZ 2>/dev/null || echo refused; }
with() { # with PROGRAM ARGUMENTS...: the moment in UTC that it reads, or "refused"
  local seconds; seconds=$("$dir/root/bin/$1" date "${@:2}" +%s 2>/dev/null) && utc "$seconds" || echo refused; }
gnu() { local seconds; seconds=$("$dir/root/bin/date" -d "$1" +%s 2>/dev/null) && utc "$seconds" || echo refused; }
for zone in UTC America/New_York; do
  export TZ=$zone; clock=$([ $zone = UTC ] && echo 2026-11-29T22:00:00Z || echo 2026-11-30T03:00:00Z); echo "TZ=$zone"
  for line in "$iso|2026-11-29T22:00:00+0200|2026-11-29T20:00:00Z" "$iso|2026-11-29T22:00:00+02:00|2026-11-29T20:00:00Z" "$iso|2026-11-29T22:00:00-0330|2026-11-30T01:30:00Z" \
    "$iso|2026-11-29T22:00:00Z|2026-11-29T22:00:00Z" "$log|29/Nov/2026:22:00:00 +0200|" "$mail|Sun, 29 Nov 2026 22:00:00 +0200|2026-11-29T20:00:00Z" \
    "%a, %d %b %Y %H:%M:%S %Z|Sun, 29 Nov 2026 22:00:00 GMT|2026-11-29T22:00:00Z"; do
    IFS='|' read -r format text right <<<"$line"
    check "$clock $clock${right:+; $right}" "  -D '$format' -d '$text'" "$(with busybox -D "$format" -d "$text") $(with toybox -D "$format" -d "$text")${right:+; $(gnu "$text")}"
  done
  check "2026-11-29T20:00:00Z 2026-11-29T20:00:00Z; 2026-11-29T20:00:00Z" "  -d '2026-11-29 22:00:00 +0200', without -D; GNU date" \
    "$(with busybox -d '2026-11-29 22:00:00 +0200') $(with toybox -d '2026-11-29 22:00:00 +0200'); $(gnu '2026-11-29 22:00:00 +0200')"
  check "refused refused" "  -D '$iso' -d 2026-11-29T22:00:00 (no offset)" "$(with busybox -D "$iso" -d 2026-11-29T22:00:00) $(with toybox -D "$iso" -d 2026-11-29T22:00:00)"
done
text=$(root/bin/busybox date -d @1793511000 +"$iso"); check "2026-11-01T01:30:00-0400 2026-11-01T05:30:00Z" "written and read in New York, before the clock goes back" "$text $(with busybox -D "$iso" -d "$text")"
text=$(root/bin/busybox date -d @1793514600 +"$iso"); check "2026-11-01T01:30:00-0500 2026-11-01T05:30:00Z" "an hour later" "$text $(with busybox -D "$iso" -d "$text")"
exit $failed
