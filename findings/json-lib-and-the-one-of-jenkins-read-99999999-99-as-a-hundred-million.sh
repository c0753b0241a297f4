#!/usr/bin/env bash
# Expected: json-lib (net.sf.json) and the fork of it that Jenkins and its plugins read hooks with give the number that the body has: get() says java.lang.Double, getDouble() a
#   double, so 15 digits are right, as with every other JSON library of Java.
# Happens: json-lib 2.4 and Jenkins' 2.4-jenkins-3 (Debian 12) read each number with a point or an exponent as a float of 32 bits first: 131072.01 is 131072.02, 1234567.12 is
#   1234567.1, 99999999.99 is 100000000, a time of 1767323045.25 is 35 seconds earlier. Up to seven digits (19.99, 65535.99), whole numbers, and a double that one's own code
#   puts in are right. A key "class" is left out. And where code puts a string in, json-lib looks into it: a note "[1,2]" becomes a list, "null" becomes null (not Jenkins').
# Means: of the amounts between one and two million, nine in ten are wrong, by up to eleven cents, and times in one burst are the same, without an error. Read such
#   bodies with Jackson or Gson, or have amounts and times with a fraction sent as strings: getDouble() of "1234567.12" is right.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get java javac; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and its $tool"; exit 2; }; done
apt-get download -qq libjson-java libjenkins-json-java libjackson-json-java libcommons-lang-java libcommons-beanutils-java libcommons-collections3-java libcommons-logging-java libezmorph-java \
  >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libjson-java_* libjenkins*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f libjson-java_* Version) == 2.4-* && $(dpkg -f libjenkins* Version) == 2.4-jenkins-3-* ]] || { echo "   changed: expected 2.4 and 2.4-jenkins-3"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; jars=root/usr/share/java
others=$jars/commons-lang.jar:$jars/commons-beanutils.jar:$jars/commons-collections3.jar:$jars/commons-logging.jar:$jars/ezmorph.jar:$jars/jackson-core-asl.jar:$jars/jackson-mapper-asl.jar
cat > T.java <<'E'
import java.util.*;
import net.sf.json.*;
public class T {
  static boolean failed;
  static void check(String text, Object got, String wanted) {
    System.out.printf("  %-46s %s%n", text, got); if (!String.valueOf(got).equals(wanted)) { System.out.println("   changed: expected " + wanted); failed = true; }
  }
  static double jackson(String number) throws Exception { return new org.codehaus.jackson.map.ObjectMapper().readTree("{\"v\":" + number + "}").get("v").getDoubleValue(); }
  public static void main(String[] arguments) throws Exception {
    boolean jenkins = arguments[0].equals("jenkins");
    for (String number : new String[] { "19.99", "65535.99", "123456.78", "1700000000123", "1234567890123456789" })
      check(number + ", written again", JSONObject.fromObject("{\"v\":" + number + "}").get("v"), number);
    String[][] wrong = { { "131072.01", "131072.02" }, { "1234567.12", "1234567.1" }, { "99999999.99", "1.0E8" }, { "1767323045.25", "1.76732301E9" }, { "52.5200066", "52.520008" } };
    for (String[] row : wrong) {
      JSONObject body = JSONObject.fromObject("{\"v\":" + row[0] + ",\"s\":\"" + row[0] + "\"}"); check(row[0], body.get("v"), row[1]);
      double right = Double.parseDouble(row[0]), text = body.getDouble("s"); check("   its type, and right by Jackson, as a string", body.get("v").getClass().getSimpleName() + " " + (jackson(row[0]) == right) + " " + (text == right), "Double true true");
    }
    check("seconds of 1767323045.25", JSONObject.fromObject("{\"v\":1767323045.25}").getLong("v"), "1767323010");
    Set<Object> times = new HashSet<>(); for (int n = 0; n < 20; n++) times.add(JSONObject.fromObject("{\"v\":17673230" + (40 + n) + ".5}").get("v"));
    check("twenty times, a second apart, are", times.size(), "1");
    int bad = 0; double most = 0;
    for (int n = 0; n < 1000; n++) {
      String amount = String.format(Locale.ROOT, "%d.%02d", 1000000 + n * 1000, n * 37 % 100); double off = Math.abs(JSONObject.fromObject("{\"v\":" + amount + "}").getDouble("v") - Double.parseDouble(amount));
      if (off > 0.001) bad++; most = Math.max(most, off);
    }
    check("of 1000 amounts from one million on, wrong", bad, "916"); check("   by up to", String.format(Locale.ROOT, "%.2f", most), "0.11");
    JSONObject own = new JSONObject(); own.put("v", 1234567.12); check("a double put in, written", own, "{\"v\":1234567.12}");
    check("   written and read", JSONObject.fromObject(own.toString()), "{\"v\":1234567.1}");
    check("a key named class", JSONObject.fromObject("{\"class\":\"gold\",\"id\":1}"), "{\"id\":1}");
    JSONObject note = new JSONObject(); note.put("a", "[1,2]"); note.put("b", "null"); note.put("c", "x"); check("strings put in", note, jenkins ? "{\"a\":\"[1,2]\",\"b\":\"null\",\"c\":\"x\"}" : "{\"a\":[1,2],\"b\":null,\"c\":\"x\"}");
    System.exit(failed ? 1 : 0);
  }
}
E
failed=0
for jar in json-lib jenkins-json-lib; do echo "$jar"; javac -nowarn -proc:none -d "$jar" -cp "$jars/$jar.jar:$others" T.java 2>/dev/null; timeout 60 java -Dorg.apache.commons.logging.Log=org.apache.commons.logging.impl.NoOpLog -cp "$jar:$jars/$jar.jar:$others" T "${jar%%-*}" || failed=1; done
exit $failed
