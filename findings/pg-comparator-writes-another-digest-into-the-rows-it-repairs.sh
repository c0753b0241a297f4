#!/usr/bin/env bash
# Expected: `pg_comparator -S -D pgsql://.../event pgsql://.../copy` finds the rows in which two tables differ and makes the second like the first. It prints the key of each row that it
#   wrote (UPDATE 7, INSERT 9), a second run finds nothing, and the other columns of these rows are what they were.
# Happens: pg_comparator 2.3.2 (Debian 12) compares well, and writes all columns of such a row anew, as Perl's DBI has them: a bytea goes as a text, so each byte above 127 becomes two, and
#   it ends at the first zero byte. A SHA-256 of 32 bytes becomes 43 others here, or none where it begins with 00; a double of 0.30000000000000004 is 0.3. So it is for a row with another state
#   only, and for one that was missing. "UPDATE" and 0 all the same, and each further run prints these rows again. Text, jsonb, bigint, numeric and times are right.
# Means: the repair of a replica takes the digests and signatures by which repeats are known and bodies are checked, from the rows of that day and no others; and a nightly run makes the
#   same rows "equal" each night. Name the columns to write (.../event?id:state), keep digests as hexadecimal text, run it a second time: what it prints then is what it has spoilt.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; for tool in apt-get python3 perl; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get, python3, perl)"; exit 2; }; done
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 postgresql-comparator libdbi-perl libdbd-pg-perl >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in postgresql-15_* postgresql-comparator_* libdbd-pg-perl_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f postgresql-comparator_* Version) == 2.3.2-* ]] || { echo "   changed: expected pg_comparator 2.3.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu LC_ALL=C PGHOST=127.0.0.1 PGUSER=u PGDATABASE=postgres PGPORT=$port PGTZ=UTC
PERL5LIB=$(echo "$dir"/root/usr/lib/x86_64-linux-gnu/perl5/5*); export PERL5LIB
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
psql() { "$bin/psql" -X -q -At -v ON_ERROR_STOP=1 "$@"; }
failed=0; check() { printf '%s: %s\n' "$1" "$2"; [ "$2" = "$3" ] || { printf '   changed: expected %s\n' "$3"; failed=1; }; }
psql <<'E'
CREATE EXTENSION pgcmp;
CREATE TABLE event (id int PRIMARY KEY, state text NOT NULL, body jsonb, n bigint, amount numeric, at timestamptz, digest bytea, rate float8);
INSERT INTO event SELECT i, 'paid', '{"n": 9007199254740993, "t": "Größe \\ \""}', 9007199254740993, 19.90, '2026-11-29 22:00:00.123456+02', sha256(convert_to('evt_' || i, 'UTF8')), 0.1::float8 + 0.2
  FROM generate_series(1, 300) i;
UPDATE event SET digest = '\x0011' WHERE id = 8; UPDATE event SET digest = '\x6162636465' WHERE id = 10;
CREATE TABLE copy (LIKE event INCLUDING ALL); INSERT INTO copy SELECT * FROM event; UPDATE copy SET state = 'open' WHERE id IN (7, 8, 10, 11); DELETE FROM copy WHERE id = 9;
E
from=pgsql://u@127.0.0.1:$port/postgres/event to=pgsql://u@127.0.0.1:$port/postgres/copy
run() { timeout 30 perl root/usr/bin/pg_comparator "$@" 2>&1 | sort -V | xargs; }
check "found" "$(run "$from" $to)" "INSERT 9 UPDATE 7 UPDATE 8 UPDATE 10 UPDATE 11"
check "repaired, row 11 with ?id:state" "$(run -S -D --where 'id = 11' "$from?id:state" $to)" "UPDATE 11"
check "repaired, the others with all columns" "$(run -S -D "$from" $to)" "INSERT 9 UPDATE 7 UPDATE 8 UPDATE 10"
check "found by the next run" "$(run "$from" $to)" "UPDATE 7 UPDATE 8 UPDATE 9 UPDATE 10"
check "rows with another state" "$(psql -c 'SELECT count(*) FROM event e FULL JOIN copy c USING (id) WHERE e.state IS DISTINCT FROM c.state')" 0
check "rows with another digest" "$(psql -c "SELECT string_agg(id::text, ' ' ORDER BY id) FROM event e JOIN copy c USING (id) WHERE e.digest <> c.digest")" "7 8 9"
check "rows with another double" "$(psql -c "SELECT string_agg(id::text, ' ' ORDER BY id) FROM event e JOIN copy c USING (id) WHERE e.rate <> c.rate")" "7 8 9 10"
check "rows with another body, number, amount or time" "$(psql -c 'SELECT count(*) FROM event e JOIN copy c USING (id) WHERE (e.body, e.n, e.amount, e.at) IS DISTINCT FROM (c.body, c.n, c.amount, c.at)')" 0
check "the digest of row 7" "$(psql -c "SELECT left(encode(e.digest, 'hex'), 16) || '... of ' || length(e.digest) || ' bytes is ' || left(encode(c.digest, 'hex'), 16) || '... of ' || length(c.digest) FROM event e JOIN copy c USING (id) WHERE id = 7")" 'b1cca50f7e0c59d2... of 32 bytes is c2b1c38cc2a50f7e... of 43'
check "of row 8" "$(psql -c "SELECT e.digest::text || ' is ' || c.digest::text FROM event e JOIN copy c USING (id) WHERE id = 8")" '\x0011 is \x'
check "of row 10 (letters only)" "$(psql -c "SELECT e.digest::text || ' is ' || c.digest::text FROM event e JOIN copy c USING (id) WHERE id = 10")" '\x6162636465 is \x6162636465'
check "the double of row 7" "$(psql -c 'SELECT c.rate FROM copy c WHERE id = 7')" 0.3
check "the bytes of the digests of 300 events, written in this way" "$(python3 - <<'E'
import hashlib
sizes = [len(hashlib.sha256(b"evt_%d" % i).digest().split(b"\0")[0].decode("latin-1").encode()) for i in range(1, 301)]; print(f"{min(sizes)} to {max(sizes)}")
E
)" "1 to 57"
exit $failed
