#!/usr/bin/env bash
# Expected: ActiveMQ, asked by the header AMQ_SCHEDULED_CRON (JMS, STOMP, REST) to deliver a message again and again, runs a line as crontab(5) does: "0 9 * *
#   *" at nine on each day; a step counts from the first day or month; with a day of the month and one of the week, either is enough. Its documentation shows
#   the picture of crontab, and names no difference.
# Happens: ActiveMQ 5.17.2 (Debian 12): in Europe/Berlin a daily job is left out on the 29th of March 2026, at whatever hour after the change; a weekly one of
#   that Sunday runs at ten, and in October at eight and again at nine; "0 */4 * * *" has no run at four. (New York: the 8th of March, the 1st of November.)
#   In UTC, too: "*/3" for months is March, June, September, December (cron: January, April, ...), "*/2" for days 2, 4, 6, "1-31/7" 7, 14, 21, 28; "0 9 29 2
#   *" runs on the 1st of March in three years of four, "0 9 13 * 5" runs once a month, mostly on the 13th (cron: five or six times). (The runs are those of
#   the class that the broker asks; that it does is checked with a broker.)
# Means: the poll for missed events, the digest or the clean-up that is a scheduled message does not come on one day, or twice, or in other months, without an
#   error or a line in the log. Let the broker run in UTC (-Duser.timezone=UTC), write months and days as a list (1,4,7,10), and one kind of day.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get java javac; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and its $tool"; exit 2; }; done
apt-get download -qq libactivemq-java libgeronimo-jms-1.1-spec-java libgeronimo-j2ee-management-1.1-spec-java libslf4j-java libhawtbuf-java >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f libactivemq-java_* Package Version | xargs; [[ $(dpkg -f libactivemq-java_* Version) == 5.17.2* ]] || { echo "   changed: expected 5.17.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; jars=root/usr/share/java
cat > T.java <<'E'
import java.text.SimpleDateFormat; import java.time.*; import java.util.*; import javax.jms.*;
import org.apache.activemq.ActiveMQConnectionFactory; import org.apache.activemq.broker.BrokerService; import org.apache.activemq.broker.scheduler.*;
public class T {
  static boolean failed;
  static void check(String text, Object got, String wanted) {
    System.out.printf("  %-14s %s%n", text, got); if (!String.valueOf(got).equals(wanted)) { System.out.println("   changed: expected " + wanted); failed = true; }
  }
  static void runs(String line, String from, String wanted) throws Exception {
    long time = Instant.parse(from + "T16:00:00Z").toEpochMilli(); List<String> runs = new ArrayList<>();
    SimpleDateFormat day = new SimpleDateFormat("E dd MMM HH:mm", Locale.ROOT);
    for (int n = wanted.split(", ").length; n > 0; n--) { time = CronParser.getNextScheduledTime(line, time); runs.add(day.format(new Date(time))); }
    if (!wanted.contains(":")) runs.replaceAll(run -> run.endsWith(" 09:00") ? run.substring(0, 10) : run);
    check(line, String.join(", ", runs), wanted);
  }
  static void broker(String... lines) throws Exception {
    BrokerService broker = new BrokerService(); broker.setPersistent(false); broker.setUseJmx(false); broker.setSchedulerSupport(true); broker.setBrokerName("t");
    broker.start(); broker.waitUntilStarted();
    javax.jms.Connection connection = new ActiveMQConnectionFactory("vm://t?create=false").createConnection(); connection.start();
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE); MessageProducer producer = session.createProducer(session.createQueue("q"));
    long before = System.currentTimeMillis();
    for (String line : lines) { TextMessage message = session.createTextMessage("poll"); message.setStringProperty("AMQ_SCHEDULED_CRON", line);
    producer.send(message); }
    List<Job> jobs = List.of(); for (int n = 0; n < 100 && jobs.size() < lines.length; n++) { Thread.sleep(50);
    jobs = broker.getJobSchedulerStore().getJobScheduler("JMS").getAllJobs(); }
    SimpleDateFormat day = new SimpleDateFormat("yyyy-MM-dd HH:mm:ss"); long after = System.currentTimeMillis(); int same = 0;
    for (Job job : jobs) for (long now : new long[] { before, after }) if (day.format(new Date(CronParser.getNextScheduledTime(job.getCronEntry(),
      now))).equals(job.getNextExecutionTime())) { same++; break; }
    check("a broker", same + " of " + lines.length + " lines as below", lines.length + " of " + lines.length + " lines as below"); connection.close(); broker.stop();
  }
  public static void main(String[] arguments) throws Exception {
    TimeZone.setDefault(TimeZone.getTimeZone("Europe/Berlin"));
    broker("0 9 * * *", "0 9 * * 0", "0 9 1 */3 *", "0 9 */2 * *", "0 9 1-31/7 * *", "0 9 29 2 *", "0 9 13 * 5");
    System.out.println("Europe/Berlin, summer time from Sunday, the 29th of March, to Sunday, the 25th of October 2026");
    runs("0 9 * * *", "2026-03-27", "Sat 28 Mar, Mon 30 Mar, Tue 31 Mar"); runs("30 22 * * *", "2026-03-27", "Fri 27 Mar 22:30, Sat 28 Mar 22:30, Mon 30 Mar 22:30");
    runs("0 9 * * *", "2026-10-23", "Sat 24 Oct, Sun 25 Oct, Mon 26 Oct");
    runs("0 9 * * 0", "2026-03-21", "Sun 22 Mar 09:00, Sun 29 Mar 10:00, Sun 05 Apr 09:00");
    runs("0 9 * * 0", "2026-10-19", "Sun 25 Oct 08:00, Sun 25 Oct 09:00, Sun 01 Nov 09:00");
    runs("0 */4 * * *", "2026-03-28", "Sat 28 Mar 20:00, Sun 29 Mar 00:00, Sun 29 Mar 08:00");
    TimeZone.setDefault(TimeZone.getTimeZone("America/New_York")); System.out.println("America/New_York");
    runs("0 9 * * *", "2026-03-06", "Sat 07 Mar, Mon 09 Mar, Tue 10 Mar"); runs("0 9 * * 0", "2026-10-26", "Sun 01 Nov 08:00, Sun 01 Nov 09:00, Sun 08 Nov 09:00");
    TimeZone.setDefault(TimeZone.getTimeZone("UTC")); System.out.println("UTC, right");
    runs("0 9 * * *", "2026-03-27", "Sat 28 Mar, Sun 29 Mar, Mon 30 Mar"); runs("0 9 * * 0", "2026-10-19", "Sun 25 Oct, Sun 01 Nov");
    runs("0 9 31 * *", "2026-01-01", "Sat 31 Jan, Tue 31 Mar, Sun 31 May"); runs("0 9 1 1,4,7 *", "2026-01-02", "Wed 01 Apr, Wed 01 Jul, Fri 01 Jan");
    runs("0 9 * * 1-5", "2026-01-02", "Mon 05 Jan, Tue 06 Jan");
    System.out.println("UTC, other days than cron");
    runs("0 9 1 */3 *", "2026-01-02", "Sun 01 Mar, Mon 01 Jun, Tue 01 Sep, Tue 01 Dec"); runs("0 9 */2 * *", "2026-01-01", "Fri 02 Jan, Sun 04 Jan, Tue 06 Jan");
    runs("0 9 1-31/7 * *", "2026-01-01", "Wed 07 Jan, Wed 14 Jan, Wed 21 Jan, Wed 28 Jan, Sat 07 Feb");
    runs("0 9 29 2 *", "2026-01-01", "Sun 01 Mar, Mon 01 Mar, Tue 29 Feb, Thu 01 Mar");
    runs("0 9 13 * 5", "2026-01-01", "Fri 16 Jan, Fri 13 Feb, Fri 13 Mar, Mon 13 Apr, Wed 13 May, Sat 13 Jun, Mon 13 Jul, Thu 13 Aug, Fri 18 Sep");
    System.exit(failed ? 1 : 0);
  }
}
E
path=; for jar in activemq-broker activemq-client geronimo-jms_1.1_spec geronimo-j2ee-management-1.1-spec slf4j-api slf4j-nop hawtbuf; do path+=$jars/$jar.jar:; done
timeout 60 java -cp "$path" T.java
