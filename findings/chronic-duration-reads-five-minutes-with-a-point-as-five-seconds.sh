#!/usr/bin/env bash
# Expected: the gem ChronicDuration reads a length of time as people write it ("4 hours and 30 minutes", "2h20min") into seconds: time limits, retries, retention. Its readme says
#   that nil is returned if a text can't be parsed, and shows an exception for a word that it does not know, for those who switch exceptions on.
# Happens: gitlab-chronic-duration 0.10.6.2 (Debian 12) leaves a word out that it does not know and takes the number before it for SECONDS: "5 min." is 5, "24 h." 24, "1 mon" 1, "15 Minuten" 15,
#   "500ms" 500, "1 fortnight" 1. "1,5 hours" is five hours, "1-2 days" two days, "half an hour" an hour, "10k seconds" 10, "-5m" 300, "30d-2h" two hours: 30 days are gone. A text without a number is nil.
#   With raise_exceptions = true, all of these raise. But "1h30" and "2h 15" are then, too, an hour and 30 SECONDS, "1:30 h" is 30 hours and a minute, and "1.5.2" a fifth of a second.
# Means: an event is tried again after five seconds for five minutes, or kept for 24 seconds for 24 hours; "1 min 500 ms" of a tool is nine minutes. Switch the exceptions on first, and refuse a text that
#   does not end in a unit. (The source of the gem that this is a copy of, chronic_duration, has the same default.)
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq ruby3.1 libruby3.1 libyaml-0-2 libgmp10 ruby-chronic-duration ruby-numerizer >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in ruby-chronic-duration_* ruby-numerizer_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f ruby-chronic-duration_* Version) == 0.10.6.2-* ]] || { echo "   changed: expected gitlab-chronic-duration 0.10.6.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr; libraries=$usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$libraries RUBYLIB=$libraries/ruby/3.1.0:$usr/lib/ruby/3.1.0:$usr/lib/ruby/vendor_ruby:$libraries/ruby/vendor_ruby/3.1.0
cat > t.rb <<'R'
require "gitlab_chronic_duration"; $failed = false; $warned = 0; module Kernel; def warn(*) = $warned += 1; end
def read(text) = ChronicDuration.parse(text).inspect rescue $!.class.name.split("::").last
puts "Ruby #{RUBY_VERSION}: seconds read, and with raise_exceptions = true"
[["4 hours and 30 minutes", "16200", "16200"], ["2h20min", "8400", "8400"], ["half past", "nil", :raises], ["4 elephants", "4", :raises],
 ["5 min", "300", "300"], ["5 min.", "5", :raises], ["24 h.", "24", :raises], ["2 hrs.", "2", :raises], ["1 mon", "1", :raises], ["1 fortnight", "1", :raises],
 ["15 Minuten", "15", :raises], ["2 heures", "2", :raises], ["500ms", "500", :raises], ["1 min 500 ms", "560", :raises], ["10k seconds", "10", :raises],
 ["1.5 hours", "5400.0", "5400.0"], ["1,5 hours", "18000", :raises], ["half an hour", "3600", :raises], ["1-2 days", "172800", :raises], ["-5m", "300", :raises],
 ["30d 2h", "2599200", "2599200"], ["30d-2h", "7200", :raises], ["1h/30m", "1800", :raises],
 ["1h30", "3630", "3630"], ["2h 15", "7215", "7215"], ["1:30 h", "108060", "108060"], ["1.5.2", "0.2", "0.2"]].each do |text, wanted, strict|
  got = [false, true].map { |raise| ChronicDuration.raise_exceptions = raise; read(text) }; wanted = [wanted, strict == :raises ? "DurationParseError" : strict]
  puts "  #{text.ljust(24)}#{got.join(', ')}"; (puts "   changed: expected #{wanted.join(', ')}"; $failed = true) unless got == wanted
end
puts "warnings: #{$warned}"; exit !($failed || $warned > 0)
R
timeout 60 root/usr/bin/ruby3.1 t.rb
