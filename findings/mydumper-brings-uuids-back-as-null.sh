#!/usr/bin/env bash
# Expected: a backup by mydumper, restored by myloader, has the values that the tables had, or one of the two ends with an error. Its files hold them: in each INSERT one can
#   read the UUIDs.
# Happens: mydumper 0.10.1 (Debian 12) begins each file with SET NAMES binary, and MariaDB 10.11 (Debian 12) takes a text in that character set for the 16 bytes of a UUID
#   (4 or 16 of an address), which it is not; without a strict mode that is a warning, which myloader does not show. Each column of type UUID, INET6 or INET4 is NULL after
#   the restore, in all rows, or where NULL is not allowed 00000000-0000-0000-0000-000000000000, :: and 0.0.0.0; both programs end with 0. Only where the
#   UUID must be unique, and there are two rows, there is an error. An INVISIBLE column is not in the dump and has its default in each row. mariadb-dump of
#   the same server restores all of it.
# Means: the backup runs every night with status 0 and right row counts, and the ids of the events, by which repeats are recognised, are gone. Restore it once and compare
#   (CHECKSUM TABLE ... EXTENDED), keep ids as CHAR(36) or BINARY(16), or replace the first line of the files (SET NAMES utf8mb4, see below) before loading.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); server=; trap '[ -z "$server" ] || { kill $server; wait $server; } 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq mydumper libpcre3 libmariadb3 mariadb-client mariadb-client-core mariadb-server-core libaio1 libnuma1 liburing2 libpcre2-8-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in mydumper_*.deb mariadb-server-core_*.deb; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f mydumper_*.deb Version) == 0.10.1-* && $(dpkg -f mariadb-server-core_*.deb Version) == 1:10.11.* ]] || { echo "   changed: expected 0.10.1 and 10.11"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu; mkdir data
root/usr/sbin/mariadbd --no-defaults --user="$(id -un)" --datadir="$dir/data" --socket="$dir/s" --pid-file="$dir/pid" --skip-networking --skip-grant-tables \
  --lc-messages-dir="$dir/root/usr/share/mysql" --character-sets-dir="$dir/root/usr/share/mysql/charsets" --innodb-log-file-size=4M >mariadb.log 2>&1 & server=$!
maria() { root/usr/bin/mariadb --no-defaults -S s -N --raw --default-character-set=utf8mb4 "$@"; }; failed=0
for _ in $(seq 200); do maria -e "SELECT 1" >/dev/null 2>&1 && break; sleep 0.1; done
maria <<'E'
CREATE DATABASE shop CHARACTER SET utf8mb4; USE shop;
CREATE TABLE event (n INT PRIMARY KEY, id UUID, sender INET6, v4 INET4, body JSON, at DATETIME(6), raw BLOB, amount DECIMAL(12,2), r DOUBLE, note TEXT, secret TEXT INVISIBLE DEFAULT 'none');
INSERT INTO event (n, id, sender, v4, body, at, raw, amount, r, note, secret) VALUES
  (1, '0193e2a4-0000-7000-8000-00000000000a', '2001:db8::1', '10.0.0.1', '{"id": "evt_1"}', '2026-01-01 00:00:00.123456', x'00ff27225c0a1a', 19.99, 1767225600.123456, 'größe 😀', 'whsec_1'),
  (2, '0193e2a4-0000-7000-8000-00000000000b', '::ffff:10.0.0.2', '10.0.0.2', '{"id": "evt_2"}', '2026-01-01 00:00:01', x'', 20, 0.1, '', 'whsec_2');
CREATE TABLE delivery (n INT PRIMARY KEY, event_id UUID NOT NULL, target INET6 NOT NULL, v4 INET4 NOT NULL, KEY (event_id));
INSERT INTO delivery SELECT n, id, sender, v4 FROM event;
CREATE TABLE plain (n INT PRIMARY KEY, id CHAR(36), b BINARY(16)); INSERT INTO plain SELECT n, id, UNHEX(REPLACE(id, '-', '')) FROM event;
E
show() { # show WANTED NAME GOT
  printf '%-62s %s\n' "$2" "$3"; [[ $3 == "$1" ]] || { echo "   changed: expected $1"; failed=1; }
}
rows() { maria -e "$1" | tr '\t\n' ' ,' | sed 's/,$//'; }
code=0; root/usr/bin/mydumper -S "$dir/s" -B shop -o "$dir/dump" >dump.log 2>&1 || code=$?; show "0 " "mydumper: exit code, and what it says" "$code $(cat dump.log)"
show "2" "UUIDs that can be read in its file" "$(grep -o '0193e2a4-0000-7000-8000-00000000000.' dump/shop.event.sql | wc -l)"
code=0; root/usr/bin/myloader -S "$dir/s" -d "$dir/dump" -B restored >load.log 2>&1 || code=$?; show "0 " "myloader: exit code, and what it says" "$code $(cat load.log)"
root/usr/bin/mariadb-dump --no-defaults -S s --default-character-set=utf8mb4 shop >shop.sql; maria -e "CREATE DATABASE other"; maria other <shop.sql
whole="1 0193e2a4-0000-7000-8000-00000000000a 2001:db8::1 10.0.0.1,2 0193e2a4-0000-7000-8000-00000000000b ::ffff:10.0.0.2 10.0.0.2"
zero="00000000-0000-0000-0000-000000000000 :: 0.0.0.0"
show "$whole" "shop, event" "$(rows "SELECT n, id, sender, v4 FROM shop.event")"
show "1 NULL NULL NULL,2 NULL NULL NULL" "restored by myloader" "$(rows "SELECT n, id, sender, v4 FROM restored.event")"
show "$whole" "restored from mariadb-dump" "$(rows "SELECT n, id, sender, v4 FROM other.event")"
show "1 $zero,2 $zero" "delivery (NOT NULL), restored by myloader" "$(rows "SELECT * FROM restored.delivery")"
show "$whole" "the same from mariadb-dump" "$(rows "SELECT * FROM other.delivery")"
show "none,none" "an INVISIBLE column, restored by myloader" "$(rows "SELECT secret FROM restored.event")"
show "whsec_1,whsec_2" "the same from mariadb-dump" "$(rows "SELECT secret FROM other.event")"
show "2" "rows in which the other columns are the same" "$(rows "SELECT COUNT(*) FROM shop.event a JOIN restored.event b USING (n, body, at, raw, amount, r, note)")"
show "1 1" "plain (CHAR(36), BINARY(16)) and other.event: same checksum" "$(maria -e "CHECKSUM TABLE shop.plain, restored.plain, shop.event, other.event EXTENDED" | awk '{ c[NR] = $2 } END { print (c[1] == c[2]), (c[3] == c[4]) }')"
sed -i '1s/binary/utf8mb4/' dump/shop.delivery.sql; maria -e "DELETE FROM restored.delivery"; maria restored <dump/shop.delivery.sql
show "$whole" "delivery, from mydumper's file with SET NAMES utf8mb4" "$(rows "SELECT * FROM restored.delivery")"
maria -e "CREATE DATABASE keyed; CREATE TABLE keyed.event (id UUID PRIMARY KEY); INSERT INTO keyed.event SELECT id FROM shop.event"
root/usr/bin/mydumper -S "$dir/s" -B keyed -o "$dir/keyed" >/dev/null 2>&1
code=0; root/usr/bin/myloader -S "$dir/s" -d "$dir/keyed" -B keyed2 >load.log 2>&1 || code=$?; show "1 0" "a UUID as the key of two rows: exit code of myloader, rows" "$code $(rows "SELECT COUNT(*) FROM keyed2.event")"
exit $failed
