#!/usr/bin/env bash
# Expected: clock scan of Tcl reads the time that PostgreSQL hands it, in a trigger in PL/Tcl or through pgtcl and tdbc: a timestamptz is text there, 2026-07-02 03:04:05+02, the
#   form that PostgreSQL writes by default. It takes "+0200" for two hours, and says what is wrong with +05:30 and with a fraction.
# Happens: Tcl 8.6.13 and PostgreSQL 15 (Debian 12): an offset of two digits is taken for minutes, without a word. 03:04:05+02 is 03:02:05 in UTC instead of 01:04:05,
#   -05 is 03:09:05 instead of 08:04:05. Only +00 is right, so all is well where TimeZone is UTC, and it is right with -format {%Y-%m-%d %H:%M:%S%z}, which takes two digits
#   for hours. The manual calls the free form deprecated, and says nothing of offsets with two digits.
# Means: a trigger that turns away or sorts out old events is two hours off in Berlin in summer, one in winter, four in New York, and right on a machine in UTC. Let PostgreSQL say
#   it: extract(epoch FROM at) as an argument, SET TimeZone = UTC for the function (ALTER FUNCTION ... SET), or give clock scan a -format.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and Python"; exit 2; }; done
[ -e /usr/share/zoneinfo/Europe/Berlin ] || { echo "needs tzdata"; exit 2; }
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 postgresql-pltcl-15 libtcl8.6 tcl8.6 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in postgresql-pltcl-15_* libtcl8.6_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f postgresql-pltcl-15_* Version) == 15.* && $(dpkg -f libtcl8.6_* Version) == 8.6.13* ]] || { echo "   changed: expected 15 and 8.6.13"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu TCL_LIBRARY=$dir/root/usr/share/tcltk/tcl8.6 LC_ALL=C PGHOST=127.0.0.1 PGUSER=u PGDATABASE=postgres PGPORT
PGPORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'); failed=0
check() { printf '  %-66s %s\n' "$1" "$2"; [[ $2 == "$3" ]] || { echo "   changed: expected $3"; failed=1; }; }
cat > scan.tcl <<'T'
set text [lindex $argv 0]; set format [lrange $argv 1 end]
if {[catch {clock scan $text {*}$format} time]} {puts error} else {puts [clock format $time -timezone :UTC -format {%Y-%m-%d %H:%M:%S}]}
T
scan() { TZ=UTC "$dir/root/usr/bin/tclsh8.6" scan.tcl "$@"; }
echo "clock scan, free and with -format:"
while IFS='|' read -r text free formatted; do check "$text" "$(scan "$text"), $(scan "$text" -format '%Y-%m-%d %H:%M:%S%z')" "$free, $formatted"; done <<'L'
2026-07-02 03:04:05+0200|2026-07-02 01:04:05|2026-07-02 01:04:05
2026-07-02 03:04:05+00|2026-07-02 03:04:05|2026-07-02 03:04:05
2026-07-02 03:04:05+02|2026-07-02 03:02:05|2026-07-02 01:04:05
2026-01-02 03:04:05+01|2026-01-02 03:03:05|2026-01-02 02:04:05
2026-07-02 03:04:05-04|2026-07-02 03:08:05|2026-07-02 07:04:05
2026-07-02 03:04:05+10|2026-07-02 02:54:05|2026-07-01 17:04:05
2026-07-02 03:04:05+05:30|error|2026-07-01 21:34:05
L
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $PGPORT -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
psql() { "$bin/psql" -X -q -At -F ' ' -v ON_ERROR_STOP=1 "$@"; }
psql <<'Q'
CREATE EXTENSION pltcl;
CREATE TABLE received (id int, at timestamptz, arrived int, minutes int);
CREATE FUNCTION minutes_old() RETURNS trigger LANGUAGE pltcl AS $$
  set NEW(minutes) [expr {($NEW(arrived) - [clock scan $NEW(at)]) / 60}]
  return [array get NEW]
$$;
CREATE TRIGGER t BEFORE INSERT ON received FOR EACH ROW EXECUTE FUNCTION minutes_old();
Q
echo "A trigger counts the minutes from an event of 2026-07-02T01:04:05Z to its arrival one minute later, in seconds of Unix:"
for row in "UTC 1" "Europe/Berlin -117" "America/New_York 237" "Asia/Tokyo -530"; do
  read -r zone wanted <<< "$row"
  check "TimeZone $zone" "$(PGTZ=$zone psql -c "INSERT INTO received VALUES (1, '2026-07-02T01:04:05Z', 1782954305) RETURNING minutes")" "$wanted"
done
psql -c "ALTER FUNCTION minutes_old() SET TimeZone = 'UTC'"
for zone in Europe/Berlin America/New_York; do
  check "TimeZone $zone, SET TimeZone = UTC for the function" "$(PGTZ=$zone psql -c "INSERT INTO received VALUES (1, '2026-07-02T01:04:05Z', 1782954305) RETURNING minutes")" "1"
done
exit $failed
