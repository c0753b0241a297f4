#!/usr/bin/env bash
# Expected: pgAgent, the scheduler of pgAdmin, runs a job at each minute, hour and day of the month that is ticked; "last day" is one tick among the
#   others. Cron with 31 among its days waits for the next month that has one.
# Happens: pgAgent 4.2.2 with PostgreSQL 15 (Debian 12): ticked beside any other day (1 and last, 15 and last), the last day never comes, in no month. A job for the 31st (or
#   30th, 29th) runs in the last month before one that has no such day; there the date 2101-4-31 is an error when the next run is worked out, so the job stays marked
#   as running, and never runs again; nor does any other job that the agent had at work when it was last stopped, as the next agent frees all of them or none. Minutes 0,
#   15, 30, 45 at 8 and 12 o'clock: worked out at 9:20 (a step took that long, the agent was down, someone saved the job), the next run is 12:30, not 12:00; at 17:40 it is
#   8:45 of tomorrow, not 8:00. From run to run without a delay, and for one minute of the hour, all is right.
# Means: payouts of the 15th and the last are half of what they should be, and no log line says so. Give the last day a schedule of its own, no schedule a day after the
#   28th, and compare jobnextrun with what you meant; jobs whose jobagentid stays set for long are dead.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); bin=; agent=
trap '[ -z "$agent" ] || { kill $agent; wait $agent; } 2>/dev/null || true; [ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m fast stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 pgagent libboost-thread1.74.0 libboost-filesystem1.74.0 libboost-regex1.74.0 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in postgresql-15_* pgagent_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f pgagent_* Version) == 4.2.2-* ]] || { echo "   changed: expected pgagent 4.2.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu LC_ALL=C PGHOST=127.0.0.1 PGUSER=u PGDATABASE=postgres PGPORT=$port
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off -c timezone=UTC" start
psql() { "$bin/psql" -X -q -At -F ' ' -v ON_ERROR_STOP=1 "$@"; }; failed=0
psql -c "CREATE EXTENSION pgagent" -c "CREATE TABLE ran (job text, at timestamptz DEFAULT clock_timestamp())"
# A schedule as pgAdmin writes it; next(after, minutes, hours, days) gives the next run by pgAgent's own function after a time of the year 2101 (no day of today comes in).
psql <<'S'
CREATE FUNCTION ticked(n int, first int, VARIADIC them int[]) RETURNS bool[] LANGUAGE sql AS 'SELECT array_agg(i = ANY (them) ORDER BY i) FROM generate_series(first, first + n - 1) i';
CREATE FUNCTION next(after text, minutes int[], hours int[], days int[]) RETURNS text LANGUAGE sql AS $$ SELECT to_char(pgagent.pga_next_schedule(0, ('2101-' || after)::timestamptz, NULL,
  ticked(60, 0, VARIADIC minutes), ticked(24, 0, VARIADIC hours), ticked(7, 0, VARIADIC '{}'), ticked(32, 1, VARIADIC days), ticked(12, 1, VARIADIC '{}')), 'MM-DD HH24:MI') $$;
S
check() { printf '  %-62s %s\n' "$2" "$3"; [[ $3 == $1 ]] || { echo "   changed: expected $1"; failed=1; }; }
next() { check "$1" "after $2" "$(psql -c "SELECT next('$2', '{$3}', '{$4}', '{$5}')" 2>&1 | head -1)"; }
echo "Last day (32) alone, at 6:30"; next "01-31 06:30" "01-01 00:00" 30 6 32; next "02-28 06:30" "01-31 06:31" 30 6 32; next "04-30 06:30" "04-02 00:00" 30 6 32
echo "15th and last day"; next "01-15 06:30" "01-01 00:00" 30 6 15,32; next "02-15 06:30" "01-15 06:31" 30 6 15,32; next "03-15 06:30" "02-15 06:31" 30 6 15,32; next "05-15 06:30" "04-29 00:00" 30 6 15,32
echo "10th and 15th"; next "01-10 06:30" "01-01 00:00" 30 6 10,15; next "01-15 06:30" "01-10 06:31" 30 6 10,15; next "02-10 06:30" "01-15 06:31" 30 6 10,15
echo "31st"; next "01-31 06:30" "01-01 00:00" 30 6 31; next "08-31 06:30" "07-31 06:31" 30 6 31; next '*out of range: "2101-4-31 6:30"' "03-31 06:31" 30 6 31
echo "Minutes 0, 15, 30, 45 at 8 and 12 o'clock"; quarters="0,15,30,45"
next "01-01 08:00" "01-01 00:00" $quarters 8,12 ""; next "01-01 08:15" "01-01 08:01" $quarters 8,12 ""; next "01-01 12:00" "01-01 08:46" $quarters 8,12 ""; next "01-01 12:30" "01-01 09:20" $quarters 8,12 ""
next "01-02 08:00" "01-01 12:46" $quarters 8,12 ""; next "01-02 08:15" "01-01 17:10" $quarters 8,12 ""; next "01-02 08:45" "01-01 17:40" $quarters 8,12 ""
echo "Jobs for the 1st, the 2nd (takes a minute) and the 31st, all due now; the next month has 30 days"
psql <<'S'
INSERT INTO pgagent.pga_job (jobid, jobjclid, jobname) VALUES (1, 1, 'the 1st'), (2, 1, 'the 2nd'), (31, 1, 'the 31st');
INSERT INTO pgagent.pga_jobstep (jstjobid, jstname, jstkind, jstdbname, jstcode) SELECT jobid, 'step', 's', 'postgres', format('INSERT INTO ran VALUES (%L); SELECT pg_sleep(%s)', jobname, CASE jobid WHEN 2 THEN 60 ELSE 0 END) FROM pgagent.pga_job;
INSERT INTO pgagent.pga_schedule (jscjobid, jscname, jscstart, jscminutes, jschours, jscmonthdays) SELECT jobid, 's', '2101-03-01', ticked(60, 0, 30), ticked(24, 0, 6), ticked(32, 1, jobid) FROM pgagent.pga_job;
ALTER TABLE pgagent.pga_schedule DISABLE TRIGGER ALL; UPDATE pgagent.pga_schedule SET jscstart = '2101-04-01'; ALTER TABLE pgagent.pga_schedule ENABLE TRIGGER ALL;
S
check "1 2101-03-01, 2 2101-03-02, 31 2101-03-31" "next runs" "$(psql -c "SELECT string_agg(jobid || ' ' || jobnextrun::date, ', ' ORDER BY jobid) FROM pgagent.pga_job")"
psql -c "UPDATE pgagent.pga_job SET jobnextrun = now() - interval '1 minute'"
start() { root/usr/bin/pgagent -f -t 1 -l 1 "hostaddr=127.0.0.1 port=$port user=u dbname=postgres" >agent.log 2>&1 & agent=$!; sleep 4; }
stop() { kill $agent; wait $agent 2>/dev/null || true; agent=; sleep 1; }
runs() { psql -c "SELECT string_agg(job || ' ' || n, ', ' ORDER BY job) FROM (SELECT job, count(*) AS n FROM ran GROUP BY job) q"; }
state() { psql -c "SELECT string_agg(jobid || CASE WHEN jobagentid IS NULL THEN coalesce(' waits for ' || jobnextrun::date, ' is off') ELSE ' is running' END, ', ' ORDER BY jobid) FROM pgagent.pga_job"; }
start; check "the 1st 1, the 31st 1" "runs" "$(runs)"; check "1 waits for 2101-04-01, 2 is running, 31 is running" "state" "$(state)"
check "1 s, 2 r, 31 r" "log (s: success, r: running)" "$(psql -c "SELECT string_agg(jlgjobid || ' ' || jlgstatus, ', ' ORDER BY jlgjobid) FROM pgagent.pga_joblog")"
stop; start; check "1 waits for 2101-04-01, 2 is running, 31 is running" "the agent stopped and started anew" "$(state)"; check "the 1st 1, the 31st 1" "runs" "$(runs)"
stop; psql -c "UPDATE pgagent.pga_job SET jobenabled = false WHERE jobid = 31"; start; check "1 waits for 2101-04-01, 2 waits for 2101-04-02, 31 is off" "... the job for the 31st switched off" "$(state)"
exit $failed
