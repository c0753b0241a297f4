#!/usr/bin/env bash
# Expected: two events that Gson has as trees (JsonObject) are equal if they say the same, and a HashSet or HashMap of trees finds what is equal. A tree keeps
#   each number as the text that it was: toString() gives every digit of an id.
# Happens: Gson 2.10 (Debian 12) compares the numbers of trees that it has read as doubles: {"id":1234567890123456789} equals {"id":1234567890123456788}, with
#   one hashCode, and so do 99999999999999.98 and .99, and amounts of wei. Of a thousand ids in a row a HashSet keeps five at 19 digits, half at 17, all up to
#   15. And a tree that is made (addProperty, toJsonTree) equals the one that is read, {"id":5} as well, but has another hashCode where the number is a whole
#   one of type int or long: the set does not find it.
# Means: a filter of repeats or "has the event changed?" with trees drops another order's event, or the correction of an amount; and one that was filled from
#   one's own objects knows no repeat at all. Nothing is raised. Compare ids as text (getAsString), or the SHA-256 of the body; make trees by
#   JsonParser.parseString(gson.toJson(...)) if they must be in a set.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get java javac; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and its $tool"; exit 2; }; done
apt-get download -qq libgoogle-gson-java libjackson2-core-java libjackson2-databind-java libjackson2-annotations-java >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f libgoogle-gson-java_* Package Version | xargs; [[ $(dpkg -f libgoogle-gson-java_* Version) == 2.10-* ]] || { echo "   changed: expected 2.10"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; jars=root/usr/share/java
cat > T.java <<'E'
import com.google.gson.*; import java.util.*; import com.fasterxml.jackson.databind.*;
public class T {
  static boolean failed; static ObjectMapper jackson = new ObjectMapper().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);
  static void check(String text, Object got, String wanted) {
    System.out.printf("  %-66s %s%n", text, got); if (!String.valueOf(got).equals(wanted)) { System.out.println("   changed: expected " + wanted); failed = true; }
  }
  static JsonObject read(String value) { return JsonParser.parseString("{\"v\":" + value + "}").getAsJsonObject(); }
  static void pair(String one, String other, String wanted) throws Exception {
    JsonObject a = read(one), b = read(other); check("   written again", a + " " + b, "{\"v\":" + one + "} {\"v\":" + other + "}");
    check(one + ", " + other,
      a.equals(b) + " " + (a.hashCode() == b.hashCode()) + ", Jackson " + jackson.readTree(a.toString()).equals(jackson.readTree(b.toString())),
      wanted + ", Jackson false");
  }
  static void made(String text, JsonElement made, String value, String wanted) {
    JsonElement read = read(value); check(text + " in a set, then the one read", made.equals(read) + " " + new HashSet<>(List.of(made)).contains(read), wanted);
    check("   written", made + " " + read, read + " " + read);
  }
  public static void main(String[] arguments) throws Exception {
    System.out.println("two that were read: equal, one hashCode");
    pair("123", "124", "false false"); pair("19.98", "19.99", "false false"); pair("1767323045123", "1767323045124", "false false");
    pair("\"1234567890123456789\"", "\"1234567890123456788\"", "false false");
    pair("1234567890123456789", "1234567890123456788", "true true"); pair("9007199254740993", "9007199254740992", "true true");
    pair("99999999999999.98", "99999999999999.99", "true true"); pair("1000000000000000000001", "1000000000000000000002", "true true");
    for (String[] row : new String[][] { { "123456789012345000", "1000000000", "1000" }, { "500000000000000", "1", "1000" }, { "17673230451234560", "1", "501" },
      { "1234567890123456000", "1", "5" } }) {
      Set<JsonElement> seen = new HashSet<>(); Set<String> texts = new HashSet<>(); long first = Long.parseLong(row[0]), step = Long.parseLong(row[1]);
      for (int n = 0; n < 1000; n++) { JsonObject event = read("" + (first + n * step)); seen.add(event); texts.add(event.get("v").getAsString()); }
      check("of 1000 ids from " + row[0] + (step > 1 ? " on, far apart," : " on") + " in a set, as text", seen.size() + " " + texts.size(), row[2] + " 1000");
    }
    System.out.println("one made, one read: equal, found in a set");
    for (long id : new long[] { 5, 1767323045123L }) { JsonObject own = new JsonObject(); own.addProperty("v", id);
    made("addProperty " + id, own, "" + id, "true false"); }
    made("toJsonTree of a map with 5", new Gson().toJsonTree(Map.of("v", 5)), "5", "true false");
    JsonObject amount = new JsonObject(); amount.addProperty("v", 19.99); made("addProperty 19.99", amount, "19.99", "true true");
    JsonObject text = new JsonObject(); text.addProperty("v", "5"); made("addProperty \"5\"", text, "\"5\"", "true true");
    made("5, made, written and read again", JsonParser.parseString(new Gson().toJson(Map.of("v", 5))), "5", "true true");
    System.exit(failed ? 1 : 0);
  }
}
E
timeout 60 java -cp "$jars/gson.jar:$jars/jackson-core.jar:$jars/jackson-databind.jar:$jars/jackson-annotations.jar" T.java
