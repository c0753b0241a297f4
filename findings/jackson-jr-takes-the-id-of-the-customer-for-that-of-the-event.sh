#!/usr/bin/env bash
# Expected: JSON.std.beanFrom(Event.class, body) of jackson-jr, Jackson's small library for beans and maps, fills in the fields of the event, or throws where a value is no text or number, as Jackson's ObjectMapper does
#   ("Cannot deserialize value of type String from Object value"). Unknown fields are passed over with all that is in them.
# Happens: jackson-jr 2.14.0 (Debian 12) goes on inside of the object where a field is a String, a long or an Integer: with "customer": {"id": "cus_7", "amount": 5} for a String customer the event has the id cus_7 and the
#   amount 5, the end of the customer is the end of the event, and all behind it is left out: amount 1999 and state "paid" are gone. {} does so, too. A list of texts with an object in it has null, the names and the values of
#   that object. A text that is no whole number is another or 0: "abc", "1,000" and "12345678901234567890" are 0, "19.99" is 19, as 19.99 is. No error.
# Means: one sender, or one version of its API, that sends the customer or the amount as an object (an id that is "expanded", an amount with its currency) has its events stored under the id of the customer: the second one
#   is taken for a repeat, and amounts are 0. Let the field be an Object or a Map and look at it, use JSON.std.mapFrom, or ObjectMapper.
# The versions are those of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get java javac; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and its $tool"; exit 2; }; done
apt-get download -qq libjackson2-jr-java libjackson2-core-java libjackson2-databind-java libjackson2-annotations-java >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libjackson2-jr-java_* libjackson2-core-java_* libjackson2-databind-java_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f libjackson2-jr-java_* Version) == 2.14.0-* ]] || { echo "   changed: expected jackson-jr 2.14.0"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; jars=root/usr/share/java
cat > T.java <<'E'
import com.fasterxml.jackson.databind.ObjectMapper; import com.fasterxml.jackson.jr.ob.JSON; import java.util.*;
public class T {
  public static class Event {
    public String id, customer, state; public long amount; public Integer tries; public Long refunded; public Double rate; public Boolean paid; public List<String> tags;
    public String toString() {
      StringBuilder text = new StringBuilder(id + " " + customer + " " + amount + " " + state); if (tries != null) text.append(", tries ").append(tries); if (refunded != null) text.append(", refunded ").append(refunded);
      if (rate != null) text.append(", rate ").append(rate); if (paid != null) text.append(", paid ").append(paid); if (tags != null) text.append(", tags ").append(tags); return text.toString();
    }
  }
  static boolean failed;
  static void check(String what, Object got, String wanted) { System.out.printf("  %s%n      %s%n", what, got); if (!String.valueOf(got).equals(wanted)) { System.out.println("   changed: expected " + wanted); failed = true; } }
  static String read(String body) { try { return JSON.std.beanFrom(Event.class, body).toString(); } catch (Exception e) { return "throws"; } }
  static String other(String body) { try { return new ObjectMapper().readValue(body, Event.class).toString(); } catch (Exception e) { return "throws"; } }
  public static void main(String[] arguments) throws Exception {
    String head = "{\"id\":\"evt_1\",\"customer\":", tail = ",\"amount\":1999,\"state\":\"paid\"}"; System.out.println("id, customer, amount and state of an event, then what else is set:");
    for (String[] row : new String[][] { { head + "\"cus_7\"" + tail, "evt_1 cus_7 1999 paid" }, { head + "null" + tail, "evt_1 null 1999 paid" }, { "{\"id\":\"evt_1\",\"buyer\":{\"id\":\"cus_7\",\"amount\":5}" + tail, "evt_1 null 1999 paid" },
      { head + "{\"id\":\"cus_7\",\"amount\":5}" + tail, "cus_7 null 5 null" }, { head + "{\"name\":\"Ann\"}" + tail, "evt_1 null 0 null" }, { head + "{}" + tail, "evt_1 null 0 null" },
      { "{\"id\":\"evt_1\",\"amount\":{\"value\":1999,\"currency\":\"EUR\"},\"state\":\"paid\"}", "evt_1 null 0 null" }, { "{\"id\":\"evt_1\",\"tries\":{\"id\":\"t\"},\"state\":\"paid\"}", "t null 0 null, tries 0" },
      { "{\"id\":\"evt_1\",\"tags\":[{\"name\":\"new\"},\"vip\"],\"state\":\"paid\"}", "evt_1 null 0 paid, tags [null, name, new, null, vip]" }, { "{\"amount\":\"abc\",\"tries\":\"5 times\",\"rate\":\"x\"}", "null null 0 null, tries 0, rate 0.0" },
      { "{\"amount\":\"1,000\",\"tries\":\"7\"}", "null null 0 null, tries 7" }, { "{\"amount\":\"12345678901234567890\"}", "null null 0 null" }, { "{\"amount\":12345678901234567890}", "throws" }, { "{\"amount\":\"19.99\",\"tries\":19.99}", "null null 19 null, tries 19" } }) check(row[0], read(row[0]), row[1]);
    System.out.println("by ObjectMapper:");
    for (String part : new String[] { "{\"id\":\"cus_7\",\"amount\":5}", "{}" }) check(head + part + tail, other(head + part + tail), "throws"); check("{\"amount\":\"abc\"}", other("{\"amount\":\"abc\"}"), "throws");
    System.out.println("by JSON.std.mapFrom:"); Map<String, Object> map = JSON.std.mapFrom(head + "{\"id\":\"cus_7\",\"amount\":5}" + tail); check("id, amount, customer", map.get("id") + " " + map.get("amount") + " " + map.get("customer"), "evt_1 1999 {id=cus_7, amount=5}");
    Set<String> seen = new HashSet<>(); int stored = 0; for (int n = 1; n <= 3; n++) if (seen.add(JSON.std.beanFrom(Event.class, "{\"id\":\"evt_" + n + "\",\"customer\":{\"id\":\"cus_7\"}" + tail).id)) stored++;
    System.out.println("three events of one customer:"); check("taken for new, by their ids", stored, "1");
    System.exit(failed ? 1 : 0);
  }
}
E
timeout 60 java -cp "$jars/jackson-jr-objects.jar:$jars/jackson-core.jar:$jars/jackson-databind.jar:$jars/jackson-annotations.jar" T.java
