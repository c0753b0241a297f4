#!/usr/bin/env bash
# Expected: CsvJdbc gives SQL over CSV files. With the property columnTypes empty "column types are inferred from the data", says its page, so that a sum or a comparison is one of numbers; a value that does not fit
#   is text, or an error. LIMIT n OFFSET n belongs behind GROUP BY and ORDER BY on that page.
# Happens: csvjdbc 1.0.37 (Debian 12) takes the type of each column from the first row that is fetched; any other value that does not fit is NULL, without a word. With 5 as the first amount 19.99 and 1000.50 are
#   NULL, so are milliseconds behind a small number, and A-42 behind 42, while 0042 is 42; SUM is 12 of 1032.49, COUNT(amount) 2 of 4, WHERE amount > 10 finds nothing. With 19.99 first all is right; a date first
#   cuts the hour of all times. A type that is given does so, too: INT for 3000000000 is NULL, TIMESTAMP leaves out fractions and offsets (...05.9Z and ...05+05:30 are ...05). LIMIT does nothing where there
#   is GROUP BY with COUNT or SUM: LIMIT 1 gives all groups, and without ORDER BY also OFFSET.
# Means: the report of the day depends on whether its first order was a whole amount; a sum is too low and no row tells. Who reads groups page by page gets each page whole, and bills each customer once a page.
#   Give columnTypes with a DOUBLE or STRING for what may vary, and count the rows of a page.
# The version is that of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get java javac; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and its $tool"; exit 2; }; done
apt-get download -qq libcsvjdbc-java >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f libcsvjdbc-java_* Package Version | xargs; [[ $(dpkg -f libcsvjdbc-java_* Version) == 1.0.37-* ]] || { echo "   changed: expected 1.0.37"; exit 1; }
dpkg -x ./*.deb root
cat > T.java <<'E'
import java.nio.file.*; import java.sql.*; import java.util.*;
public class T {
  static boolean failed;
  static void check(String types, String query, String wanted) throws Exception {
    Properties properties = new Properties(); properties.put("columnTypes", types); StringBuilder rows = new StringBuilder();
    try (Connection db = DriverManager.getConnection("jdbc:relique:csv:.", properties); Statement statement = db.createStatement(); ResultSet result = statement.executeQuery(query)) {
      while (result.next()) {
        if (rows.length() > 0) rows.append(", ");
        for (int column = 1; column <= result.getMetaData().getColumnCount(); column++) rows.append(column > 1 ? " " : "").append(result.getObject(column));
      }
    }
    System.out.printf("  %-86s %s%n", query, rows); if (!rows.toString().equals(wanted)) { System.out.println("   changed: expected " + wanted); failed = true; }
  }
  static void file(String name, String... rows) throws Exception { Files.writeString(Path.of(name + ".csv"), String.join("\n", rows) + "\n"); }
  public static void main(String[] arguments) throws Exception {
    String head = "id,amount,ref,at,ms,customer", whole = "1,5,42,2026-07-02,7,Ann", cents = "2,19.99,A-42,2026-07-02 10:00:00,1782961445123,Bob", other = "3,1000.50,0042,2026-07-03 11:00:00,8,Ann", last = "4,7,43,2026-07-04,9,Cleo";
    file("whole", head, whole, cents, other, last); file("cents", head, cents, whole, other, last);
    System.out.println("columnTypes empty; 5 is the first amount, then 19.99:");
    check("", "SELECT amount FROM whole", "5, null, null, 7"); check("", "SELECT ref FROM whole", "42, null, 42, 43"); check("", "SELECT ms FROM whole", "7, null, 8, 9"); check("", "SELECT at FROM whole", "2026-07-02, 2026-07-02, 2026-07-03, 2026-07-04");
    check("", "SELECT COUNT(*), COUNT(amount), SUM(amount), AVG(amount), MAX(amount) FROM whole", "4 2 12 6.0 7"); check("", "SELECT id FROM whole WHERE amount > 10", ""); check("", "SELECT id FROM whole WHERE ref = 'A-42'", "");
    check("", "SELECT amount FROM cents", "19.99, 5.0, 1000.5, 7.0"); check("", "SELECT ref FROM cents", "A-42, 42, 0042, 43"); check("", "SELECT COUNT(*), COUNT(amount), SUM(amount) FROM cents", "4 4 1032.49"); check("", "SELECT id FROM cents WHERE amount > 10", "2, 3");
    System.out.println("types that are given:");
    check("INT,DOUBLE,STRING,STRING,LONG,STRING", "SELECT amount, ref, ms FROM whole", "5.0 42 7, 19.99 A-42 1782961445123, 1000.5 0042 8, 7.0 43 9");
    file("types", "id,cents,at", "1,500,2026-07-02 03:04:05", "2,3000000000,2026-07-02T03:04:05.9Z", "3,1.5,2026-07-02 03:04:05+05:30");
    check("INT,INT,TIMESTAMP", "SELECT cents FROM types", "500, null, null"); check("INT,INT,TIMESTAMP", "SELECT at FROM types", "2026-07-02 03:04:05.0, 2026-07-02 03:04:05.0, 2026-07-02 03:04:05.0"); check("INT,INT,TIMESTAMP", "SELECT SUM(cents) FROM types", "500");
    System.out.println("LIMIT:"); String types = "INT,DOUBLE,STRING,STRING,LONG,STRING";
    check(types, "SELECT id FROM whole ORDER BY id LIMIT 1 OFFSET 1", "2"); check(types, "SELECT DISTINCT customer FROM whole LIMIT 1", "Ann");
    check(types, "SELECT customer, SUM(amount) FROM whole GROUP BY customer LIMIT 1", "Ann 1005.5, Bob 19.99, Cleo 7"); check(types, "SELECT customer, COUNT(*) FROM whole GROUP BY customer LIMIT 1 OFFSET 1", "Ann 2, Bob 1, Cleo 1");
    check(types, "SELECT customer, COUNT(*) FROM whole GROUP BY customer ORDER BY customer LIMIT 1", "Ann 2, Bob 1, Cleo 1"); check(types, "SELECT customer, COUNT(*) FROM whole GROUP BY customer ORDER BY customer LIMIT 1 OFFSET 1", "Bob 1, Cleo 1");
    System.exit(failed ? 1 : 0);
  }
}
E
TZ=UTC timeout 60 java -cp root/usr/share/java/csvjdbc.jar T.java
