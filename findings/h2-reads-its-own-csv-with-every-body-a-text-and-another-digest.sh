#!/usr/bin/env bash
# Expected: INSERT INTO copy SELECT * FROM CSVREAD('events.csv') of H2 gives back what CALL CSVWRITE('events.csv', 'SELECT * FROM events') wrote, with one table definition for both: its
#   tutorial shows the two functions as the way to write and to read CSV. NULL and the empty text are kept apart, and 19.9900, a time with nine digits and offset, a UUID and 9007199254740993 come back as they were.
# Happens: H2 2.1.214 (Debian 12): a column of type JSON comes back as JSON texts: {"id":"evt_1"} is "{\"id\":\"evt_1\"}", [1,2] is "[1,2]", 5 is "5", and once more with each copy; IS JSON OBJECT is
#   false then. Bytes (VARBINARY, BLOB) are written as if they were UTF-8: each byte that is none is U+FFFD in the file, so a SHA-256 cannot be read from it any more, by whomever, and
#   comes back with 62 bytes. An ARRAY of two texts is one of one text, [a, b,c]. No error where the column has no limit; the numbers of rows are right.
# Means: the archive of events in CSV looks whole, and a restore has all rows; but no digest is known any more, each event is new or its signature wrong, and no body has a field. Export with RAWTOHEX(digest), import
#   with body FORMAT JSON; or use SCRIPT TO and RUNSCRIPT, which give back all of it.
# The version is that of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get java javac; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and its $tool"; exit 2; }; done
apt-get download -qq libh2-java >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f libh2-java_* Package Version | xargs; [[ $(dpkg -f libh2-java_* Version) == 2.1.214-* ]] || { echo "   changed: expected 2.1.214"; exit 1; }
dpkg -x ./*.deb root
cat > T.java <<'E'
import java.sql.*; import java.util.*;
public class T {
  static boolean failed; static Statement db;
  static void check(String what, String got, String wanted) { System.out.printf("  %-58s %s%n", what, got); if (!got.equals(wanted)) { System.out.println("   changed: expected " + wanted); failed = true; } }
  static String ask(String query) throws SQLException {
    try (ResultSet result = db.executeQuery(query)) { List<String> rows = new ArrayList<>(); while (result.next()) rows.add(String.valueOf(result.getString(1))); return String.join(" ", rows); }
  }
  public static void main(String[] arguments) throws Exception {
    Connection connection = DriverManager.getConnection("jdbc:h2:mem:x", "sa", ""); db = connection.createStatement();
    String table = "(id BIGINT PRIMARY KEY, body JSON, digest VARBINARY, raw BLOB, received TIMESTAMP(9) WITH TIME ZONE, amount DECIMAL(20,4), note VARCHAR, tags VARCHAR ARRAY, paid BOOLEAN, uuid UUID)";
    db.execute("CREATE TABLE events " + table); db.execute("CREATE TABLE copy " + table); db.execute("CREATE TABLE again " + table);
    db.execute("INSERT INTO events VALUES (9007199254740993, JSON '{\"id\":\"evt_1\",\"amount\":19.90}', HASH('SHA-256', 'abc'), X'DEADBEEF', TIMESTAMP WITH TIME ZONE '2026-07-02 03:04:05.123456789+05:30', 19.99, 'it''s, \"q\"', ARRAY['a', 'b,c'], TRUE, '00000000-0000-4000-8000-000000000001'), "
      + "(2, JSON '[1,2]', X'616263', NULL, NULL, NULL, '', ARRAY['x'], FALSE, NULL), (3, JSON '5', NULL, NULL, NULL, -0.5, NULL, NULL, NULL, NULL)");
    check("rows written by CSVWRITE", ask("CALL CSVWRITE('events.csv', 'SELECT * FROM events')"), "3");
    check("rows read by CSVREAD", "" + db.executeUpdate("INSERT INTO copy SELECT * FROM CSVREAD('events.csv')"), "3");
    System.out.println("columns whose values are what they were, of three rows:");
    for (String[] row : new String[][] { { "received", "3" }, { "amount", "3" }, { "note", "3" }, { "paid", "3" }, { "uuid", "3" }, { "body", "0" }, { "digest", "2" }, { "raw", "2" }, { "tags", "1" } })
      check(row[0], ask("SELECT count(*) FROM events JOIN copy USING (id) WHERE events." + row[0] + " IS NOT DISTINCT FROM copy." + row[0]), row[1]);
    System.out.println("the values:");
    check("body of 9007199254740993, before", ask("SELECT body FROM events WHERE id > 3"), "{\"id\":\"evt_1\",\"amount\":19.90}"); check("   after", ask("SELECT body FROM copy WHERE id > 3"), "\"{\\\"id\\\":\\\"evt_1\\\",\\\"amount\\\":19.90}\"");
    check("   the others", ask("SELECT body FROM copy WHERE id <= 3 ORDER BY id"), "\"[1,2]\" \"5\""); check("bodies that are objects, before and after", ask("SELECT count(*) FROM events WHERE body IS JSON OBJECT") + " " + ask("SELECT count(*) FROM copy WHERE body IS JSON OBJECT"), "1 0");
    check("digest, before", ask("SELECT RAWTOHEX(digest) FROM events WHERE id > 3"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); check("   its length in bytes, after", ask("SELECT OCTET_LENGTH(digest) FROM copy WHERE id > 3"), "62");
    check("   events with the digest of abc, before and after", ask("SELECT count(*) FROM events WHERE digest = HASH('SHA-256', 'abc')") + " " + ask("SELECT count(*) FROM copy WHERE digest = HASH('SHA-256', 'abc')"), "1 0");
    check("raw X'DEADBEEF', after", ask("SELECT RAWTOHEX(raw) FROM copy WHERE id > 3"), "deadefbfbdefbfbd"); check("X'616263', which is UTF-8, after", ask("SELECT RAWTOHEX(digest) FROM copy WHERE id = 2"), "616263");
    check("texts in tags, before and after", ask("SELECT CARDINALITY(tags) FROM events WHERE id > 3") + " " + ask("SELECT CARDINALITY(tags) FROM copy WHERE id > 3"), "2 1");
    ask("CALL CSVWRITE('copy.csv', 'SELECT * FROM copy')"); db.executeUpdate("INSERT INTO again SELECT * FROM CSVREAD('copy.csv')"); check("body after a second time, its length", ask("SELECT CHAR_LENGTH(CAST(body AS VARCHAR)) FROM again WHERE id > 3"), "53");
    String rows = "SELECT JSON_ARRAY(id, body, RAWTOHEX(digest), RAWTOHEX(raw), received, amount, note, CARDINALITY(tags), tags[1], paid, uuid NULL ON NULL) FROM events ORDER BY id"; String before = ask(rows);
    db.execute("SCRIPT TO 'events.sql' TABLE events"); db = DriverManager.getConnection("jdbc:h2:mem:y", "sa", "").createStatement(); db.execute("RUNSCRIPT FROM 'events.sql'");
    check("by SCRIPT and RUNSCRIPT into another database, all the same", "" + ask(rows).equals(before), "true");
    System.exit(failed ? 1 : 0);
  }
}
E
TZ=UTC LC_ALL=C.UTF-8 timeout 60 java -cp root/usr/share/java/h2.jar T.java
