#!/usr/bin/env bash
# Expected: PgQ, the queue within PostgreSQL, is part of a pg_dump like any other table: restored on a new server, producers and consumers go on where they were; pgq
#   marks its tables for the dump itself, the restore ends without an error, and insert_event() returns an id, in order.
# Happens: PgQ 3.5 with PostgreSQL 15 (Debian 12) cuts batches by transaction numbers, and a new server counts these from some 730 again. Until it has come to the
#   number of the old one (months, for most), ticker() raises "Invalid PgQ state" and no consumer gets anything; insert_event() goes on giving ids. Once the number
#   is reached, all looks well: the events of before the dump came, and new ones come; those inserted in between never do, to no consumer. They are in the table,
#   count as not pending, and the next rotations of the tables delete them. An event put back with event_retry(), and moved in that time, is gone, too. A new consumer
#   cannot be registered: the numbers that the sequences gave are not in the dump.
# Means: a move by dump, or a restore, loses what was accepted after it, without a trace once the error has stopped. Move with pg_upgrade or a standby, which keep
#   the number; or, before the first insert, bring the new server beyond it (pg_resetwal -x), or make the queue anew. It is so for every outbox with txids.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); bin=; trap 'for data in old new; do [ -z "$bin" ] || as "$bin/pg_ctl" -s -D $data -m immediate stop >/dev/null 2>&1 || true; done; rm -rf "$dir"' EXIT
# The servers do not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 postgresql-15-pgq3 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in postgresql-15_* postgresql-15-pgq3_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f postgresql-15-pgq3_* Version) == 3.5-* ]] || { echo "   changed: expected pgq 3.5"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu LC_ALL=C PGHOST=127.0.0.1 PGUSER=u PGDATABASE=postgres PGPORT
for data in old new; do
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'); declare "$data=$port"
  mkdir $data; [ "$(id -u)" != 0 ] || chown 65534:65534 $data; as "$bin/initdb" -D $data -U u -A trust -E UTF8 -N >/dev/null
  as "$bin/pg_ctl" -s -w -D $data -l $data/log -o "-p $port -k $dir/$data -c listen_addresses=127.0.0.1 -c fsync=off" start
done
psql() { "$bin/psql" -X -q -At -F ' ' -v ON_ERROR_STOP=1 "$@"; }; failed=0
show() { # show WANTED NAME COMMAND...
  local wanted=$1 name=$2 got; shift 2; got=$("$@" 2>&1 | tr '\n' ' ') || true; got=${got%% CONTEXT*}; got=${got% }
  printf '%-58s %s\n' "$name" "$got"; [[ $got == $wanted ]] || { echo "   changed: expected $wanted"; failed=1; }
}
insert() { for name in "$@"; do psql -c "SELECT pgq.insert_event('hooks', 'crawl', '$name')" >/dev/null || echo "no $name"; done; }
tick() { sleep 0.1; psql -c "SELECT pgq.force_tick('hooks')" >/dev/null; psql -c "SELECT pgq.ticker()" >/dev/null && echo ticked; }
consume() { # all batches that there are, each finished
  local batch; while batch=$(psql -c "SELECT pgq.next_batch('hooks', 'app')"); [ -n "$batch" ]; do
    psql -c "SELECT ev_data FROM pgq.get_batch_events($batch) ORDER BY ev_id" -c "SELECT FROM pgq.finish_batch($batch)" | grep . || true; done
}
transactions() { for _ in $(seq "$1"); do echo "SELECT pg_current_xact_id();"; done | psql >/dev/null; }
number() { psql -c "SELECT pg_current_xact_id()"; }
PGPORT=$old; psql -c "CREATE EXTENSION pgq" -c "SELECT FROM pgq.create_queue('hooks')" -c "SELECT FROM pgq.register_consumer('hooks', 'app')" >/dev/null
back() { # back NAME: takes the batch, puts that event of it back for later, and finishes
  local batch; batch=$(psql -c "SELECT pgq.next_batch('hooks', 'app')")
  psql -c "SELECT FROM pgq.event_retry($batch, (SELECT ev_id FROM pgq.get_batch_events($batch) WHERE ev_data = '$1'), 0)" -c "SELECT FROM pgq.finish_batch($batch)" >/dev/null
}
moved() { sleep 0.1; psql -c "SELECT pgq.maint_retry_events()"; }
transactions 400; insert evt_1; show ticked "old server, one event, ticker():" tick
back evt_1; show 1 "... evt_1 put back; maint_retry_events() moves:" moved; tick >/dev/null; show evt_1 "... the consumer gets:" consume
insert evt_2; tick >/dev/null; back evt_2; insert evt_3; show ticked "evt_2 put back, evt_3 not consumed yet, ticker():" tick; before=$(number)
"$bin/pg_dump" -Fc >dump; PGPORT=$new
show "" "pg_restore on the new server says:" "$bin/pg_restore" --exit-on-error -d postgres dump; after=$(number)
echo "transaction number: $before on the old server, $after on the new one"; [ "$after" -lt "$before" ] || { echo "   changed: expected a smaller one"; failed=1; }
show evt_3 "... the consumer gets:" consume
insert evt_4 evt_5; show 1 "two more events; maint_retry_events() moves:" moved
show "ERROR:  Invalid PgQ state: old xmin=*" "... ticker():" tick
show "" "... the consumer gets:" consume
transactions 500
show ticked "500 transactions later, ticker():" tick
show "" "... the consumer gets:" consume
insert evt_6; show ticked "one more event, ticker():" tick
show evt_6 "... the consumer gets:" consume
show 0 "pending, says get_consumer_info():" psql -c "SELECT pending_events FROM pgq.get_consumer_info('hooks', 'app')"
show "evt_4 evt_5" "in the table all the same:" psql -c "SELECT ev_data FROM pgq.event_1 WHERE ev_data IN ('evt_4', 'evt_5') ORDER BY ev_id"
show "ERROR:  duplicate key value violates unique constraint*" "register_consumer('hooks', 'other'):" psql -c "SELECT pgq.register_consumer('hooks', 'other')"
exit $failed
