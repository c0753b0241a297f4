#!/usr/bin/env bash
# Expected: a script that Rhino runs for a Java program (rules, mappings of integration servers, templates) reads the Map that Java made of an event or a row:
#   false is false, text is text, and an id of type Long, joined to a text or written by JSON.stringify, has its digits, as event.get("id") prints them in
#   Java. What the script puts into a Map is what it says.
# Happens: Rhino 1.7.14 (Debian 12), embedded as its documentation shows: if (event.get("paid")) is true for false, for 0 and for ""; === "refund" is never
#   true though == is, a switch goes to default, ["refund"].indexOf(type) is -1. "/orders/" + event.get("id") of the Long 1234567890123456789 is
#   /orders/1234567890123456800, JSON.stringify writes the same; id.toString() has all digits. put("n", 5) stores the Double 5.0, put("id", 1767323045123) is
#   1.767323045123E12 in SQL, a URL or a log. With setJavaPrimitiveWrap(false) in a WrapFactory of one's own the first are right, but then even toString() has
#   lost the digits, and a Long that is put in is a Double, too.
# Means: a filter lets unpaid orders through, the branch for refunds is never taken, and the request for an order goes to another one; no error. Have the Java
#   side hand over ids as text and set that option; or write event.get("paid") == true, String(type) === "refund", id.toString(), and put numbers as
#   java.lang.Long.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get java javac; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and its $tool"; exit 2; }; done
apt-get download -qq librhino-java >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f librhino-java_* Package Version | xargs; [[ $(dpkg -f librhino-java_* Version) == 1.7.14* ]] || { echo "   changed: expected 1.7.14"; exit 1; }
dpkg -x librhino-java_* root
cat > T.java <<'E'
import java.math.*; import java.util.*; import org.mozilla.javascript.*;
public class T {
  static boolean failed;
  static void check(String text, Object got, String wanted) {
    System.out.printf("  %-62s %s%n", text, got); if (!String.valueOf(got).equals(wanted)) { System.out.println("   changed: expected " + wanted); failed = true; }
  }
  static String run(String script, boolean wrap) {
    Context context = Context.enter(); try {
      context.setLanguageVersion(Context.VERSION_ES6); if (!wrap) { WrapFactory factory = new WrapFactory(); factory.setJavaPrimitiveWrap(false);
      context.setWrapFactory(factory); }
      Scriptable scope = context.initStandardObjects(); Map<String, Object> event = new LinkedHashMap<>(), out = new LinkedHashMap<>();
      event.put("paid", false); event.put("type", "refund"); event.put("id", 1234567890123456789L); event.put("count", 0); event.put("note", "");
      event.put("amount", new BigDecimal("19.99")); event.put("none", null);
      for (Object[] row : new Object[][] { { "event", event }, { "out", out } }) ScriptableObject.putProperty(scope, (String) row[0], Context.javaToJS(row[1],
        scope));
      String result = Context.toString(context.evaluateString(scope, script, "rule", 1, null)); return out.isEmpty() ? result : out.toString();
    } finally { Context.exit(); }
  }
  static void rule(String script, String usual, String unwrapped) { check(script + ": by default, with the option", run(script, true) + " | " + run(script, false),
    usual + " | " + unwrapped); }
  public static void main(String[] arguments) {
    System.out.println("event, a Map of Java: paid false, type \"refund\", id " + 1234567890123456789L + " (Long), count 0, note \"\", amount 19.99 (BigDecimal)");
    rule("event.get('type') == 'refund'", "true", "true"); rule("event.get('amount') > 19.98", "true", "true"); rule("event.get('none') ? 'yes' : 'no'", "no", "no");
    rule("JSON.parse('{\"paid\":false}').paid ? 'yes' : 'no'", "no", "no");
    System.out.println("what is false, and what is equal");
    rule("event.get('paid') ? 'yes' : 'no'", "yes", "no"); rule("event.get('paid') == false", "true", "true"); rule("!event.get('paid')", "false", "true");
    rule("event.get('count') ? 'yes' : 'no'", "yes", "no"); rule("event.get('note') ? 'yes' : 'no'", "yes", "no");
    rule("event.get('type') === 'refund'", "false", "true"); rule("['refund'].indexOf(event.get('type'))", "-1", "0");
    rule("switch (event.get('type')) { case 'refund': 'hit'; break; default: 'miss' }", "miss", "hit");
    System.out.println("ids");
    rule("'/orders/' + event.get('id')", "/orders/1234567890123456800", "/orders/1234567890123456800");
    rule("JSON.stringify({ id: event.get('id') })", "{\"id\":1234567890123456800}", "{\"id\":1234567890123456800}");
    rule("event.get('id') == 1234567890123456788", "true", "true");
    rule("event.get('id').toString()", "1234567890123456789", "1234567890123456800"); 
    System.out.println("what a script puts into a Map of Java");
    rule("out.put('n', 5)", "{n=5.0}", "{n=5.0}"); rule("out.put('id', 1767323045123)", "{id=1.767323045123E12}", "{id=1.767323045123E12}");
    rule("out.put('n', java.lang.Long.valueOf(5))", "{n=5}", "{n=5.0}"); rule("out.put('s', 'x' + 1)", "{s=x1}", "{s=x1}");
    System.exit(failed ? 1 : 0);
  }
}
E
timeout 60 java -cp "$(ls root/usr/share/java/js.jar root/usr/share/java/rhino.jar 2>/dev/null | head -1)" T.java
