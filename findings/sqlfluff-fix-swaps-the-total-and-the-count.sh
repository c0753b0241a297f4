#!/usr/bin/env bash
# Expected: `sqlfluff fix` mends layout and style of SQL; its rule ST06 puts plain columns before calculated ones, and leaves alone what goes by position, as one sees: INSERT ...
#   SELECT, UNION, CREATE TABLE ... AS, and a view, a CTE or an alias with a list of names.
# Happens: sqlfluff 4.5.0, dialect postgres, rules as they come, also reorders where the names stand elsewhere: UPDATE ... SET (total, n) = (SELECT sum(..), ref ..) becomes (SELECT
#   ref, sum(..)), so the total is the number and the number the total; DELETE ... WHERE (kind, ref) NOT IN (SELECT lower(kind), ref ..) looks for (ref, kind) and deletes
#   what it was to keep; an INSERT ... SELECT * FROM q gets what q, a CTE before the INSERT, has in another order; so a materialized view with a list of names, a SQL
#   function (BEGIN ATOMIC), COPY (SELECT ..) TO and a prepared statement. PostgreSQL 15 (Debian 12) runs each without an error wherever the types allow it; what
#   `sqlfluff fix` says is "fixable linting violations", as for a blank.
# Means: the pre-commit hook swaps amounts in a commit that says "format". Exclude ST06 (exclude_rules = structure.column_order), or fix layout alone (--rules layout), and let
#   tests run after the hook.
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
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu LC_ALL=C PGHOST=127.0.0.1 PGUSER=u PGDATABASE=postgres PGPORT=$port
mkdir data before after; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
psql() { "$bin/psql" -X -q -At -F ' ' "$@"; }; failed=0
psql <<'S'
CREATE TABLE orders (id int, total int, n int); INSERT INTO orders VALUES (7, 0, 0);
CREATE TABLE line (ref int, cents int); INSERT INTO line VALUES (7, 1000), (7, 999);
CREATE TABLE event (kind text, ref text); INSERT INTO event VALUES ('paid', 'A1'), ('sent', 'A2'); CREATE TABLE keep (kind text, ref text); INSERT INTO keep VALUES ('Paid', 'A1');
S
names=(); statements=(); looks=(); wanted=(); other=()
add() { names+=("$1"); statements+=("$2"); looks+=("$3"); wanted+=("$4"); other+=("$5"); printf '%s;\n' "$2" > "before/${#names[@]}.sql"; cp "before/${#names[@]}.sql" after/; }
add "insert" "INSERT INTO orders (total, n) SELECT sum(cents), ref FROM line GROUP BY ref" "SELECT total, n FROM orders WHERE id IS NULL" "1999 7" "1999 7"
add "union" "SELECT 1, 2 UNION ALL SELECT sum(cents), ref FROM line GROUP BY ref" "" "1 2;1999 7" "1 2;1999 7"
add "view with names" "CREATE VIEW v (total, n) AS SELECT sum(cents), ref FROM line GROUP BY ref" "SELECT total, n FROM v" "1999 7" "1999 7"
add "table" "CREATE TABLE t (total, n) AS SELECT sum(cents), ref FROM line GROUP BY ref" "SELECT total, n FROM t" "1999 7" "1999 7"
add "update" "UPDATE orders SET (total, n) = (SELECT sum(l.cents), l.ref FROM line AS l WHERE l.ref = orders.id GROUP BY l.ref)" "SELECT total, n FROM orders" "1999 7" "7 1999"
add "row in" "SELECT event.ref FROM event WHERE (kind, ref) IN (SELECT lower(kind), ref FROM keep)" "" "A1" ""
add "delete" "DELETE FROM event WHERE (kind, ref) NOT IN (SELECT lower(keep.kind), keep.ref FROM keep)" "SELECT ref FROM event" "A1" ""
add "cte, insert" "WITH q AS (SELECT sum(cents) AS s, ref FROM line GROUP BY ref) INSERT INTO orders (total, n) SELECT * FROM q" "SELECT total, n FROM orders WHERE id IS NULL" "1999 7" "7 1999"
add "materialized view" "CREATE MATERIALIZED VIEW m (total, n) AS SELECT sum(cents), ref FROM line GROUP BY ref" "SELECT total, n FROM m" "1999 7" "7 1999"
add "function" "CREATE FUNCTION f() RETURNS TABLE (total bigint, n bigint) LANGUAGE sql BEGIN ATOMIC SELECT sum(cents), ref FROM line GROUP BY ref; END" "SELECT total, n FROM f()" "1999 7" "7 1999"
add "copy" "COPY (SELECT sum(cents), ref FROM line GROUP BY ref) TO STDOUT" "" "1999 7" "7 1999"
add "prepare" "PREPARE p AS SELECT sum(cents), ref FROM line GROUP BY ref" "EXECUTE p" "1999 7" "7 1999"
mkdir layout; cp before/[5-8].sql layout
v/bin/sqlfluff fix --dialect postgres --nocolor after >fix.log 2>&1 || true; grep -E '^[0-9]+ fixable' fix.log || { tail -5 fix.log; echo "   changed: expected fixes"; failed=1; }
run() { psql -c BEGIN -f "$1" ${2:+-c "$2"} -c ROLLBACK 2>&1 | tr '\n\t' '; ' | sed 's/;$//'; }
for i in "${!names[@]}"; do
  file=$((i + 1)).sql; got="$(run before/$file "${looks[i]}")"; fixed="$(run after/$file "${looks[i]}")"
  printf '%s\n  %s\n  %s\n  before: %-14s after: %s\n' "${names[i]}" "$(tr -s ' \n' ' ' <before/$file)" "$(tr -s ' \n' ' ' <after/$file)" "$got" "$fixed"
  [ "$got" = "${wanted[i]}" ] && [ "$fixed" = "${other[i]}" ] || { echo "   changed: expected ${wanted[i]} and ${other[i]}"; failed=1; }
done
v/bin/sqlfluff fix --dialect postgres --nocolor --exclude-rules structure.column_order layout >/dev/null 2>&1 || true
got=; for i in 4 5 6 7; do [ "$(run "layout/$((i + 1)).sql" "${looks[i]}")" = "${wanted[i]}" ] || got+="${names[i]} "; done
echo "update to cte, insert, without structure.column_order: changed ${got:-none}"; [ -z "$got" ] || { echo "   changed: expected none"; failed=1; }
exit $failed
