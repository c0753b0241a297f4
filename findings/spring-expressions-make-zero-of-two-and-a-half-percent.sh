#!/usr/bin/env bash
# Expected: a division in a rule of Spring (SpEL: "amount * (rate / 100)") with values of type BigDecimal, as a numeric column or a JSON reader for money
#   gives them, has some digits more than its parts, as it has with double, in SQL and in other languages for rules; 2.5 / 100 is 0.025.
# Happens: SpEL of Spring 4.3.30 (Debian 12) rounds the quotient to the digits behind the point that the longer of both numbers has, to the even neighbour:
#   2.5 / 100 is 0.0, 2.50 / 100 is 0.02, 19 / 100 is 0, 100 / 3 is 33, 1999 / 100 (cents to euros) is 20, 1 / 8 is 0. OGNL 2.7.3 does the same. The same
#   numbers as double, or multiplied before they are divided (amount * rate / 100), give what one expects, to the digits of the product. MVEL and JEXL give 34
#   digits. Nothing warns.
# Means: a fee, a tax or a rate that a rule counts is zero, or a fifth too small, by whether the rate came as 2.5, 2.50 or 2.5000, that is by the column's
#   scale. A longer literal (100.000000) does not help. Multiply first, or do money in Java.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get java javac; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and its $tool"; exit 2; }; done
apt-get download -qq libspring-expression-java libspring-core-java libcommons-logging-java \
  libognl-java libjavassist-java libmvel-java libcommons-jexl3-java >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libspring-expression-java libognl-java; do dpkg -f ${package}_* Package Version | xargs; done
[[ $(dpkg -f libspring-expression-java_* Version) == 4.3.30-* && $(dpkg -f libognl-java_* Version) == 2.7.3-* ]] || { echo "   changed: expected 4.3.30 and 2.7.3"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; jars=root/usr/share/java
cat > T.java <<'E'
import java.math.*; import java.util.*;
import org.springframework.expression.spel.standard.*; import org.springframework.expression.spel.support.*;
public class T {
  static boolean failed;
  static void check(String text, Object got, String wanted) {
    System.out.printf("  %-58s %s%n", text, got); if (!String.valueOf(got).equals(wanted)) { System.out.println("   changed: expected " + wanted); failed = true; }
  }
  static String plain(Object number) { return number instanceof BigDecimal ? ((BigDecimal) number).toPlainString() : String.valueOf(number); }
  static String spel(String rule, Map<String, Object> event) { return plain(new SpelExpressionParser().parseExpression(rule.replaceAll("[a-z]\\w*",
    "['$0']")).getValue(new StandardEvaluationContext(event))); }
  static void rule(String rule, String a, String b, String wanted, String asDouble) throws Exception {
    Map<String, Object> event = new HashMap<>(), doubles = new HashMap<>(); event.put("a", new BigDecimal(a)); event.put("b", new BigDecimal(b));
    doubles.put("a", Double.valueOf(a)); doubles.put("b", Double.valueOf(b));
    check(rule + ", a " + a + ", b " + b + ": SpEL, OGNL; as double", spel(rule, event) + " " + plain(ognl.Ognl.getValue(rule, event)) + "; " + spel(rule, doubles),
      wanted + " " + wanted + "; " + asDouble);
  }
  public static void main(String[] arguments) throws Exception {
    System.out.println("a rate in percent, a BigDecimal");
    rule("a / 100", "2.5", "1", "0.0", "0.025"); rule("a / 100", "2.50", "1", "0.02", "0.025"); rule("a / 100", "2.5000", "1", "0.0250", "0.025");
    rule("a / 100", "19", "1", "0", "0.19"); rule("a / 100", "7.7", "1", "0.1", "0.077");
    System.out.println("a fee of b percent of an amount a");
    rule("a * (b / 100)", "1000.00", "2.5", "0.000", "25.0"); rule("a * (b / 100)", "1000.00", "2.50", "20.0000", "25.0");
    rule("a * b / 100", "1000.00", "2.5", "25.000", "25.0"); rule("a * (1 + b / 100)", "1000.00", "19", "1000.00", "1190.0");
    rule("a * (b / 100.000000)", "1000.00", "2.5", "0.000", "25.0");
    System.out.println("others");
    rule("a / 100", "1999", "1", "20", "19.99"); rule("a / b", "100", "3", "33", "33.333333333333336"); rule("a / b", "1", "8", "0", "0.125");
    rule("a / b * b", "19.99", "7", "20.02", "19.99"); rule("a * b", "19.99", "1.1", "21.989", "21.989");
    Map<String, Object> event = new HashMap<>(); event.put("a", new BigDecimal("2.5"));
    check("2.5 / 100 in MVEL, in JEXL", plain(org.mvel2.MVEL.eval("a / 100",
      event)) + " " + plain(new org.apache.commons.jexl3.JexlBuilder().create().createExpression("a / 100").evaluate(new org.apache.commons.jexl3.MapContext(event))), "0.025 0.025");
    System.exit(failed ? 1 : 0);
  }
}
E
path=; for jar in spring3-expression spring3-core commons-logging ognl javassist mvel2 commons-jexl3; do path+=$jars/$jar.jar:; done
timeout 60 java -cp "$path" T.java
