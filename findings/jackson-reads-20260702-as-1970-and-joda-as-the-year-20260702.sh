#!/usr/bin/env bash
# Expected: a field of type Date, Timestamp or Calendar (or DateTime, Instant, LocalDateTime of Joda-Time) takes an ISO 8601 text, and anything else is an
#   error: "2026-07-02 03:04:05", "02.07.2026" and "1767323045" (Joda) are. A date in the basic form of ISO 8601, 20260702, as EDI, SAP and banks send it, or
#   20260702030405 of payment services, is read as that date, or refused.
# Happens: Jackson 2.14.0 (Debian 12) takes a string of digits for milliseconds: "20260702" is 1970-01-01T05:37:40.702Z, "20260702030405" is in the year 2612,
#   "2026" two seconds after 1970, "202607" three minutes. Joda-Time 2.10.14, by itself and below jackson-datatype-joda, takes "20260702" for the year
#   20260702, and "202607" for the year 202607. One field, two libraries, and not one of them right; none raises. Joda's LocalDate in jackson-datatype-joda
#   and java.time do.
# Means: a contract that ends on 20260702 has long ended or never ends, a payment is older than each limit or from the future, by which class the field has.
#   Give such fields a pattern (@JsonFormat(pattern = "yyyyMMdd")), or take them as String and parse them with BASIC_ISO_DATE; and refuse times before 2000
#   and after tomorrow.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get java javac; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and its $tool"; exit 2; }; done
apt-get download -qq libjackson2-core-java libjackson2-databind-java libjackson2-annotations-java libjackson2-datatype-joda-java libjoda-time-java >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libjackson2-databind-java libjackson2-datatype-joda-java libjoda-time-java; do dpkg -f ${package}_* Package Version | xargs; done
[[ $(dpkg -f libjackson2-databind-java_* Version) == 2.14.0-* &&
  $(dpkg -f libjackson2-datatype-joda-java_* Version) == 2.12.1-* && $(dpkg -f libjoda-time-java_* Version) == 2.10.14-* ]] ||
  { echo "   changed: expected 2.14.0, 2.12.1 and 2.10.14"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; jars=root/usr/share/java
cat > T.java <<'E'
import com.fasterxml.jackson.annotation.JsonFormat; import com.fasterxml.jackson.databind.*; import com.fasterxml.jackson.datatype.joda.JodaModule;
import java.time.*; import java.time.format.DateTimeFormatter; import java.util.*; import org.joda.time.DateTime;
public class T {
  public static class Event {
    public Date date; public java.sql.Timestamp timestamp; public Calendar calendar; public DateTime joda; public org.joda.time.Instant instant;
    public org.joda.time.LocalDateTime local; public org.joda.time.LocalDate day;
    @JsonFormat(shape = JsonFormat.Shape.STRING, pattern = "yyyyMMdd") public Date pattern; @JsonFormat(pattern = "yyyyMMdd") public DateTime jodaPattern;
  }
  static boolean failed; static ObjectMapper mapper = new ObjectMapper().registerModule(new JodaModule());
  static void check(String text, Object got, String wanted) {
    System.out.printf("  %-38s %s%n", text, got); if (!String.valueOf(got).equals(wanted)) { System.out.println("   changed: expected " + wanted); failed = true; }
  }
  static void field(String field, String value, String wanted) throws Exception {
    String got; try { Object time = Event.class.getField(field).get(mapper.readValue("{\"" + field + "\":\"" + value + "\"}", Event.class));
    got = time instanceof Date ? ((Date) time).toInstant().toString() : time instanceof Calendar ? ((Calendar) time).toInstant().toString() : time.toString();
    } catch (JsonMappingException e) { got = "an exception"; }
    check(field + " \"" + value + "\"", got, wanted);
  }
  public static void main(String[] arguments) throws Exception {
    TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
    System.out.println("Jackson, java.util and java.sql");
    field("date", "2026-07-02", "2026-07-02T00:00:00Z"); field("date", "2026-07-02T03:04:05Z", "2026-07-02T03:04:05Z");
    field("date", "2026-07-02 03:04:05", "an exception"); field("date", "02.07.2026", "an exception"); field("date", "20260702T030405Z", "an exception");
    for (String name : new String[] { "date", "timestamp", "calendar" }) { field(name, "20260702", "1970-01-01T05:37:40.702Z");
    field(name, "20260702030405", "2612-01-14T20:47:10.405Z"); field(name, "202607", "1970-01-01T00:03:22.607Z"); field(name, "2026", "1970-01-01T00:00:02.026Z"); }
    field("pattern", "20260702", "2026-07-02T00:00:00Z");
    System.out.println("Joda-Time below Jackson");
    field("joda", "2026-07-02", "2026-07-02T00:00:00.000Z"); field("joda", "2026-07-02 03:04:05", "an exception"); field("joda", "1767323045", "an exception");
    field("joda", "20260702030405", "an exception");
    field("joda", "20260702", "20260702-01-01T00:00:00.000Z"); field("instant", "20260702", "20260702-01-01T00:00:00.000Z");
    field("local", "20260702", "20260702-01-01T00:00:00.000"); field("joda", "202607", "202607-01-01T00:00:00.000Z"); field("day", "20260702", "an exception");
    field("jodaPattern", "20260702", "2026-07-02T00:00:00.000Z");
    System.out.println("Joda-Time alone, and java.time");
    check("DateTime.parse(\"20260702\")", DateTime.parse("20260702"), "20260702-01-01T00:00:00.000Z");
    check("LocalDate.parse(\"20260702\")", org.joda.time.LocalDate.parse("20260702"), "20260702-01-01");
    check("   is after today", org.joda.time.LocalDate.parse("20200702").isAfter(new org.joda.time.LocalDate(2026, 12, 1)), "true");
    String own; try { own = java.time.LocalDate.parse("20260702").toString(); } catch (java.time.DateTimeException e) { own = "an exception";
    } check("java.time.LocalDate.parse(\"20260702\")", own, "an exception");
    check("   with BASIC_ISO_DATE", java.time.LocalDate.parse("20260702", DateTimeFormatter.BASIC_ISO_DATE), "2026-07-02");
    System.exit(failed ? 1 : 0);
  }
}
E
timeout 60 java -cp "$jars/jackson-core.jar:$jars/jackson-databind.jar:$jars/jackson-annotations.jar:$jars/jackson-datatype-joda.jar:$jars/joda-time.jar" T.java
