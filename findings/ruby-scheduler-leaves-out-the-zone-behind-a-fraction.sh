#!/usr/bin/env bash
# Expected: rufus-scheduler and fugit (sidekiq-cron and many others stand on it) read a time as events and APIs write it, 2026-01-02T03:04:05Z or with +02:00, for
#   `at`, "retry_at", "not_before". They do, in any zone of the machine, so one trusts them with 2026-01-02T03:04:05.000Z, as JavaScript writes every time, too.
# Happens: et-orbi 1.2.2, under fugit 1.5.2 and rufus-scheduler 3.8.2 (Debian 12), finds a zone only behind whole seconds. Behind a fraction, Z and +02:00 are left out
#   without a word, and the time is one of the machine's zone: nine hours early in Tokyo, five late in New York, and with +02:00 wrong in UTC as well. So is the basic
#   form (20260102T030405Z). An offset of -00:30 is taken for +00:30. A job for the next second is not run, or one for tonight is run now.
# Means: tests with whole seconds, or on a server in UTC, show nothing. Give the scheduler no text but a time: at(Time.iso8601(text)) is right in all of these cases.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq ruby3.1 libruby3.1 libyaml-0-2 libgmp10 ruby-rufus-scheduler ruby-fugit ruby-et-orbi ruby-raabro ruby-tzinfo ruby-concurrent tzdata \
  >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in ruby-et-orbi_* ruby-fugit_* ruby-rufus-scheduler_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f ruby-et-orbi_* Version) == 1.2.2-* && $(dpkg -f ruby-fugit_* Version) == 1.5.2-* && $(dpkg -f ruby-rufus-scheduler_* Version) == 3.8.2-* ]] ||
  { echo "   changed: expected et-orbi 1.2.2, fugit 1.5.2 and rufus-scheduler 3.8.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr; libraries=$usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$libraries RUBYLIB=$libraries/ruby/3.1.0:$usr/lib/ruby/3.1.0:$usr/lib/ruby/vendor_ruby:$libraries/ruby/vendor_ruby/3.1.0 TZDIR=$usr/share/zoneinfo
for path in "$usr"/share/rubygems-integration/all/gems/*/lib "$usr"/share/rubygems-integration/all/gems/concurrent-ruby-*/lib/concurrent-ruby; do RUBYLIB+=:$path; done
cat > t.rb <<'E'
require "tzinfo"; TZInfo::DataSource.set(:zoneinfo, ENV["TZDIR"])
require "time"; require "rufus-scheduler"
$stdout.sync = true; failed = false
check = ->(text, got, wanted) { puts "  #{text.ljust(40)} #{got}"; (puts "   changed: expected #{wanted}"; failed = true) unless got == wanted }
right = ->(text) { DateTime.iso8601(text).to_time }
off = ->(text, read) { hours = (read.(text).to_f - right.(text).to_f) / 3600; hours.zero? ? "right" : format("%+.1f h", hours) }
puts "TZ=#{ENV['TZ']}: how far from the time that it says"
winter = { "UTC" => 0, "America/New_York" => -5, "Asia/Tokyo" => 9 }[ENV["TZ"]]
as_local = ->(offset) { hours = offset - winter; hours.zero? ? "right" : format("%+.1f h", hours) }
[["2026-01-02T03:04:05Z", "right"], ["2026-01-02T03:04:05.000Z", as_local.(0)], ["2026-01-02T03:04:05.250Z", as_local.(0)],
 ["2026-01-02T03:04:05+02:00", "right"], ["2026-01-02T03:04:05.000+02:00", as_local.(2)], ["2026-01-02T03:04:05-05:00", "right"],
 ["2026-01-02T03:04:05.5-05:00", as_local.(-5)], ["20260102T030405Z", as_local.(0)], ["2026-01-02T03:04:05-03:30", "right"], ["2026-01-02T03:04:05-00:30", "-1.0 h"]].each do |text, wanted|
  reads = { "EtOrbi.parse" => EtOrbi.method(:parse), "Fugit.parse" => Fugit.method(:parse), "Fugit.parse_at" => Fugit.method(:parse_at), "Rufus" => Rufus::Scheduler.method(:parse_at) }
  check.(text, reads.values.map { |read| off.(text, read) }.uniq.join(", "), wanted)
  check.(text + ", as a Time", off.(text, ->(t) { Rufus::Scheduler.parse_at(right.(t)) }), "right") if wanted != "right"
end
# Jobs for real: three for two seconds from now, and three for two hours from now.
scheduler = Rufus::Scheduler.new(frequency: "0.1s"); ran = []; now = Time.now.utc
{ "soon" => now + 2, "later" => now + 7200 }.each do |name, time|
  { "whole" => time.iso8601, "milliseconds" => time.iso8601(3), "as a Time" => Time.iso8601(time.iso8601(3)) }.each { |form, at| scheduler.at(at) { ran << "#{name}, #{form}" } }
end
sleep 5; scheduler.shutdown
wanted = { "UTC" => ["soon, as a Time", "soon, milliseconds", "soon, whole"], "America/New_York" => ["soon, as a Time", "soon, whole"],
           "Asia/Tokyo" => ["later, milliseconds", "soon, as a Time", "soon, milliseconds", "soon, whole"] }[ENV["TZ"]]
check.("run within five seconds:", ran.sort.join("; "), wanted.join("; "))
exit !failed
E
failed=0; for zone in UTC America/New_York Asia/Tokyo; do TZ=$zone timeout 60 root/usr/bin/ruby3.1 t.rb || failed=1; done
exit $failed
