#!/usr/bin/env bash
# Expected: POCO (C++) reads the time of an event with its own ISO8601_FORMAT as that moment: DateTimeParser gives the clock and the offset, makeUTC puts them together (its header says
#   that malformed texts are read as well as it can; this one is well formed). A DateTime that Poco::Data reads from SQLite, or writes to it, is the moment that is meant.
# Happens: POCO 1.11.0 (Debian 12): behind a fraction the offset is passed over, and is 0, without an error: 12:00:59+02:00 is 10:00:59 UTC, 12:00:59.250+02:00 is 12:00:59 UTC, two
#   hours late. ISO8601_FRAC_FORMAT reads both right, and so does the form without a format.
#   Poco::Data with SQLite passes over every offset, with a fraction and without, in a DATETIME that others wrote; behind a blank, it drops the fraction too. It writes whole seconds
#   only: what a DateTime had behind them is gone, so all events of one second are one to "at = ?", and the newest of them is any.
# Means: senders with whole seconds are right, then one adds milliseconds and all its events are hours off. Parse with ISO8601_FRAC_FORMAT, always; with SQLite, store UTC, and as text or
#   as a number (Timestamp::epochMicroseconds) that your own code makes and reads.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get g++; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and g++"; exit 2; }; done
apt-get download -qq libpoco-dev libpocofoundation80 libpocodata80 libpocodatasqlite80 libsqlite3-0 libpcre3 zlib1g >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libpocofoundation80_* libpocodatasqlite80_*; do
  dpkg -f "$package" Package Version | xargs; [[ $(dpkg -f "$package" Version) == 1.11.0-* ]] || { echo "   changed: expected 1.11.0"; exit 1; }
done
for package in ./*.deb; do dpkg -x "$package" root; done; libraries=$dir/root/usr/lib/x86_64-linux-gnu
cat > t.cpp <<'E'
#include <Poco/Data/Session.h>
#include <Poco/Data/SQLite/Connector.h>
#include <Poco/DateTime.h>
#include <Poco/DateTimeFormat.h>
#include <Poco/DateTimeFormatter.h>
#include <Poco/DateTimeParser.h>
#include <iomanip>
#include <iostream>
using namespace Poco; using namespace Poco::Data::Keywords;
static bool failed = false;
static void check(const std::string& text, const std::string& got, const std::string& wanted) {
  std::cout << "  " << std::left << std::setw(66) << text << " " << got << "\n"; if (got != wanted) { std::cout << "   changed: expected " << wanted << "\n"; failed = true; }
}
static std::string clock_of(const DateTime& at) { return DateTimeFormatter::format(at, "%H:%M:%s"); }
static std::string parse(const std::string& text, const std::string& format) {
  DateTime at; int offset = 0;
  if (!(format.empty() ? DateTimeParser::tryParse(text, at, offset) : DateTimeParser::tryParse(format, text, at, offset))) return "refused";
  at.makeUTC(offset); return clock_of(at);
}
int main() {
  const std::string whole = DateTimeFormat::ISO8601_FORMAT, frac = DateTimeFormat::ISO8601_FRAC_FORMAT;
  for (auto& [text, by_whole, by_frac] : {std::tuple{"2024-07-02T10:00:59Z", "10:00:59.000000", "10:00:59.000000"}, {"2024-07-02T12:00:59+02:00", "10:00:59.000000", "10:00:59.000000"},
      {"2024-07-02T06:30:59-03:30", "10:00:59.000000", "10:00:59.000000"}, {"2024-07-02T10:00:59.250Z", "10:00:59.000000", "10:00:59.250000"},
      {"2024-07-02T12:00:59.250+02:00", "12:00:59.000000", "10:00:59.250000"}, {"2024-07-02T06:30:59.250-03:30", "06:30:59.000000", "10:00:59.250000"}}) {
    check(std::string(text) + ", in UTC, by ISO8601_FORMAT", parse(text, whole), by_whole); check("   by ISO8601_FRAC_FORMAT", parse(text, frac), by_frac); check("   without a format", parse(text, ""), by_frac);
  }
  Poco::Data::SQLite::Connector::registerConnector(); Poco::Data::Session db("SQLite", ":memory:");
  db << "CREATE TABLE events (id INTEGER, at DATETIME)", now;
  std::cout << "stored as text in a DATETIME of SQLite, read as a DateTime\n";
  for (auto& [text, wanted] : {std::pair{"2024-07-02T10:00:59Z", "10:00:59.000000"}, {"2024-07-02T10:00:59.250Z", "10:00:59.250000"}, {"2024-07-02T12:00:59+02:00", "12:00:59.000000"},
      {"2024-07-02T12:00:59.250+02:00", "12:00:59.250000"}, {"2024-07-02 12:00:59.250+02:00", "12:00:59.000000"}, {"2024-07-02 10:00:59.250", "10:00:59.000000"}}) {
    std::string stored(text); DateTime at; db << "DELETE FROM events", now; db << "INSERT INTO events VALUES (1, ?)", use(stored), now; db << "SELECT at FROM events", into(at), now;
    check(text, clock_of(at), wanted);
  }
  DateTime first(2024, 7, 2, 10, 0, 59, 250), second(2024, 7, 2, 10, 0, 59, 750); std::string text; int count = 0;
  db << "DELETE FROM events", now; db << "INSERT INTO events VALUES (1, ?)", use(first), now; db << "INSERT INTO events VALUES (2, ?)", use(second), now;
  std::cout << "two DateTimes, of 10:00:59.250 and 10:00:59.750, written by Poco::Data\n";
  db << "SELECT group_concat(at, ' ') FROM events", into(text), now; check("the text", text, "2024-07-02T10:00:59Z 2024-07-02T10:00:59Z");
  db << "SELECT count(*) FROM events WHERE at = ?", into(count), use(second), now; check("found by the second", std::to_string(count), "2");
  return failed;
}
E
g++ -std=c++17 -O0 -Iroot/usr/include t.cpp -o t -L"$libraries" -lPocoDataSQLite -lPocoData -lPocoFoundation -Wl,-rpath-link,"$libraries:root/lib/x86_64-linux-gnu" >build.log 2>&1 || { cat build.log; exit 2; }
export LD_LIBRARY_PATH=$libraries:$dir/root/lib/x86_64-linux-gnu; timeout 60 ./t
