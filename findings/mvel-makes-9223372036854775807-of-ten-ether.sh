#!/usr/bin/env bash
# Expected: MVEL, the language of rules in Drools, Easy Rules and many a settings page ("amount > limit && customer == id"), counts with the values of an
#   event as Java has them: Long and BigInteger with every digit, BigDecimal exactly. Where it turns a string into a number, it takes the number that the
#   string is. 3 * amount is amount * 3.
# Happens: MVEL 2.4.4 (Debian 12), interpreted and compiled: a BigInteger, with another kind of number, is cut to 64 bits first. Of wei (10 ether and a bit) a
#   + 1, a - 1, a * 2 and a * 1.5 are all 9223372036854775807. A Long and an Int count as doubles: id + 1 of 1234567890123456789 is 1234567890123456768. A
#   Long equals a string with another id ("...788" is ...789). "19.99" * 2 is 39. A BigDecimal is exact on the left only: amount * 3 == 59.97 is true, 3 *
#   amount == 59.97 is false, 100 - amount is 80.0100000000000051..., and so is what comes of -amount. Two variables of type Int run over (twice two billion:
#   -294967296), a variable and a literal do not.
# Means: a fee, a limit or a "next id" that a rule counts is another number, and a rule for one customer or order lets through that of another, with no error.
#   Hand rules BigDecimal for all that they count with, constants too (then all of it is right), and compare ids as strings on both sides.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get java javac; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and its $tool"; exit 2; }; done
apt-get download -qq libmvel-java >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f libmvel-java_* Package Version | xargs; [[ $(dpkg -f libmvel-java_* Version) == 2.4.4-* ]] || { echo "   changed: expected 2.4.4"; exit 1; }
dpkg -x libmvel-java_* root
cat > T.java <<'E'
import java.math.*; import java.util.*;
import org.mvel2.MVEL;
public class T {
  static boolean failed; static Map<String, Object> event = new HashMap<>();
  static void check(String text, Object got, String wanted) {
    System.out.printf("  %-34s %s%n", text, got); if (!String.valueOf(got).equals(wanted)) { System.out.println("   changed: expected " + wanted); failed = true; }
  }
  static void rule(String rule, String wanted) {
    check(rule, MVEL.eval(rule, new HashMap<>(event)), wanted);
    Object compiled = MVEL.executeExpression(MVEL.compileExpression(rule), new HashMap<>(event));
    if (!String.valueOf(compiled).equals(wanted)) check("   compiled", compiled, wanted);
  }
  static String plain(BigInteger number) { return number.toString(); }
  public static void main(String[] arguments) {
    BigInteger wei = new BigInteger("10000000000000000001"); long id = 1234567890123456789L; BigDecimal amount = new BigDecimal("19.99");
    String max = "9223372036854775807";
    event.put("wei", wei); event.put("fee", new BigInteger("5")); event.put("factor", new BigDecimal("1.5")); event.put("id", id);
    event.put("other", "1234567890123456788"); event.put("same", "1234567890123456789");
    event.put("otherLong", 1234567890123456788L); event.put("amount", amount); event.put("text", "19.99"); event.put("two", 2000000000);
    event.put("one", BigDecimal.ONE); event.put("rest", new BigDecimal("80.01")); event.put("hundred", new BigDecimal("100"));
    event.put("exact", new BigDecimal("10000000000000000001"));
    System.out.println("a BigInteger, wei = " + wei);
    rule("wei + fee", plain(wei.add(new BigInteger("5")))); rule("wei > 5", "true"); rule("fee * 2", "10");
    for (String rule : new String[] { "wei + 1", "wei - 1", "wei * 2", "wei * factor" }) rule(rule, max);
    rule("wei + 1 > wei", "false"); rule("wei * 2 > wei + fee", "false");
    System.out.println("   the same as a BigDecimal, with others"); rule("exact + one", "10000000000000000002"); rule("one + exact", "10000000000000000002");
    rule("exact * factor", "15000000000000000001.5"); rule("exact + one > exact", "true");
    System.out.println("a Long, id = " + id);
    rule("id == " + id, "true"); rule("id == 1234567890123456788", "false"); rule("id == otherLong", "false"); rule("id - otherLong", "1");
    rule("id + 1", "1234567890123456768"); rule("id * 1", "1234567890123456768"); rule("id / 1", "1234567890123456768");
    rule("id == same", "true"); rule("id == other", "true"); rule("id != other", "false"); rule("id == '1234567890123456788'", "true");
    rule("same == other", "false");
    System.out.println("amounts, amount = 19.99, text = \"19.99\", two = two billion");
    rule("amount * 3", "59.97"); rule("amount * 3 == 59.97", "true"); rule("3 * amount == 59.97", "false"); rule("3 * amount > 59.96", "true");
    rule("amount - 100", "-80.01"); rule("100 - amount", "80.0100000000000051159076974727213382720947265625"); rule("100 - amount == rest", "false");
    rule("hundred - amount == rest", "true");
    rule("-amount", "-19.989999999999998436805981327779591083526611328125"); rule("hundred - amount", "80.01");
    rule("text > 19.98", "true"); rule("text * 2", "39"); rule("text - 1", "18"); rule("two + 2000000000", "4000000000"); rule("two + two", "-294967296");
    rule("two + two > 0", "false");
    System.exit(failed ? 1 : 0);
  }
}
E
timeout 60 java -cp root/usr/share/java/mvel2.jar T.java
