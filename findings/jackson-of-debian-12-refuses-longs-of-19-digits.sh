#!/usr/bin/env bash
# Expected: Jackson reads a whole number between -2^63 and 2^63 into a field of type long, as its other versions do, and into a Map or a tree as Long (or
#   Integer); Debian's package of 2.14.1 is Jackson 2.14.1.
# Happens: with libjackson2-core-java 2.14.1-2~deb12u1, which Debian 12 has by bookworm-security, each number of 19 digits, from 1000000000000000000 to
#   9223372036854775807 and as far below zero, is an exception for a field of type long or Long and for Set<Long>: "Numeric value (1234567890123456789) out of
#   range of long (-9223372036854775808 - 9223372036854775807)". As Object, Number or in a Map it is a BigInteger without a word: a Set of Longs does not
#   contain it, a tree does not equal that of the same value, isLong() is false. Up to 18 digits all is right, and so are a string of 19 digits and
#   longValue() of a tree. Gson and Jackson 1.9 of Debian 12 read it.
# Means: programs that run on Debian's packages refuse each event with a snowflake id (Twitter, Discord, Meta) or a random long, for ever, or take each repeat
#   for new; in a test with small ids all is right. Read such ids as String, BigInteger or by readTree(body).get("id").longValue(), or bring a Jackson of
#   one's own.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get java javac; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and its $tool"; exit 2; }; done
apt-get download -qq libjackson2-core-java libjackson2-databind-java libjackson2-annotations-java libgoogle-gson-java libjackson-json-java >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libjackson2-core-java libjackson2-databind-java; do dpkg -f ${package}_* Package Version | xargs; done
[[ $(dpkg -f libjackson2-core-java_* Version) == 2.14.1-2~deb12u1 ]] || { echo "   changed: expected 2.14.1-2~deb12u1"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; jars=root/usr/share/java
cat > T.java <<'E'
import com.fasterxml.jackson.core.JsonProcessingException; import com.fasterxml.jackson.databind.*; import java.util.*;
public class T {
  public static class Event { public long id; public Long boxed; public Set<Long> set; public Number number; public String text; public java.math.BigInteger big;
  public double ratio; }
  static boolean failed; static ObjectMapper mapper = new ObjectMapper();
  static void check(String text, Object got, String wanted) {
    System.out.printf("  %-58s %s%n", text, got); if (!String.valueOf(got).equals(wanted)) { System.out.println("   changed: expected " + wanted); failed = true; }
  }
  static void field(String field, String value, String wanted) throws Exception {
    String got; try { Object read = Event.class.getField(field).get(mapper.readValue("{\"" + field + "\":" + value + "}", Event.class));
    got = read + (field.equals("number") ? " " + read.getClass().getSimpleName() : ""); }
    catch (JsonProcessingException e) { got = e.getOriginalMessage(); }
    check(field + ": " + value, got, wanted);
  }
  static String refused(String value) { return "Numeric value (" + value + ") out of range of long (-9223372036854775808 - 9223372036854775807)"; }
  public static void main(String[] arguments) throws Exception {
    String id = "1234567890123456789", max = "9223372036854775807"; long value = Long.parseLong(id);
    System.out.println("right"); for (String number : new String[] { "0", "3000000000", "999999999999999999", "-999999999999999999" }) field("id", number, number);
    field("id", "\"" + id + "\"", id); field("text", id, id); field("big", id, id); field("number", "123456789012345678", "123456789012345678 Long");
    check("readTree, longValue()", mapper.readTree("{\"id\":" + id + "}").get("id").longValue(), id);
    System.out.println("refused"); for (String number : new String[] { id, "1000000000000000000", max, "-" + id }) field("id", number, refused(number));
    field("boxed", id, refused(id)); field("set", "[" + id + "]", refused(id));
    String own; try { own = "" + mapper.readValue(mapper.writeValueAsString(Map.of("id", value)), Event.class).id;
    } catch (JsonProcessingException e) { own = "refused"; } check("a long that Jackson wrote itself", own, "refused");
    Random random = new Random(1); int bad = 0; for (int n = 0; n < 1000; n++) try { mapper.readValue("{\"id\":" + random.nextLong() + "}", Event.class);
    } catch (JsonProcessingException e) { bad++; } check("of 1000 random longs, refused", bad, "891");
    System.out.println("another type"); field("number", id, id + " BigInteger"); Object read = mapper.readValue("{\"id\":" + id + "}", Map.class).get("id");
    check("in a Map; a Set of Longs with it contains it", read.getClass().getSimpleName() + "; " + new HashSet<Object>(Set.of(value)).contains(read),
      "BigInteger; false"); JsonNode tree = mapper.readTree("{\"id\":" + id + "}");
    check("a tree: isLong(), equals the one made of the same long", tree.get("id").isLong() + ", " + tree.equals(mapper.valueToTree(Map.of("id", value))),
      "false, false"); check("   with 18 digits", mapper.readTree("{\"id\":123456789012345678}").equals(mapper.valueToTree(Map.of("id", 123456789012345678L))),
      "true");
    System.out.println("others of Debian 12"); Event gson = new com.google.gson.Gson().fromJson("{\"id\":" + id + "}", Event.class);
    Event old = new org.codehaus.jackson.map.ObjectMapper().readValue("{\"id\":" + max + "}", Event.class);
    check("Gson; Jackson 1.9", gson.id + "; " + old.id, id + "; " + max);
    System.exit(failed ? 1 : 0);
  }
}
E
path=; for jar in jackson-core jackson-databind jackson-annotations gson jackson-core-asl jackson-mapper-asl; do path+=$jars/$jar.jar:; done
timeout 60 java -cp "$path" T.java
