#!/usr/bin/env bash
# Expected: the gem iso8601 reads and writes times as the standard has them. Its manual says that fractions of a second are rounded to one decimal; 12:34:59.97 is then 12:35:00.0, and what
#   to_s writes is a time that new() reads.
# Happens: iso8601 0.13.0 (Debian 12, and the newest) rounds the seconds alone: each time in the last 50 milliseconds of a minute, one event in 1200, is written as second 60. An event of
#   2026-12-31T23:59:59.999Z is "2026-12-31T23:59:60+00:00", in to_s, in second (60.0) and in to_a, of DateTime and of Time. The gem refuses to read that itself ("out of range"), and so do
#   Python and JavaScript. to_time, to_datetime and strftime have the whole fraction.
# Means: a file or a message is refused by the next program once in 1200 events, mostly not in tests, where times are whole; where second 60 is read, it is another minute, or another year. Write
#   with to_time.iso8601(3), as Ruby has it.
# The versions are those of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq ruby3.1 libruby3.1 libyaml-0-2 libgmp10 ruby-iso8601 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f ruby-iso8601_* Package Version | xargs
[[ $(dpkg -f ruby-iso8601_* Version) == 0.13.0-* ]] || { echo "   changed: expected iso8601 0.13.0"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr; libraries=$usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$libraries RUBYLIB=$libraries/ruby/3.1.0:$usr/lib/ruby/3.1.0:$usr/lib/ruby/vendor_ruby:$libraries/ruby/vendor_ruby/3.1.0
cat > t.rb <<'R'
require "iso8601"; require "time"; $failed = false
def check(what, got, wanted) = (puts "  #{what}: #{got}"; (puts "   changed: expected #{wanted}"; $failed = true) unless got == wanted)
def back(text) = ISO8601::DateTime.new(text).to_s rescue "#{$!.class.name.split('::').last} (#{$!.message})"
puts "Ruby #{RUBY_VERSION}, iso8601 #{ISO8601::VERSION}"
[["2026-07-02T12:34:56Z", "2026-07-02T12:34:56+00:00", true], ["2026-07-02T12:34:56.789+02:00", "2026-07-02T12:34:56.8+02:00", true], ["2026-07-02T12:34:56.96Z", "2026-07-02T12:34:57+00:00", true],
 ["2026-07-02T12:34:59.94Z", "2026-07-02T12:34:59.9+00:00", true], ["2026-07-02T12:34:59.95Z", "2026-07-02T12:34:60+00:00", false],
 ["2026-07-02T09:59:59.999+02:00", "2026-07-02T09:59:60+02:00", false], ["2026-12-31T23:59:59.999Z", "2026-12-31T23:59:60+00:00", false]].each do |text, wanted, whole|
  written = ISO8601::DateTime.new(text).to_s; check(text, written, wanted)
  check("  which it reads as", back(written), whole ? wanted : "RangeError (#{wanted[11..]} is out of range)")
  check("  to_time.iso8601(3)", ISO8601::DateTime.new(text).to_time.utc.iso8601(3), Time.iso8601(text).utc.iso8601(3))
end
last = ISO8601::DateTime.new("2026-12-31T23:59:59.999Z"); check("second", last.second, 60.0); check("to_a", last.to_a.inspect, '[2026, 12, 31, 23, 59, 60.0, "+00:00"]')
check("Time", ISO8601::Time.new("T23:59:59.999Z").to_s, "T23:59:60+00:00"); check("what Ruby itself makes of it", Time.iso8601(last.to_s).iso8601, "2027-01-01T00:00:00+00:00")
first = Time.utc(2026, 7, 2); times = (0...60_000).map { |ms| (first + Rational(ms, 1000)).iso8601(3) }
check("of the 60000 milliseconds of a minute, written as second 60", times.count { |time| ISO8601::DateTime.new(time).to_s.include?(":60") }, 50)
exit !$failed
R
timeout 60 root/usr/bin/ruby3.1 t.rb
