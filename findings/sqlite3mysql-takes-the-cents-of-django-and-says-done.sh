#!/usr/bin/env bash
# Expected: sqlite3mysql (sqlite3-to-mysql), the tool for the way from a Django project on SQLite to MySQL or MariaDB, makes each column by its type
#   and copies each row, or it says what it could not copy; the server is in strict mode. Its readme says that repeats are ignored (INSERT IGNORE) by
#   default.
# Happens: sqlite3-to-mysql 2.6.1 with Django 5.2.19: every DecimalField becomes decimal(10,0), since Django's type on SQLite is "decimal" without its
#   digits: 19.99 is 20, -12.50 is -13; times lose the part of the second. IGNORE also ignores what does not fit: bodies are cut at 65,535 bytes, in
#   the middle of the JSON; an INTEGER is INT(11), so milliseconds all become 2147483647, and of the rows with a larger id (SQLite's rowid,
#   snowflakes) one is left. Of "evt_a1" and "evt_A1", or of two ids alike for 255 letters, the second row is gone. Exit code 0, "Done!", no warning.
#   With -i DEFAULT there are errors for these, but none for the amounts and the times, and no option keeps them.
# Means: the counts of the first tests agree, and the money does not. Let Django make the tables on the new server (migrate) and copy with
#   --mysql-skip-create-tables and -i DEFAULT, then compare counts and sums; or use dumpdata and loaddata.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null && wait $server || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq mariadb-server-core libaio1 libnuma1 liburing2 libpcre2-8-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f mariadb-server-core*.deb Version); echo "mariadb-server-core $version"; [[ $version == 1:10.11.* ]] || { echo "   changed: expected 10.11"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; mkdir data
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check sqlite3-to-mysql==2.6.1 mysql-connector-python==26.10.0 django==5.2.19
LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu root/usr/sbin/mariadbd --no-defaults --user="$(id -un)" --datadir="$dir/data" --socket="$dir/s" \
  --pid-file="$dir/pid" --skip-networking --skip-grant-tables --lc-messages-dir="$dir/root/usr/share/mysql" --character-sets-dir="$dir/root/usr/share/mysql/charsets" \
  --innodb-log-file-size=4M >mariadb.log 2>&1 & server=$!
cat > t.py <<'E'
import datetime, os, sqlite3, subprocess, sys, time
from decimal import Decimal
import django, mysql.connector
from django.conf import settings
settings.configure(USE_TZ=True, TIME_ZONE="UTC", DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "inbox.db"}}, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField")
django.setup()
from django.db import connection, models
class Event(models.Model):
    id = models.CharField(primary_key=True, max_length=64); amount = models.DecimalField(max_digits=12, decimal_places=2)
    at = models.DateTimeField(); body = models.JSONField()
    class Meta: app_label = "inbox"; db_table = "event"
failed = False
def show(what, is_now, wanted):
    global failed
    print(f"{what:76} {is_now}")
    if is_now != wanted: failed = True; print("   changed: expected", wanted)
with connection.schema_editor() as schema: schema.create_model(Event)
at = datetime.datetime(2026, 1, 2, 10, 0, 0, 654321, datetime.timezone.utc)
for id, amount, body in (("evt_a1", "19.99", {"n": 1}), ("evt_A1", "0.49", {"n": 2}), ("evt_b2", "-12.50", {"text": "x" * 70_000})):
    Event.objects.create(id=id, amount=Decimal(amount), at=at, body=body)
connection.close()
db = sqlite3.connect("inbox.db"); db.execute("CREATE TABLE seen (id TEXT PRIMARY KEY)"); db.execute("CREATE TABLE delivery (id INTEGER PRIMARY KEY, at_ms INTEGER)")
one, two = 7123456789012345678, 7123456789012345679; long = "https://shop.example/" + "x" * 250
db.executemany("INSERT INTO delivery VALUES (?, ?)", [(1, 1764448200123), (2, 1764448200124), (one, 6), (two, 7)])
db.executemany("INSERT INTO seen VALUES (?)", [(long + "/1",), (long + "/2",)])
db.commit(); db.close()
for _ in range(200):
    try: maria = mysql.connector.connect(unix_socket=os.path.abspath("s"), user="root", autocommit=True); break
    except mysql.connector.Error: time.sleep(0.1)
def rows(sql):
    with maria.cursor() as c: c.execute(sql); return c.fetchall()
show("sql_mode of the server has STRICT_TRANS_TABLES", "STRICT_TRANS_TABLES" in rows("SELECT @@global.sql_mode")[0][0], True)
print("Django", django.__version__, "MariaDB", rows("SELECT version()")[0][0])
def copied(database, *more):
    done = subprocess.run(["v/bin/sqlite3mysql", "-f", "inbox.db", "-d", database, "-u", "root", "-k", os.path.abspath("s"), *more], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr
code, said = copied("plain")
show("sqlite3mysql with its defaults: exit code, says Done!, says WARNING or ERROR", (code, "Done!" in said, "WARNING" in said or "ERROR" in said), (0, True, False))
show("Django's table, ids (SQLite: evt_a1, evt_A1, evt_b2)", [i for (i,) in rows("SELECT id FROM plain.event ORDER BY id")], ["evt_a1", "evt_b2"])
show("   their amounts (19.99, -12.50)", [str(n) for (n,) in rows("SELECT amount FROM plain.event ORDER BY id")], ["20", "-13"])
show("   their time (10:00:00.654321)", str(rows("SELECT max(at) FROM plain.event")[0][0]), "2026-01-02 10:00:00")
show("   length of the bodies (8, 70012)", [n for (n,) in rows("SELECT length(body) FROM plain.event ORDER BY id")], [8, 65535])
show("other table, id and at_ms (SQLite: 4 rows)", rows("SELECT id, at_ms FROM plain.delivery ORDER BY id"), [(1, 2**31 - 1), (2, 2**31 - 1), (2**31 - 1, 6)])
show("ids of a TEXT PRIMARY KEY, alike for 255 letters (SQLite: 2 rows)", rows("SELECT count(*) FROM plain.seen"), [(1,)])
show("columns made", dict((c, t.decode() if isinstance(t, bytes) else t) for c, t in rows("SELECT concat(table_name, '.', column_name), column_type FROM information_schema.columns"
  " WHERE table_schema = 'plain' AND column_name IN ('amount', 'at', 'at_ms', 'body')")), {"event.amount": "decimal(10,0)", "event.at": "datetime", "event.body": "text", "delivery.at_ms": "int(11)"})
try:
    with maria.cursor() as c: c.execute("INSERT INTO plain.delivery (at_ms) VALUES (8)")
    refused = 0
except mysql.connector.Error as error: refused = error.errno
show("   the next row, id by AUTO_INCREMENT: error", refused, 167)
for table in ("event", "delivery", "seen"):
    code, said = copied("default", "-i", "DEFAULT", "-t", table); show(f"-i DEFAULT, {table}: exit code", (code, "Done!" in said), (1, False))
db = sqlite3.connect("inbox.db"); db.executescript("DELETE FROM event WHERE id = 'evt_A1'; DELETE FROM delivery WHERE id > 3; DELETE FROM seen"); db.close()
code, said = copied("wide", "-i", "DEFAULT", "--mysql-text-type", "LONGTEXT", "--mysql-integer-type", "BIGINT(20)")
show("-i DEFAULT, LONGTEXT, BIGINT, without the repeats: exit code", (code, "Done!" in said), (0, True))
show("   body, at_ms", (rows("SELECT max(length(body)) FROM wide.event"), rows("SELECT max(at_ms) FROM wide.delivery")), ([(70012,)], [(1764448200124,)]))
show("   but the amounts (19.99, -12.50)", [str(n) for (n,) in rows("SELECT amount FROM wide.event ORDER BY id")], ["20", "-13"])
show("   and the time", str(rows("SELECT max(at) FROM wide.event")[0][0]), "2026-01-02 10:00:00")
with maria.cursor() as c: c.execute("CREATE DATABASE made"); c.execute("CREATE TABLE made.event (id varchar(64) PRIMARY KEY, amount decimal(12,2), at datetime(6), body longtext)")
code, said = copied("made", "-i", "DEFAULT", "--mysql-skip-create-tables", "-t", "event")
show("control, the table was there, with digits: exit code, amounts, time", (code, [str(n) for (n,) in rows("SELECT amount FROM made.event ORDER BY id")], str(rows("SELECT max(at) FROM made.event")[0][0])),
  (0, ["19.99", "-12.50"], "2026-01-02 10:00:00.654321"))
sys.exit(failed)
E
timeout 90 v/bin/python t.py
