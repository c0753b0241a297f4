#!/usr/bin/env bash
# Expected: sqlt (SQL::Translator) reads the schema of one database and writes it for another, or for the same one with other options; DBIx::Class deploys with it. Its page on the parser for PostgreSQL has
#   CREATE [UNIQUE] INDEX ... [WHERE predicate] and defaults among what it reads. What it can't read it reports.
# Happens: SQL::Translator 1.62 (Debian 12) makes CREATE INDEX of each CREATE UNIQUE INDEX, for PostgreSQL, MySQL and SQLite alike. DEFAULT now() becomes
#   DEFAULT 'now()', a text that PostgreSQL 15 reads once, when the table is made: from then on every row has the moment of the migration. double precision becomes float(20), which is a real
#   with seven digits. For SQLite, DEFAULT false becomes 'false', a text: WHERE active = 0 does not find it. No warning, and the result is valid SQL.
# Means: the index that refused repeats lets them in, on the new database only; each event has one time, so "the latest" and "older than an hour" mean nothing; an amount of
#   1234567.89 is 1234567.9. Look for UNIQUE, now() and float in what it wrote, or copy a schema by pg_dump. (The source of 1.66 of 2024, the newest, has the same line about UNIQUE.)
# The versions are those of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; for tool in apt-get python3 perl; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get, python3, perl)"; exit 2; }; done
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 libsql-translator-perl libmoo-perl libsub-quote-perl libclass-method-modifiers-perl librole-tiny-perl libmodule-runtime-perl libpackage-variant-perl \
  libtry-tiny-perl libcarp-clan-perl libparse-recdescent-perl libfile-sharedir-perl libclass-inspector-perl libdbi-perl libstrictures-perl libimport-into-perl libclass-xsaccessor-perl >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in postgresql-15_* libsql-translator-perl_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f libsql-translator-perl_* Version) == 1.62-* ]] || { echo "   changed: expected SQL::Translator 1.62"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu LC_ALL=C PGHOST=127.0.0.1 PGUSER=u PGDATABASE=postgres PGPORT=$port
PERL5LIB=$dir/root/usr/share/perl5:$(echo "$dir"/root/usr/lib/x86_64-linux-gnu/perl5/5*); export PERL5LIB
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
psql() { "$bin/psql" -X -q -At -v ON_ERROR_STOP=1 "$@"; }
failed=0; check() { printf '%s: %s\n' "$1" "$2"; [ "$2" = "$3" ] || { printf '   changed: expected %s\n' "$3"; failed=1; }; }
cat > schema.sql <<'E'
CREATE TABLE orders (
  id bigint NOT NULL,
  event character varying(64) NOT NULL,
  amount double precision,
  created timestamp with time zone DEFAULT now(),
  active boolean DEFAULT false NOT NULL,
  PRIMARY KEY (id)
);
CREATE UNIQUE INDEX one_event ON orders (event);
E
grep -v now schema.sql > plain.sql
sqlt() { perl root/usr/bin/sqlt --from PostgreSQL --to "$1" --no-comments "$2" 2>>errors; }
sqlt PostgreSQL schema.sql > new.sql; sqlt SQLite plain.sql > lite.sql
for kind in PostgreSQL SQLite MySQL; do check "the index for $kind" "$(sqlt $kind plain.sql | grep -i one_event | tr -d '"`' | xargs)" "$(case $kind in PostgreSQL) echo 'CREATE INDEX one_event on orders (event);';; SQLite) echo 'CREATE INDEX one_event ON orders (event);';; *) echo 'INDEX one_event (event),';; esac)"; done
check "reported" "$(wc -c < errors)" 0
for schema in schema new; do
  echo "$schema.sql on PostgreSQL:"; psql -c 'DROP TABLE IF EXISTS orders' -f $schema.sql 2>/dev/null
  # The text 'now()' was read when the table was made; a second later, two rows come a second apart.
  row() { if psql -c "INSERT INTO orders (id, event, amount) VALUES ($1, '$2', 1234567.89)" 2>out; then echo stored; else grep -o 'duplicate key' out; fi; }
  sleep 1; check "  one event twice" "$(row 1 evt_1), $(row 2 evt_1)" "$([ $schema = schema ] && echo 'stored, duplicate key' || echo 'stored, stored')"; sleep 1; row 3 evt_3 >/dev/null
  check "  times in these seconds" "$(psql -c "SELECT count(DISTINCT date_trunc('second', created)) > 1 FROM orders")" "$([ $schema = schema ] && echo t || echo f)"
  check "  the last row is older than a second" "$(psql -c "SELECT clock_timestamp() - created > '1 second' FROM orders WHERE id = 3")" "$([ $schema = schema ] && echo f || echo t)"
  check "  1234567.89 is stored as" "$(psql -c 'SELECT amount FROM orders WHERE id = 1')" "$([ $schema = schema ] && echo 1234567.89 || echo 1.2345679e+06)"
  check "  the type of the amount" "$(psql -c 'SELECT pg_typeof(amount) FROM orders WHERE id = 1')" "$([ $schema = schema ] && echo 'double precision' || echo real)"
done
check "in SQLite: active of a new row, rows with active = 0" "$(python3 - <<'E'
import sqlite3
db = sqlite3.connect(":memory:"); db.executescript(open("lite.sql").read()); db.execute("INSERT INTO orders (id, event) VALUES (1, 'evt_1')"); db.execute("INSERT INTO orders (id, event) VALUES (2, 'evt_1')")
print([row[0] for row in db.execute("SELECT active FROM orders")], db.execute("SELECT count(*) FROM orders WHERE active = 0").fetchone()[0])
E
)" "['false', 'false'] 0"
exit $failed
