#!/usr/bin/env bash
# Expected: a Java program reads with getTimestamp the times that a Python one (SQLAlchemy, Django, the module sqlite3) has written into a SQLite file, or
#   gets an exception: the driver raises "Error parsing time stamp" for a text that it does not know, with "T" or with a "Z" behind the seconds.
# Happens: sqlite-jdbc 3.40.1 (Debian 12) takes the six digits behind the point for so many milliseconds: 03:04:05.900000 is 03:19:05, 03:04:05.123456 is
#   03:06:08.456, up to sixteen minutes and forty seconds late, 23:55:00.999999 on the next day. ".5" is five milliseconds; nine digits can be eleven days.
#   What follows is not looked at: with milliseconds "+02:00" and "Z" are read and left out, without them they are an error. getDate and getTime do the same;
#   getString gives the text. Whole seconds and three digits, as SQLite's own strftime('%f') writes, are right.
# Means: of two events 0.2 s apart the second is first, by thirteen minutes, a job is due a quarter of an hour late, "since the last run" leaves rows out or
#   takes them twice; with whole seconds, as in most tests, all is right. Read getString and parse it (java.time), or write milliseconds.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get java javac python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and its $tool"; exit 2; }; done
apt-get download -qq libxerial-sqlite-jdbc-java libxerial-sqlite-jdbc-jni libsqlite3-0 libcommons-lang3-java libslf4j-java >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f libxerial-sqlite-jdbc-java_* Package Version | xargs; [[ $(dpkg -f libxerial-sqlite-jdbc-java_* Version) == 3.40.1* ]] || { echo "   changed: expected 3.40.1"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; jars=root/usr/share/java; lib=$(dirname "$(find "$PWD/root" -name libsqlitejdbc.so | head -1)")
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check sqlalchemy==2.1.9 django==5.2.19
cat > write.py <<'E'
import datetime, sqlite3, sqlalchemy, django
from django.conf import settings
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "events.db"}}, USE_TZ=True, INSTALLED_APPS=[]); django.setup()
from django.db import connection, models
print("written by SQLAlchemy", sqlalchemy.__version__, "and Django", django.__version__)
at = datetime.datetime(2026, 7, 2, 3, 4, 5); zone = datetime.timezone(datetime.timedelta(hours=2))
engine = sqlalchemy.create_engine("sqlite:///events.db"); table = sqlalchemy.Table("alchemy", sqlalchemy.MetaData(), sqlalchemy.Column("at", sqlalchemy.DateTime)); table.create(engine)
with engine.begin() as c:
    for micro in (0, 900000, 123456): c.execute(table.insert().values(at=at.replace(microsecond=micro)))
    c.execute(table.insert().values(at=at.replace(hour=23, minute=55, second=0, microsecond=999999)))
class Event(models.Model):
    at = models.DateTimeField()
    class Meta: app_label = "app"; db_table = "django"
with connection.schema_editor() as editor: editor.create_model(Event)
for micro in (0, 900000): Event(at=at.replace(microsecond=micro, tzinfo=zone)).save()
Event(at=at.replace(second=6, microsecond=100000, tzinfo=zone)).save(); connection.close()
plain = sqlite3.connect("events.db"); plain.execute("CREATE TABLE plain (at TIMESTAMP)")
for value in (at.replace(microsecond=900000, tzinfo=zone).isoformat(" "),
              at.replace(microsecond=123000, tzinfo=zone).isoformat(" ", "milliseconds"), at.replace(tzinfo=zone).isoformat(" "),
              at.isoformat() + "Z", str(at) + ".5", str(at) + ".123", str(at) + ".123456789"):
    plain.execute("INSERT INTO plain VALUES (?)", (value,))
plain.execute("INSERT INTO plain SELECT strftime('%Y-%m-%d %H:%M:%f', '2026-07-02 03:04:05.9')"); plain.commit()
E
v/bin/python -W ignore write.py
cat > T.java <<'E'
import java.sql.*; import java.util.*;
public class T {
  static boolean failed;
  static void check(String text, Object got, String wanted) {
    System.out.printf("  %-44s %s%n", text, got); if (!String.valueOf(got).equals(wanted)) { System.out.println("   changed: expected " + wanted); failed = true; }
  }
  static void table(Statement statement, String name, String... wanted) throws Exception {
    List<String> rows = new ArrayList<>(); try (ResultSet all = statement.executeQuery("SELECT at FROM " + name + " ORDER BY rowid")) { while (all.next()) {
      String time; try { Timestamp t = all.getTimestamp(1); time = t.toString(); if (all.getDate(1).getTime() != t.getTime()) time += " (getDate differs)";
      } catch (SQLException e) { time = e.getMessage(); }
      rows.add(all.getString(1) + "|" + time); } }
    for (int n = 0; n < Math.max(rows.size(), wanted.length); n++) { String[] row = rows.get(n).split("\\|"); check(name + ": " + row[0], row[1], wanted[n]); }
  }
  public static void main(String[] arguments) throws Exception {
    TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:events.db"); Statement statement = connection.createStatement()) {
      table(statement, "alchemy", "2026-07-02 03:04:05.0", "2026-07-02 03:19:05.0", "2026-07-02 03:06:08.456", "2026-07-03 00:11:39.999");
      table(statement, "django", "2026-07-02 01:04:05.0", "2026-07-02 01:19:05.0", "2026-07-02 01:05:46.0");
      String error = "Error parsing time stamp";
      table(statement, "plain", "2026-07-02 03:19:05.0", "2026-07-02 03:04:05.123", error, error, "2026-07-02 03:04:05.005", "2026-07-02 03:04:05.123",
        "2026-07-03 13:21:41.789", "2026-07-02 03:04:05.9");
    }
    System.exit(failed ? 1 : 0);
  }
}
E
export LD_LIBRARY_PATH="root/usr/lib/$(uname -m)-linux-gnu"
timeout 60 java -Dorg.sqlite.lib.path="$lib" -Djava.library.path="$lib" \
  -cp "$jars/xerial-sqlite-jdbc.jar:$jars/commons-lang3.jar:$jars/slf4j-api.jar:$jars/slf4j-nop.jar" T.java
