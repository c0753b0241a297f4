#!/usr/bin/env bash
# Expected: Ox writes objects of Ruby as XML (Ox.dump) and gets them back (Ox.parse_obj, Ox.load), also "as a Marshal replacement", as its readme has it: what comes back is what was stored.
# Happens: Ox 2.14.9 (Debian 12) writes no digit of a second before 1970: each Time from there, a birthday of 1965 or a contract of 1969, is <t>.000000000</t>, which comes back as the 1st of January
#   1970. A text comes back with one blank for each line end, tab and run of blanks: a JSON body with other bytes, so that its signature fails, an address in one line, and a text of
#   line ends alone as "". A float with more than 15 digits is cut: 0.1 + 0.2 is 0.3, and 1000000000000000.2 has no fraction. A Date is right. xsd_date: true, for times as XML has them, is no way
#   out: it writes .123456, which is read as 123456 nanoseconds, and the offset that it writes is not looked at. skip: :skip_none keeps the text. No error, no warning.
# Means: a cache, a queue or a file of objects changes those of older customers and those with several lines, and no others; a test with the time of now and one word passes. Store times as
#   to_i or a text, with Ox.default_options = { skip: :skip_none }, or store JSON. (Source of 2.14.26, the newest: the same loop for the digits of a time, the same fraction.)
# The versions are those of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq ruby3.1 libruby3.1 libyaml-0-2 libgmp10 ruby-ox >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f ruby-ox_* Package Version | xargs
[[ $(dpkg -f ruby-ox_* Version) == 2.14.9-* ]] || { echo "   changed: expected Ox 2.14.9"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr; libraries=$usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$libraries RUBYLIB=$libraries/ruby/3.1.0:$usr/lib/ruby/3.1.0:$usr/lib/ruby/vendor_ruby:$libraries/ruby/vendor_ruby/3.1.0
cat > t.rb <<'R'
require "ox"; require "date"; $failed = false; class Customer; attr_accessor :born, :address, :body; end
def check(what, got, wanted) = (puts "  #{what}: #{got}"; (puts "   changed: expected #{wanted}"; $failed = true) unless got == wanted)
def back(value, **options) = Ox.parse_obj(Ox.dump(value, options))
puts "Ruby #{RUBY_VERSION}, Ox #{Ox::VERSION}"
iso = ->(time) { time.utc.strftime("%FT%T.%6NZ") }; epoch = "1970-01-01T00:00:00.000000Z"
[[Time.at(1_700_000_000, 123_456), nil], [Time.utc(1970, 1, 2), nil], [Time.utc(1965, 5, 5), epoch], [Time.utc(1969, 12, 31, 23), epoch], [Time.utc(1950, 1, 1, 8, 0, 0.25r), epoch.sub("00.000000", "00.250000")]].each do |time, wanted|
  check(iso.(time), iso.(back(time)), wanted || iso.(time))
end
check("nanoseconds of .123456, with xsd_date", back(Time.at(1_700_000_000, 123_456), xsd_date: true).nsec, 123_456)
check("written of 1965", Ox.dump(Time.utc(1965, 5, 5)).strip, "<t>.000000000</t>"); check("a Date of 1965", back(Date.new(1965, 5, 5)).to_s, "1965-05-05")
[["one line", "one line"], ["1 Main Street\nTown", "1 Main Street Town"], ["a\tb  c", "a b c"], ["{\n  \"id\": 1\n}", '{ "id": 1 }'], ["\r\n", ""]].each { |text, wanted| check(text.inspect, back(text).inspect, wanted.inspect) }
[[19.99, "19.99"], [0.1 + 0.2, "0.3"], [1000000000000000.2, "1.0e+15"]].each { |float, wanted| check(float, back(float).to_s.sub("1000000000000000.0", "1.0e+15"), wanted) }
customer = Customer.new; customer.born = Time.utc(1965, 5, 5); customer.address = "1 Main Street\nTown"; customer.body = "{\n}"
stored = back([customer])[0]; check("an object", [iso.(stored.born), stored.address, stored.body].inspect, [epoch, "1 Main Street Town", "{ }"].inspect)
Ox.default_options = { skip: :skip_none }; stored = back([customer])[0]
check("with skip_none", [iso.(stored.born), stored.address, stored.body].inspect, [epoch, customer.address, customer.body].inspect)
exit !$failed
R
timeout 60 root/usr/bin/ruby3.1 -W2 t.rb
