#!/usr/bin/env bash
# Expected: getString of a row that nobody changed gives the same text each time, whoever asks, and how often. PostgreSQL's JDBC driver prepares a statement
#   on the server at its fifth use (prepareThreshold); its documentation tells of this as a matter of speed.
# Happens: postgresql 42.5.5 (Debian 12; PostgreSQL 15) fetches in binary from the sixth use of a text of SQL on a connection on, also where prepareStatement
#   is called anew each time, and then makes the text itself: a bytea, \xdeadbeef before, is [B@4c583ecf, another one each time; 100 of float8 is 100.0, 1e+21
#   1.0E21; numeric 0.0000001 is 1E-7; {1,2} of int[] is {"1","2"}, {paid} of text[] is {"paid"}; time 24:00:00 is 00:00:00, timetz 03:04:05+02 is in the
#   JVM's time zone. numeric with few zeros, bigint, uuid, timestamptz, jsonb and boolean stay as they were, and a Statement, prepareThreshold=0 and
#   binaryTransfer=false keep all of it. (Reported upstream for float8 and arrays.)
# Means: a key of repeats or a hash of "has it changed?" made of such columns is right in tests and for the first five events on each connection of the pool,
#   and then takes each repeat for new and each row for changed; Long.parseLong of "100" fails from the sixth on. Fetch each column by its type (getBytes,
#   getDouble, getArray), cast to text in the SQL, or set binaryTransfer=false.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; for tool in apt-get java javac python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and its $tool"; exit 2; }; done
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 libpostgresql-jdbc-java >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libpostgresql-jdbc-java postgresql-15; do dpkg -f ${package}_* Package Version | xargs; done
[[ $(dpkg -f libpostgresql-jdbc-java_* Version) == 42.5.5-* && $(dpkg -f postgresql-15_* Version) == 15.* ]] || { echo "   changed: expected 42.5.5 and 15"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
export LD_LIBRARY_PATH=$dir/root/usr/lib/$(uname -m)-linux-gnu LC_ALL=C.UTF-8
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off -c timezone=UTC" start
cat > T.java <<'E'
import java.sql.*; import java.util.*;
public class T {
  static boolean failed; static String url;
  static void check(String text, Object got, String wanted) {
    System.out.printf("  %-46s %s%n", text, got); if (!String.valueOf(got).equals(wanted)) { System.out.println("   changed: expected " + wanted); failed = true; }
  }
  static String shown(String text) { return text.matches("\\[B@[0-9a-f]+") ? "[B@..." : text; }
  static String eight(Connection connection, String column, boolean anew, boolean plain) throws SQLException {
    String sql = "SELECT " + column + " FROM events WHERE id = " + (plain ? "1" : "?"), all = "", last = null; int times = 0;
    PreparedStatement prepared = plain ? null : connection.prepareStatement(sql); Statement statement = connection.createStatement();
    for (int n = 0; n < 8; n++) {
      if (anew) { prepared.close(); prepared = connection.prepareStatement(sql); } if (!plain) prepared.setLong(1, 1);
      try (ResultSet row = plain ? statement.executeQuery(sql) : prepared.executeQuery()) { row.next(); String text = shown(row.getString(1));
      if (text.equals(last)) times++; else { if (last != null) all += last + " x" + times + ", "; last = text; times = 1; } }
    }
    statement.close(); if (!plain) prepared.close(); return all + last + " x" + times;
  }
  static void column(Connection connection, String column, String wanted) throws SQLException { check(column, eight(connection, column, false, false), wanted); }
  public static void main(String[] arguments) throws Exception {
    TimeZone.setDefault(TimeZone.getTimeZone("UTC")); url = "jdbc:postgresql://127.0.0.1:" + arguments[0] + "/postgres?user=u";
    try (Connection connection = DriverManager.getConnection(url)) {
      try (Statement statement = connection.createStatement()) {
        statement.execute("CREATE TABLE events (id bigint PRIMARY KEY, digest bytea, ratio float8, large float8, price numeric, "
          + "amount numeric(12,2), items int[], states text[], until time, opens timetz, at timestamptz, uuid uuid, body jsonb, paid boolean)");
        statement.execute("INSERT INTO events VALUES (1, '\\xdeadbeef', 100, 1e21, 0.0000001, 19.90, '{1,2}', '{paid}', "
          + "'24:00', '03:04:05+02', '2026-07-02 03:04:05.1+00', '3fa85f64-5717-4562-b3fc-2c963f66afa6', '{\"a\": 1}', true)");
      }
      System.out.println("getString of one row, eight times");
      for (String[] same : new String[][] { { "id", "1" }, { "amount", "19.90" }, { "at", "2026-07-02 03:04:05.1+00" }, { "uuid",
        "3fa85f64-5717-4562-b3fc-2c963f66afa6" }, { "body", "{\"a\": 1}" }, { "paid", "t" }, { "digest::text", "\\xdeadbeef" } }) column(connection, same[0],
        same[1] + " x8");
      column(connection, "digest", "\\xdeadbeef x5, [B@... x3"); column(connection, "ratio", "100 x5, 100.0 x3"); column(connection, "large", "1e+21 x5, 1.0E21 x3");
      column(connection, "price", "0.0000001 x5, 1E-7 x3");
      column(connection, "items", "{1,2} x5, {\"1\",\"2\"} x3"); column(connection, "states", "{paid} x5, {\"paid\"} x3");
      column(connection, "until", "24:00:00 x5, 00:00:00 x3"); column(connection, "opens", "03:04:05+02 x5, 01:04:05+00 x3");
      check("digest, prepareStatement each time", eight(connection, "digest  ", true, false), "\\xdeadbeef x5, [B@... x3");
      check("digest, with a Statement", eight(connection, "digest", false, true), "\\xdeadbeef x8");
      Set<String> seen = new HashSet<>(); List<Integer> sizes = new ArrayList<>();
      for (int n = 0; n < 8; n++) try (PreparedStatement select = connection.prepareStatement("SELECT digest FROM events WHERE id = ? -- seen");
        ) { select.setLong(1, 1); ResultSet row = select.executeQuery(); row.next(); seen.add(row.getString(1)); sizes.add(seen.size()); }
      check("one event, eight times: digests seen", sizes, "[1, 1, 1, 1, 1, 2, 3, 4]");
    }
    for (String option : new String[] { "&prepareThreshold=0",
      "&binaryTransfer=false" }) try (Connection connection = DriverManager.getConnection(url + option)) { check("digest with " + option, eight(connection, "digest",
      false, false), "\\xdeadbeef x8"); }
    System.exit(failed ? 1 : 0);
  }
}
E
timeout 60 java -cp root/usr/share/java/postgresql.jar T.java "$port"
