#!/usr/bin/env bash
# Expected: setBigDecimal (and setObject with a BigDecimal or a BigInteger) of SQLite's JDBC driver hands SQLite a number, as that of each other database
#   does: body->>'amount' < ? compares amounts.
# Happens: sqlite-jdbc 3.40.1 (Debian 12) binds them, and a Byte, as text. Against a column of type NUMERIC that is made good, but not against an expression,
#   and for SQLite each text is greater than each number: "amount in the JSON body < 100" is true for all, "> 100" and "= 100" for none; likewise HAVING
#   sum(amount) > ?, amount + fee > ?, amount * 1.19 > ?. json_set and json_object write "20.00", a string. int, long, double, and the same number in the SQL
#   itself are right. Its readme says nothing of it.
# Means: "delete test orders below 1.00" deletes them all, "tell of more than 10,000" never tells, and a corrected body has a string where other programs read
#   a number. Nothing is raised. Write CAST(? AS NUMERIC), hand over cents as a long (setLong), or make the amount a generated column with a type of its own.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get java javac; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and its $tool"; exit 2; }; done
apt-get download -qq libxerial-sqlite-jdbc-java libxerial-sqlite-jdbc-jni libsqlite3-0 libcommons-lang3-java libh2-java libslf4j-java >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f libxerial-sqlite-jdbc-java_* Package Version | xargs; [[ $(dpkg -f libxerial-sqlite-jdbc-java_* Version) == 3.40.1* ]] || { echo "   changed: expected 3.40.1"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; jars=root/usr/share/java; lib=$(dirname "$(find "$PWD/root" -name libsqlitejdbc.so | head -1)")
cat > T.java <<'E'
import java.math.*; import java.sql.*;
public class T {
  static boolean failed; static Connection sqlite, h2;
  static void check(String text, Object got, String wanted) {
    System.out.printf("  %-74s %s%n", text, got); if (!String.valueOf(got).equals(wanted)) { System.out.println("   changed: expected " + wanted); failed = true; }
  }
  static String run(Connection connection, String sql, Object value) throws Exception {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      if (value instanceof BigDecimal) statement.setBigDecimal(1, (BigDecimal) value); else statement.setObject(1, value);
      if (!statement.execute()) return statement.getUpdateCount() + " rows"; ResultSet result = statement.getResultSet(); String all = "";
      while (result.next()) all += " " + result.getString(1); return all.trim();
    }
  }
  static void both(String condition, String number, String asDecimal) throws Exception {
    String sql = "SELECT id FROM events WHERE " + condition + " ORDER BY id", right = run(sqlite, sql, Double.valueOf(number)), same = run(sqlite, sql.replace("?",
      number + " AND ? > 0"), 1);
    check(condition + " with " + number + ": BigDecimal; double, in the SQL", "[" + run(sqlite, sql, new BigDecimal(number)) + "]; [" + right + "] [" + same + "]",
      asDecimal);
  }
  public static void main(String[] arguments) throws Exception {
    sqlite = DriverManager.getConnection("jdbc:sqlite::memory:"); h2 = DriverManager.getConnection("jdbc:h2:mem:");
    for (Connection connection : new Connection[] { sqlite, h2 }) try (Statement statement = connection.createStatement()) {
      statement.execute("CREATE TABLE events (id INT PRIMARY KEY, amount NUMERIC(10,2), fee NUMERIC(10,2), body VARCHAR(200))");
      for (String row : new String[] { "1, 0.50, 0.10", "2, 100, 1", "3, 19.99, 0.50",
        "4, 25000, 9" }) statement.execute("INSERT INTO events VALUES (" + row + ", '{\"amount\":" + row.split(", ")[1] + ",\"type\":\"order\"}')");
    }
    System.out.println("which of the orders of 0.50, 100, 19.99 and 25000 (1 to 4)");
    both("amount > ?", "100", "[4]; [4] [4]"); both("amount < ?", "1", "[1]; [1] [1]");
    both("body->>'amount' > ?", "100", "[]; [4] [4]"); both("body->>'amount' < ?", "1", "[1 2 3 4]; [1] [1]"); both("body->>'amount' = ?", "100", "[]; [2] [2]");
    both("json_extract(body, '$.amount') >= ?", "19.99", "[]; [2 3 4] [2 3 4]");
    both("amount + fee > ?", "100", "[]; [2 4] [2 4]"); both("amount * 1.19 < ?", "1", "[1 2 3 4]; [1] [1]"); both("amount BETWEEN 1 AND ?", "50", "[3]; [3] [3]");
    both("round(amount) BETWEEN 1 AND ?", "50", "[1 2 3 4]; [1 3] [1 3]");
    check("amount + fee > 100 in H2, as BigDecimal", run(h2, "SELECT id FROM events WHERE amount + fee > ? ORDER BY id", new BigDecimal("100")), "2 4");
    String having = "SELECT count(*) FROM (SELECT sum(amount) AS total FROM events GROUP BY id > 2 HAVING sum(amount) > ?) AS t";
    check("sums above 200: SQLite, H2, SQLite with a double", run(sqlite, having, new BigDecimal("200")) + " " + run(h2, having,
      new BigDecimal("200")) + " " + run(sqlite, having, 200.0), "0 1 1");
    String condition = "SELECT count(*) FROM events WHERE body->>'amount' > ?";
    check("above 100, by type: BigInteger, Byte; Integer, Long, Short, Float", run(sqlite, condition, new BigInteger("100")) + " " + run(sqlite, condition,
      (byte) 100) + "; " + run(sqlite, condition, 100) + " " + run(sqlite, condition, 100L) + " " + run(sqlite, condition, (short) 100) + " " + run(sqlite,
      condition, 100f), "0 0; 1 1 1 1");
    check("typeof, of a BigDecimal and a double", run(sqlite, "SELECT typeof(?)", new BigDecimal("19.99")) + " " + run(sqlite, "SELECT typeof(?)", 19.99),
      "text real");
    check("with CAST(? AS NUMERIC)", run(sqlite, condition.replace("?", "CAST(? AS NUMERIC)"), new BigDecimal("100")), "1");
    check("json_set, with a BigDecimal", run(sqlite, "SELECT json_set(body, '$.amount', ?) FROM events WHERE id = 3", new BigDecimal("20.00")),
      "{\"amount\":\"20.00\",\"type\":\"order\"}");
    check("   with a double", run(sqlite, "SELECT json_set(body, '$.amount', ?) FROM events WHERE id = 3", 20.00), "{\"amount\":20.0,\"type\":\"order\"}");
    check("DELETE ... WHERE body->>'amount' < ? with 1", run(sqlite, "DELETE FROM events WHERE body->>'amount' < ?", new BigDecimal("1")), "4 rows");
    System.exit(failed ? 1 : 0);
  }
}
E
export LD_LIBRARY_PATH="root/usr/lib/$(uname -m)-linux-gnu"
timeout 60 java -Dorg.sqlite.lib.path="$lib" -Djava.library.path="$lib" \
  -cp "$jars/xerial-sqlite-jdbc.jar:$jars/commons-lang3.jar:$jars/h2.jar:$jars/slf4j-api.jar:$jars/slf4j-nop.jar" T.java
