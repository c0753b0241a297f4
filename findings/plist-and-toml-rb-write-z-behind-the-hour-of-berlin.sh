#!/usr/bin/env bash
# Expected: a time with an offset, 14:00 at +02:00, is written by a library of Ruby as the moment that it is: with its offset, or as 12:00 with a Z.
# Happens: toml-rb 2.2.0 (Debian 12) writes the digits as they are and a Z behind, of each Time and DateTime: 2026-07-02T14:00:00+02:00 is 2026-07-02T14:00:00Z in the file, two hours late, and its own
#   parser reads that. plist 3.6.0 does the same with a DateTime, but not with a Time, so of two fields of one event one is moved. Times in UTC are right. Both leave out the fraction
#   of a second; toml-rb writes nil as the word nil, which is no TOML: its own parser refuses the file.
# Means: on a server in UTC all is right; where the times came from events with offsets, or the server is in Berlin, what is due, valid until or last seen moves by hours each time a file is read and
#   written. Give both time.to_time.getutc. (Source of toml-rb 4.2.0 and plist 3.7.2, the newest: the same.)
# The versions are those of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq ruby3.1 libruby3.1 libyaml-0-2 libgmp10 ruby-toml-rb ruby-citrus ruby-plist >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in ruby-toml-rb_* ruby-plist_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f ruby-toml-rb_* Version) == 2.2.0-* && $(dpkg -f ruby-plist_* Version) == 3.6.0-* ]] || { echo "   changed: expected toml-rb 2.2.0 and plist 3.6.0"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr; libraries=$usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$libraries RUBYLIB=$libraries/ruby/3.1.0:$usr/lib/ruby/3.1.0:$usr/lib/ruby/vendor_ruby:$libraries/ruby/vendor_ruby/3.1.0
for path in "$usr"/share/rubygems-integration/all/gems/*/lib; do RUBYLIB+=:$path; done
cat > t.rb <<'R'
require "time"; require "toml-rb"; require "plist"; $failed = false
def check(what, got, wanted) = (puts "  #{what}: #{got}"; (puts "   changed: expected #{wanted}"; $failed = true) unless got == wanted)
puts "Ruby #{RUBY_VERSION}"
summer = "2026-07-02T14:00:00+02:00"; writers = { "toml-rb" => ->(value) { TomlRB.dump("at" => value)[/at = (\S+)/, 1] }, "plist" => ->(value) { { "at" => value }.to_plist(false)[%r{<date>(.*)</date>}, 1] } }
readers = { "toml-rb" => ->(value) { TomlRB.parse(TomlRB.dump("at" => value))["at"] }, "plist" => ->(value) { Plist.parse_xml({ "at" => value }.to_plist)["at"] } }
[["Time", Time.iso8601(summer), 2, 0], ["DateTime", DateTime.iso8601(summer), 2, 2], ["Time in UTC", Time.iso8601(summer).utc, 0, 0], ["DateTime in UTC", DateTime.iso8601(summer).new_offset(0), 0, 0],
 ["DateTime of New York", DateTime.iso8601("2026-07-02T08:00:00-04:00"), -4, -4]].each do |name, value, *hours|
  writers.keys.zip(hours).each do |writer, wanted|
    check("#{writer}, #{name} #{value.iso8601}", writers[writer].(value), (value.to_time.getutc + wanted * 3600).iso8601)
    check("  read again, hours away", ((readers[writer].(value).to_time - value.to_time) / 3600).round, wanted)
  end
end
check("toml-rb, a fraction", writers["toml-rb"].(Time.utc(2026, 7, 2, 12, 0, 0.75r)), "2026-07-02T12:00:00Z"); check("plist, a fraction", writers["plist"].(Time.utc(2026, 7, 2, 12, 0, 0.75r)), "2026-07-02T12:00:00Z")
check("toml-rb, nil", TomlRB.dump("note" => nil).lines.map(&:strip).inspect, '["note = nil"]')
check("read again", (TomlRB.parse(TomlRB.dump("note" => nil)) rescue $!.class), TomlRB::ParseError)
event = { "at" => DateTime.iso8601(summer) }; 3.times { event = { "at" => Plist.parse_xml(event.to_plist)["at"].to_time.localtime("+02:00").to_datetime } }
check("plist, read and written three times", event["at"].iso8601, "2026-07-02T20:00:00+02:00")
exit !$failed
R
timeout 60 root/usr/bin/ruby3.1 t.rb
