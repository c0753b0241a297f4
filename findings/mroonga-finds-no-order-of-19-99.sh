#!/usr/bin/env bash
# Expected: ENGINE=Mroonga, the engine for full-text search that MariaDB ships, is a column store with keys as other engines have; so an index on an amount makes a query faster and
#   changes no answer, and a new column has its default in the rows that are there, or there is an error or a warning.
# Happens: MariaDB 10.11 (Debian 12), no NULL anywhere, strict mode: the index of a DECIMAL column goes by its letters. WHERE amount = 19.99 finds no order of 19.99, IN and a join
#   neither; ORDER BY amount DESC LIMIT 2 gives 9.50 and 20.00 as the largest, where there are 100.50 and 1234567890.12, and the two smallest above 1 are 100.50 and 1234567890.12.
#   Without the index all of these are right; COUNT, SUM and WHERE amount > 10 are right with it. ALTER TABLE ... ADD n INT NOT NULL DEFAULT 7 puts 0 into all rows that are
#   there, index or not (new ones get 7), and a REPLACE whose unique event is known keeps the old id beside the new values. No error and no warning in any of these.
# Means: a search table that is also asked for amounts loses orders on the day someone adds an index, and "no such payment" leads to a second one. Keep amounts as BIGINT in cents
#   there, fill new columns by an UPDATE, or use Mroonga in wrapper mode (COMMENT='engine "InnoDB"'), which is right in all of these.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null && wait $server || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq mariadb-server-core mariadb-client-core mariadb-plugin-mroonga libaio1 libnuma1 liburing2 libpcre2-8-0 libgroonga0 libmsgpackc2 liblz4-1 libstemmer0d >apt.log 2>&1 ||
  { cat apt.log; exit 2; }
for package in mariadb-plugin-mroonga*.deb libgroonga0*.deb; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f mariadb-plugin-mroonga*.deb Version) == 1:10.11.* ]] || { echo "   changed: expected 10.11"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu; mkdir data
root/usr/sbin/mariadbd --no-defaults --user="$(id -un)" --datadir="$dir/data" --socket="$dir/s" --pid-file="$dir/pid" --skip-networking --skip-grant-tables \
  --plugin-dir="$dir/root/usr/lib/mysql/plugin" --plugin-load-add=ha_mroonga.so --lc-messages-dir="$dir/root/usr/share/mysql" \
  --character-sets-dir="$dir/root/usr/share/mysql/charsets" --innodb-log-file-size=4M >mariadb.log 2>&1 & server=$!
maria() { root/usr/bin/mariadb --no-defaults -S s -N --raw --show-warnings --default-character-set=utf8mb4 "$@" 2>&1; }
for _ in $(seq 200); do maria -e "CREATE DATABASE IF NOT EXISTS d" >/dev/null && break; sleep 0.1; done
failed=0; maria -e "SELECT @@sql_mode" | grep -q STRICT_TRANS_TABLES || { echo "   changed: expected strict mode"; failed=1; }
table() { # table NAME KEY ENGINE
  maria d -e "CREATE TABLE $1 (id INT NOT NULL PRIMARY KEY, event VARCHAR(40) NOT NULL, amount DECIMAL(12, 2) NOT NULL, state VARCHAR(10) NOT NULL, UNIQUE KEY (event) $2) ENGINE=$3 DEFAULT CHARSET=utf8mb4;
    INSERT INTO $1 VALUES (1, 'evt_1', 19.99, 'new'), (2, 'evt_2', -5, 'new'), (3, 'evt_3', 100.50, 'new'), (4, 'evt_4', 9.50, 'new'), (5, 'evt_5', 1234567890.12, 'new'), (6, 'evt_6', 20, 'new')"
}
maria d -e "CREATE TABLE price (amount DECIMAL(12, 2) NOT NULL) ENGINE=InnoDB; INSERT INTO price VALUES (19.99), (100.50)"
table innodb ", KEY (amount)" InnoDB; table plain "" Mroonga; table keyed ", KEY (amount)" Mroonga; table wrapped ", KEY (amount)" "Mroonga COMMENT='engine \"InnoDB\"'"
show() { # show WANTED SQL [WANTED-OF-KEYED [WANTED-OF-PLAIN]]: the same for the four tables
  local name got wanted; echo "${2//TABLE_T/t}"
  for name in innodb wrapped plain keyed; do
    got=$(maria d -e "${2//TABLE_T/$name}" | tr '\n\t' '; ') || true; got=${got%;}; wanted=$1
    [ $name != keyed ] || wanted=${3-$1}; [ $name != plain ] || wanted=${4-$1}
    printf '  %-8s %s\n' $name "$got"; [ "$got" = "$wanted" ] || { echo "   changed: expected $wanted"; failed=1; }
  done
}
show "6;1234568035.11" "SELECT COUNT(*) FROM TABLE_T; SELECT SUM(amount) FROM TABLE_T"
show "1;3;5;6" "SELECT id FROM TABLE_T WHERE amount > 10 ORDER BY id"
show "1" "SELECT id FROM TABLE_T WHERE amount = 19.99" ""
show "3" "SELECT id FROM TABLE_T WHERE amount IN (100.5)" ""
show "1;3" "SELECT t.id FROM price p STRAIGHT_JOIN TABLE_T t ON t.amount = p.amount ORDER BY t.id" ""
show "5;3" "SELECT id FROM TABLE_T ORDER BY amount DESC LIMIT 2" "4;6"
show "4;1" "SELECT id FROM TABLE_T WHERE amount > 1 ORDER BY amount LIMIT 2" "3;5"
show "4" "SELECT MIN(id) FROM TABLE_T WHERE amount BETWEEN 5 AND 10"
show "1 0;2 0" "ALTER TABLE TABLE_T ADD m INT NOT NULL DEFAULT 0; SELECT id, m FROM TABLE_T WHERE id < 3 ORDER BY id"
show "1 7;2 7" "ALTER TABLE TABLE_T ADD n INT NOT NULL DEFAULT 7; SELECT id, n FROM TABLE_T WHERE id < 3 ORDER BY id" "1 0;2 0" "1 0;2 0"
show "9 7" "INSERT INTO TABLE_T (id, event, amount, state) VALUES (9, 'evt_9', 1, 'new'); SELECT id, n FROM TABLE_T WHERE event = 'evt_9'"
show "9 paid" "REPLACE INTO TABLE_T VALUES (9, 'evt_9', 2, 'paid', 1, 1); SELECT id, state FROM TABLE_T WHERE event = 'evt_9'"
show "10 sent" "REPLACE INTO TABLE_T VALUES (10, 'evt_9', 3, 'sent', 1, 1); SELECT id, state FROM TABLE_T WHERE event = 'evt_9'" "9 sent" "9 sent"
exit $failed
