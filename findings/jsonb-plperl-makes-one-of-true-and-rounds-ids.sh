#!/usr/bin/env bash
# Expected: a PL/Perl function of PostgreSQL with TRANSFORM FOR TYPE jsonb (extension jsonb_plperl) gets an event as a Perl hash and gives it back; what the function does
#   not touch stays what it was. jsonb itself keeps every digit, and the same transform for Python (jsonb_plpython3u) gives all of it back as it came.
# Happens: PostgreSQL 15 (Debian 12): each true comes back as 1 and each false as 0, and each number as a double of fifteen digits, whole numbers too, far below 2^53:
#   1234567890123456 is 1234567890123460, times in microseconds end in 0, 1700000000.123456 loses the last digit, in a function that only says "return $_[0]".
#   Strings, null and nesting are right, and so is a function without the transform, which gets the text.
# Means: after a trigger or an UPDATE that removes one field by such a function, @> '{"paid": false}' finds no event, and ten ids in a row have become two. Nothing warns, and
#   in Perl, 1 and 0 look right. Leave the transform out and use a JSON module of Perl that keeps both, do it in SQL (body - 'email'), or use jsonb_plpython3u.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 postgresql-plperl-15 postgresql-plpython3-15 libperl5.36 perl-modules-5.36 libpython3.11 libpython3.11-stdlib \
  libpython3.11-minimal >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f postgresql-plperl-15_* Package Version | xargs; [[ $(dpkg -f postgresql-plperl-15_* Version) == 15.* ]] || { echo "   changed: expected 15"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu LC_ALL=C PGHOST=127.0.0.1 PGUSER=u PGDATABASE=postgres PGPORT
export PERL5LIB=$dir/root/usr/lib/x86_64-linux-gnu/perl/5.36:$dir/root/usr/share/perl/5.36
PGPORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $PGPORT -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
psql() { "$bin/psql" -X -q -At -F ' ' -v ON_ERROR_STOP=1 "$@"; }; failed=0
psql <<'E'
CREATE EXTENSION plperl; CREATE EXTENSION jsonb_plperl; CREATE EXTENSION plpython3u; CREATE EXTENSION jsonb_plpython3u;
CREATE FUNCTION transformed(e jsonb) RETURNS jsonb TRANSFORM FOR TYPE jsonb LANGUAGE plperl AS 'return $_[0];';
CREATE FUNCTION plain(e jsonb) RETURNS jsonb LANGUAGE plperl AS 'return $_[0];';
CREATE FUNCTION python(e jsonb) RETURNS jsonb TRANSFORM FOR TYPE jsonb LANGUAGE plpython3u AS 'return e';
CREATE FUNCTION without_email(e jsonb) RETURNS jsonb TRANSFORM FOR TYPE jsonb LANGUAGE plperl AS 'my $e = $_[0]; delete $e->{email}; return $e;';
CREATE TABLE events (body jsonb);
E
check() { printf '%-52s %s\n' "$2" "$3"; [[ $3 == "$1" ]] || { echo "   changed: expected $1"; failed=1; }; }
while IFS='|' read -r json wanted; do
  check "${wanted:-$json}" "$json" "$(psql -c "SELECT transformed('$json')")"
  stored=$(psql -c "SELECT '$json'::jsonb"); [ "$(psql -c "SELECT plain('$json'), python('$json')")" = "$stored $stored" ] || { echo "   changed: not $stored without it and in Python"; failed=1; }
done <<'E'
{"a": ["x", "", "ü", null, {}, [], 1, 19.99, 0.1]}
1700000000123
123456789012345
1234567890123456|1234567890123460
1700000000123456|1700000000123460
9007199254740991|9007199254740990
1700000000.123456|1700000000.12346
52.520006600000001|52.5200066
true|1
false|0
{"ok": true, "paid": false}|{"ok": 1, "paid": 0}
E
psql -c "INSERT INTO events SELECT jsonb_build_object('id', 1700000000123450 + n, 'paid', false, 'email', 'a@example.org') FROM generate_series(0, 9) n"
show() { check "$1" "$2: ids, found as not paid" "$(psql -c "SELECT count(DISTINCT body->'id'), count(*) FILTER (WHERE body @> '{\"paid\": false}') FROM events")"; }
show "10 10" "ten events"
got=$(psql -c "BEGIN; UPDATE events SET body = body - 'email'" -c "SELECT count(DISTINCT body->'id'), count(*) FILTER (WHERE body @> '{\"paid\": false}') FROM events" -c ROLLBACK)
check "10 10" "   the e-mail removed in SQL" "$got"
psql -c "UPDATE events SET body = without_email(body)"; show "2 0" "   the e-mail removed in PL/Perl"
exit $failed
