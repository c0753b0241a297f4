#!/usr/bin/env bash
# Expected: `sqlfluff fix` takes quotes away from a name only where they are not needed (rule RF06); it knows the reserved words of the dialect, and leaves "order" and
#   "current_date" as they are.
# Happens: sqlfluff 4.5.0, dialect postgres, rules as they come, makes user of "user" and current_user of "current_user". In PostgreSQL these are no columns, but the role
#   of the session: each row shows the role, WHERE "user" = 'anna' finds nothing, <> 'anna' finds all, and a DELETE takes all; GROUP BY makes one group. No error with PostgreSQL
#   15 (Debian 12). Behind a table's name, e.user, it is the column still; in SET and in a list of an INSERT it is a syntax error. And JOIN .. USING (id) becomes ON a.id = b.id,
#   also below SELECT *: id comes twice then, so with FULL JOIN the id of a row that only one side has is NULL in the one and there in the other; a client that
#   reads by name gets either.
# Means: a column named user, as in most logs of events, is one formatting commit away from a report about the application's role. Write e."user" with the table in front, name
#   the columns instead of *, exclude RF06 and ST07, and run the queries of both sides.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m fast stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 >apt.log 2>&1 || { cat apt.log; exit 2; }
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check sqlfluff==4.5.0
dpkg -f postgresql-15_* Package Version | xargs; v/bin/sqlfluff --version
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu LC_ALL=C PGHOST=127.0.0.1 PGUSER=app PGDATABASE=postgres PGPORT=$port
mkdir data before after; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U app -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
psql() { "$bin/psql" -X -q -At -F ' ' "$@"; }; failed=0
psql <<'S'
CREATE TABLE event (id int, "user" text, "current_user" text, "order" text, amount int); INSERT INTO event VALUES (1, 'anna', 'anna', 'A1', 5), (2, 'bert', 'bert', 'A2', 7), (3, 'anna', 'anna', 'A3', 9);
CREATE TABLE plan (id int, n int); INSERT INTO plan VALUES (1, 10), (2, 20); CREATE TABLE done (id int, m int); INSERT INTO done VALUES (2, 200), (3, 300);
S
names=(); statements=(); looks=(); wanted=(); other=()
add() { names+=("$1"); statements+=("$2"); looks+=("$3"); wanted+=("$4"); other+=("$5"); printf '%s;\n' "$2" > "before/${#names[@]}.sql"; cp "before/${#names[@]}.sql" after/; }
add "order" 'SELECT id, "order" FROM event ORDER BY id' "" "1 A1;2 A2;3 A3" "1 A1;2 A2;3 A3"
add "user" 'SELECT id, "user" FROM event ORDER BY id' "" "1 anna;2 bert;3 anna" "1 app;2 app;3 app"
add "current_user" 'SELECT id, "current_user" FROM event ORDER BY id' "" "1 anna;2 bert;3 anna" "1 app;2 app;3 app"
add "with the table" 'SELECT e.id, e."user" FROM event AS e ORDER BY e.id' "" "1 anna;2 bert;3 anna" "1 anna;2 bert;3 anna"
add "where" "SELECT id FROM event WHERE \"user\" = 'anna' ORDER BY id" "" "1;3" ""
add "where not" "SELECT id FROM event WHERE \"user\" <> 'anna' ORDER BY id" "" "2" "1;2;3"
add "delete" "DELETE FROM event WHERE \"user\" NOT IN ('anna', 'carl')" "SELECT count(*) FROM event" "2" "0"
add "group" 'SELECT "user", sum(amount) AS total FROM event GROUP BY "user" ORDER BY "user"' "" "anna 14;bert 7" "app 21"
add "using" 'SELECT * FROM plan FULL JOIN done USING (id) ORDER BY n' "" "1 10 ;2 20 200;3  300" "1 10  ;2 20 2 200;  3 300"
v/bin/sqlfluff fix --dialect postgres --nocolor after >fix.log 2>&1 || true; grep -E '^[0-9]+ fixable' fix.log || { tail -5 fix.log; echo "   changed: expected fixes"; failed=1; }
run() { psql -c BEGIN -f "$1" ${2:+-c "$2"} -c ROLLBACK 2>&1 | tr '\n\t' '; ' | sed 's/;$//'; }
for i in "${!names[@]}"; do
  file=$((i + 1)).sql; got="$(run before/$file "${looks[i]}")"; fixed="$(run after/$file "${looks[i]}")"
  printf '%s\n  %s\n  %s\n  before: %-24s after: %s\n' "${names[i]}" "$(tr -s ' \n' ' ' <before/$file)" "$(tr -s ' \n' ' ' <after/$file)" "$got" "$fixed"
  [ "$got" = "${wanted[i]}" ] && [ "$fixed" = "${other[i]}" ] || { echo "   changed: expected ${wanted[i]} and ${other[i]}"; failed=1; }
done
exit $failed
