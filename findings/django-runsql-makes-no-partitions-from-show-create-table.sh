#!/usr/bin/env bash
# Expected: what SHOW CREATE TABLE of MySQL or a dump prints, put into migrations.RunSQL as one string, makes that table; Django's page on RunSQL says that such a string is cut
#   into statements first (sqlparse), and that a string and a list of it are equivalent. /*!50100 ... */ is no comment to MySQL and MariaDB, but SQL for versions from 5.1 on.
# Happens: Django 5.2.8 with sqlparse 0.6.1 also takes all comments out before it sends a statement, and these with them. On MariaDB 10.11 (Debian 12), "migrate" says OK, and the
#   table has no partitions, a column is COMPRESSED or INVISIBLE no more (SELECT * gives the secret), INSERT /*! IGNORE */ is a plain INSERT; hints, /*+ ... */, stay. The same
#   letters in a list, RunSQL([sql]), or by cursor.execute(sql), keep all of it.
# Means: retention by ALTER TABLE ... DROP PARTITION fails months later, on a table too large to change; nothing in the migration or its output tells. Give RunSQL a list, with one
#   statement each, write PARTITION BY without the comment, and look at SHOW CREATE TABLE after migrate.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null && wait $server || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq mariadb-server-core mariadb-client-core libaio1 libnuma1 liburing2 libpcre2-8-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check django==5.2.8 sqlparse==0.6.1 pymysql==1.1.2 asgiref==3.10.0
dpkg -f mariadb-server-core*.deb Package Version | xargs; [[ $(dpkg -f mariadb-server-core*.deb Version) == 1:10.11.* ]] || { echo "   changed: expected 10.11"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; mkdir data app app/migrations; touch app/__init__.py app/migrations/__init__.py
lib=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu
LD_LIBRARY_PATH=$lib root/usr/sbin/mariadbd --no-defaults --user="$(id -un)" --datadir="$dir/data" --socket="$dir/s" --pid-file="$dir/pid" --skip-networking --skip-grant-tables \
  --lc-messages-dir="$dir/root/usr/share/mysql" --character-sets-dir="$dir/root/usr/share/mysql/charsets" --innodb-log-file-size=4M >mariadb.log 2>&1 & server=$!
for _ in $(seq 200); do LD_LIBRARY_PATH=$lib root/usr/bin/mariadb --no-defaults -S s -e "CREATE DATABASE IF NOT EXISTS d" >/dev/null 2>&1 && break; sleep 0.1; done
cat > app/migrations/0001_initial.py <<'P'
from django.db import migrations
def table(name): return f"""CREATE TABLE {name} (
  id bigint NOT NULL,
  day date NOT NULL,
  body text /*M!100301 COMPRESSED*/ NOT NULL,
  secret varchar(40) NOT NULL DEFAULT '' /*!100303 INVISIBLE */,
  PRIMARY KEY (id, day)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
/*!50100 PARTITION BY RANGE (to_days(day))
(PARTITION p202606 VALUES LESS THAN (to_days('2026-07-01')),
 PARTITION p202607 VALUES LESS THAN (to_days('2026-08-01'))) */"""
class Migration(migrations.Migration):
    operations = [migrations.RunSQL(table("one_string")), migrations.RunSQL([table("a_list")])]
P
cat > t.py <<'P'
import os, re, sys
import pymysql; pymysql.version_info = (2, 2, 1, "final", 0); pymysql.install_as_MySQLdb()
import django, sqlparse
from django.conf import settings
settings.configure(INSTALLED_APPS=["app"], DATABASES={"default": {"ENGINE": "django.db.backends.mysql", "NAME": "d", "USER": "root", "OPTIONS": {"unix_socket": os.path.abspath("s")}}})
django.setup(); from django.core.management import call_command; from django.db import connection
print("Django", django.__version__, "sqlparse", sqlparse.__version__); failed = False
def check(name, got, wanted):
    global failed; print(f"  {name:<62} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
call_command("migrate", verbosity=1, no_color=True)
from importlib import import_module; table = import_module("app.migrations.0001_initial").table
with connection.cursor() as cursor: cursor.execute(table("by_cursor"))
def look(name):
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW CREATE TABLE {name}"); text = cursor.fetchone()[1]
        return [len(re.findall("PARTITION `?p20", text)), "COMPRESSED" in text, "INVISIBLE" in text]
print("partitions, compressed, invisible")
for name, wanted in ("by_cursor", [2, True, True]), ("a_list", [2, True, True]), ("one_string", [0, False, False]): check(name, look(name), wanted)
with connection.cursor() as cursor:
    cursor.execute("INSERT INTO one_string (id, day, body) VALUES (1, '2030-01-01', '{}')")
    try: cursor.execute("ALTER TABLE one_string DROP PARTITION p202606"); got = "done"
    except Exception as error: got = error.args[0]
    check("ALTER TABLE one_string DROP PARTITION", got, 1505)
    cursor.execute("ALTER TABLE a_list DROP PARTITION p202606"); check("ALTER TABLE a_list DROP PARTITION", look("a_list")[0], 1)
    for name, wanted in ("a_list", 3), ("one_string", 4): cursor.execute(f"SELECT * FROM {name}"); check(f"columns of SELECT * FROM {name}", len(cursor.description), wanted)
print("what RunSQL sends of a string, by connection.ops.prepare_sql_script()")
def sent(sql, wanted): check(sql, connection.ops.prepare_sql_script(sql), wanted)
sent("INSERT INTO t VALUES ('a -- b'); SELECT /*+ MAX_EXECUTION_TIME(9) */ 1", ["INSERT INTO t VALUES ('a -- b');", "SELECT /*+ MAX_EXECUTION_TIME(9) */ 1"])
sent("INSERT /*! IGNORE */ INTO t VALUES (1); SELECT 1", ["INSERT   INTO t VALUES (1);", "SELECT 1"])
sent("ALTER TABLE t ADD CHECK (n > 0) /*!80016 NOT ENFORCED */", ["ALTER TABLE t ADD CHECK (n > 0)"])
sys.exit(failed)
P
PYTHONPATH=. timeout 60 v/bin/python t.py
