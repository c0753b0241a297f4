#!/usr/bin/env bash
# Expected: pg_format lays out SQL for people (in editors, pre-commit hooks, reviews of migrations); what stands between single quotes is data and stays as it is, letter by
#   letter, and so the statement finds and writes what it did before.
# Happens: pgFormatter 5.5 (Debian 12) takes '\' for a string that goes on, as it would be in E'...'; in PostgreSQL it is whole, as in the textbook's ESCAPE '\'. From there to
#   the end of the statement inside and outside change places: ' AND source = ' is the text and shop-de is SQL, to be laid out: ' shop - de'. It mostly is valid SQL again,
#   with other values: an UPDATE finds no row, a DELETE ... NOT IN ('shop-de') takes what it was to leave, a secret whsec_A+b/c== is stored with blanks, in a URL the word
#   in is IN. A path 'C:\in\' and replace(path, '\', '/') do the same. No warning, status 0. Without a backslash at the end of a string all of these stay as they are.
# Means: the change shows in no review of a reformatted file, as all of it changed. Use another sign (ESCAPE '!'), write E'\\', or compare before and after by a parser:
#   the trees of pglast or pg_query differ.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m fast stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 pgformatter >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in postgresql-15_* pgformatter_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f pgformatter_* Version) == 5.5-* ]] || { echo "   changed: expected pgformatter 5.5"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu LC_ALL=C PGHOST=127.0.0.1 PGUSER=u PGDATABASE=postgres PGPORT=$port
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
psql() { "$bin/psql" -X -q -At -F ' ' "$@"; }; failed=0
psql -c "CREATE TABLE hook (id int, kind text, source text, url text, secret text)" -c "INSERT INTO hook VALUES (1, 'order_paid', 'shop-de', '', ''), (2, 'order_paid', 'shop-at', '', '')"
formatted() { perl -I"$dir/root/usr/share/perl5" root/usr/bin/pg_format "$1"; }
show() { # show WANTED WANTED-FORMATTED STATEMENT: runs it as it is and as pg_format writes it, each in a transaction that is taken back
  local got after; echo "$3;" > one.sql; formatted one.sql > two.sql
  got=$(psql -c BEGIN -f one.sql -c ROLLBACK 2>&1 | tr '\n' '|'); after=$(psql -c BEGIN -f two.sql -c ROLLBACK 2>&1 | tr '\n' '|')
  printf '%s\n  as it is:  %s\n  formatted: %s\n' "$3" "$got" "$after"
  [ "$got" = "$1" ] && [ "$after" = "$2" ] || { echo "   changed: expected $1 and $2"; failed=1; }
}
show '1|' '1|' "UPDATE hook SET secret = 'x' WHERE kind LIKE 'order!_%' ESCAPE '!' AND source = 'shop-de' RETURNING id"
show '1|' '' "UPDATE hook SET secret = 'x' WHERE kind LIKE 'order\_%' ESCAPE '\\' AND source = 'shop-de' RETURNING id"
show '2|' '2|' "DELETE FROM hook WHERE kind LIKE 'order\_%' AND source NOT IN ('shop-de', 'shop-fr') RETURNING id"
show '2|' '1|2|' "DELETE FROM hook WHERE kind LIKE 'order\_%' ESCAPE '\\' AND source NOT IN ('shop-de', 'shop-fr') RETURNING id"
new="'https://shop.example/in?a=1&b=2', 'whsec_A+b/c=='"; kept='https://shop.example/in?a=1&b=2 whsec_A+b/c=='
show "C:\in $kept|" "C:\in $kept|" "INSERT INTO hook VALUES (3, 'x', 'C:\in', $new) RETURNING source, url, secret"
show "C:\in\\ $kept|" "C:\in\\  https: // shop.example / IN ? a = 1 & b = 2 whsec_A + b / c == |" "INSERT INTO hook VALUES (3, 'x', 'C:\in\\', $new) RETURNING source, url, secret"
show "C:\in\\ $kept|" "C:\in\\ $kept|" "INSERT INTO hook VALUES (3, 'x', E'C:\\\\in\\\\', $new) RETURNING source, url, secret"
show 'in/new|' 'in/new|' "SELECT replace('in-new', '-', '/')"
show 'in/new|' 'in / new|' "SELECT replace('in\\new', '\\', '/')"
exit $failed
