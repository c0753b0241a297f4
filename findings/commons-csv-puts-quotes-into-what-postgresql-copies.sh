#!/usr/bin/env bash
# Expected: CSVFormat.POSTGRESQL_TEXT of Apache Commons CSV is the text format of PostgreSQL's COPY, as its documentation says, with the words that values are not quoted and special characters are escaped by a
#   backslash: what CSVPrinter writes with it, COPY ... FROM reads, and what COPY ... TO writes, CSVParser reads.
# Happens: commons-csv 1.9.0 (Debian 12) puts quotes around each value but NULL, and a backslash before each quote in it. COPY (PostgreSQL 15) knows no quotes in that format, so they are part of the text: "evt_1" with its two
#   quotes is the id, an empty text is "", {"id":1} in a column text is "{"id":1}". No error as long as the columns are text (a number, or a tab in a value, is refused). The other way, a value that begins with a
#   quote loses it with its last one ("hello", or each JSON text), and "open in one row and close" in the next are one value: both rows are one record, with fewer fields, and nothing is thrown. Backslashes, NULL, empty
#   texts and other quotes are right, and so is MYSQL, written and read.
# Means: events loaded into a staging table are joined with nothing: no id is known, ON CONFLICT (id) DO NOTHING takes each event as new, state = 'paid' is never true. An export that is read has fewer events than the table.
#   Take POSTGRESQL_TEXT.builder().setQuote(null).setQuoteMode(QuoteMode.MINIMAL) for it, which is right both ways, or COPY's format csv with CSVFormat.DEFAULT.
# The versions are those of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; for tool in apt-get java javac python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get), python3 and its $tool"; exit 2; }; done
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 libcommons-csv-java libpostgresql-jdbc-java >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in postgresql-15_* libcommons-csv-java_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f libcommons-csv-java_* Version) == 1.9.0-* ]] || { echo "   changed: expected 1.9.0"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu LC_ALL=C.UTF-8
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
cat > T.java <<'E'
import java.io.*; import java.sql.*; import java.util.*; import org.apache.commons.csv.*; import org.postgresql.PGConnection; import org.postgresql.copy.CopyManager;
public class T {
  static boolean failed; static Statement db; static CopyManager copy;
  static void check(String what, Object got, String wanted) { System.out.printf("  %-60s %s%n", what, got); if (!String.valueOf(got).equals(wanted)) { System.out.println("   changed: expected " + wanted); failed = true; } }
  static List<String> column(String query) throws SQLException { List<String> values = new ArrayList<>(); try (ResultSet rows = db.executeQuery(query)) { while (rows.next()) values.add(rows.getString(1)); } return values; }
  // What a table of one column of text holds after the values were printed and copied into it.
  static String stored(CSVFormat format, String value) throws Exception {
    StringWriter text = new StringWriter(); try (CSVPrinter printer = new CSVPrinter(text, format)) { printer.printRecord("1", value); }
    db.execute("TRUNCATE staging"); copy.copyIn("COPY staging (n, id) FROM STDIN", new StringReader(text.toString())); return column("SELECT id FROM staging").get(0);
  }
  // The records that CSVParser reads of a table, and their values.
  static String read(CSVFormat format, String rows) throws Exception {
    StringWriter text = new StringWriter(); copy.copyOut("COPY (SELECT * FROM (VALUES " + rows + ") v) TO STDOUT", text); List<List<String>> records = new ArrayList<>();
    for (CSVRecord record : CSVParser.parse(text.toString(), format)) records.add(record.toList()); return String.valueOf(records).replace("\n", "\\n").replace("\t", "\\t");
  }
  public static void main(String[] arguments) throws Exception {
    Connection connection = DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + arguments[0] + "/postgres?user=u"); db = connection.createStatement(); copy = connection.unwrap(PGConnection.class).getCopyAPI();
    db.execute("CREATE TABLE staging (n text, id text); CREATE TABLE events (id text PRIMARY KEY)"); CSVFormat text = CSVFormat.POSTGRESQL_TEXT, plain = text.builder().setQuote(null).setQuoteMode(QuoteMode.MINIMAL).build();
    System.out.println("printed by CSVPrinter, read by COPY ... FROM STDIN:");
    for (String[] row : new String[][] { { "evt_1", "\"evt_1\"" }, { "", "\"\"" }, { "19.99", "\"19.99\"" }, { "{\"id\":1}", "\"{\"id\":1}\"" }, { "back\\slash", "\"back\\slash\"" }, { null, "null" } }) {
      check(String.valueOf(row[0]), stored(text, row[0]), row[1]); if (!String.valueOf(row[0]).equals(stored(plain, row[0]))) check("   without quotes", stored(plain, row[0]), String.valueOf(row[0]));
    }
    check("   as MYSQL: back\\slash", stored(CSVFormat.MYSQL, "back\\slash"), "back\\slash");
    db.execute("INSERT INTO events VALUES ('evt_1'), ('evt_2')"); StringWriter batch = new StringWriter(); try (CSVPrinter printer = new CSVPrinter(batch, text)) { printer.printRecord("1", "evt_1"); printer.printRecord("2", "evt_2"); }
    db.execute("TRUNCATE staging"); check("two events that are known, copied: rows", copy.copyIn("COPY staging (n, id) FROM STDIN", new StringReader(batch.toString())), "2");
    check("   of them new, by ON CONFLICT DO NOTHING", db.executeUpdate("INSERT INTO events SELECT id FROM staging ON CONFLICT (id) DO NOTHING"), "2");
    System.out.println("written by COPY ... TO STDOUT, read by CSVParser:");
    for (String[] row : new String[][] { { "('1', 'paid', 'x'), ('2', 'say \"hi\"', NULL), ('3', '', E'a\\tb\\\\c')", "[[1, paid, x], [2, say \"hi\", null], [3, , a\\tb\\c]]" }, { "('1', '\"hello\"', 'x')", "[[1, hello, x]]" },
      { "('1', '\"open', 'x'), ('2', 'y', 'close\"')", "[[1, \"open, x], [2, y, close\"]]" } }) {
      String got = read(text, row[0]); check(row[0], got, row[1].contains("open") ? "[[1, open\\tx\\n2\\ty\\tclose]]" : row[1]);
    }
    check("the last, without quotes", read(plain, "('1', '\"open', 'x'), ('2', 'y', 'close\"')"), "[[1, \"open, x], [2, y, close\"]]"); check("'\"hello\"', without quotes", read(plain, "('1', '\"hello\"', E'a\\tb\\nc')"), "[[1, \"hello\", a\\tb\\nc]]");
    System.exit(failed ? 1 : 0);
  }
}
E
timeout 100 java -cp root/usr/share/java/commons-csv.jar:root/usr/share/java/postgresql.jar T.java "$port"
