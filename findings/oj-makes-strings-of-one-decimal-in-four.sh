#!/usr/bin/env bash
# Expected: a Ruby receiver that reads a body with Oj.load, the fast parser, and sends it on with JSON.generate (or to_json, or Oj.dump) has the same decimals as the one
#   that reads with JSON.parse; Oj's own page says of float_precision that 0 "indicates use Ruby directly", and that decimals are loaded with "the most precise".
# Happens: Oj 3.14.2 (Debian 12, Ruby 3.1.2) makes a BigDecimal of each decimal with 17 digits or more, and a BigDecimal is written as a string: 0.30000000000000004, which
#   JavaScript, Python and Go write of 0.1 + 0.2, becomes "0.30000000000000004e0". Of decimals as these languages write them it is one in four. Oj.load with
#   Oj.dump alone, no option: two of three come out as another number, with 15 digits: 1700000000.123456 loses its last one; the others are 0.3...e0. With
#   mode: :compat on both sides, or JSON.parse, all are as they came.
# Means: a price or a position is a number on Monday and a string on Tuesday, by its digits; a receiver with types refuses one event in four, or keeps "0.3e0".
#   Read with Oj.load(body, mode: :compat) or bigdecimal_load: :float, and write with mode: :compat.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq ruby3.1 libruby3.1 ruby-oj libyaml-0-2 libgmp10 >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f ruby-oj_*.deb Version); echo "ruby-oj $version"; [[ $version == 3.14.2-* ]] || { echo "   changed: expected 3.14.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr; libraries=$usr/lib/x86_64-linux-gnu; export LD_LIBRARY_PATH=$libraries
export RUBYLIB=$libraries/ruby/3.1.0:$usr/lib/ruby/3.1.0:$usr/lib/ruby/vendor_ruby:$libraries/ruby/vendor_ruby/3.1.0
for path in gems/oj-3.14.2/lib extensions/x86_64-linux/3.1.0/oj-3.14.2; do RUBYLIB+=:$libraries/rubygems-integration/3.1.0/$path; done
cat > t.rb <<'E'
require "json"; require "oj"
$failed = false
def show(name, got, wanted)
  puts "#{name.ljust(58)} #{got}"
  unless got == wanted then $failed = true; puts "   changed: expected #{wanted}" end
end
puts "Ruby #{RUBY_VERSION}, Oj #{Oj::VERSION}, json #{JSON::VERSION}"
ways = {
  "JSON.parse, JSON.generate" => ->(body) { JSON.generate(JSON.parse(body)) }, "Oj.load, JSON.generate" => ->(body) { JSON.generate(Oj.load(body)) },
  "Oj.load, Oj.dump(mode: :compat)" => ->(body) { Oj.dump(Oj.load(body), mode: :compat) }, "Oj.load, Oj.dump" => ->(body) { Oj.dump(Oj.load(body)) },
  "Oj.strict_load, JSON.generate" => ->(body) { JSON.generate(Oj.strict_load(body)) }, "Oj.safe_load, JSON.generate" => ->(body) { JSON.generate(Oj.safe_load(body)) },
  "Oj.load(mode: :compat), JSON.generate" => ->(body) { JSON.generate(Oj.load(body, mode: :compat)) },
  "Oj.load(mode: :compat), Oj.dump(mode: :compat)" => ->(body) { Oj.dump(Oj.load(body, mode: :compat), mode: :compat) } }
string = '{"n":"0.30000000000000004e0"}'; same = '{"n":0.30000000000000004}'
wanted = { "Oj.load, JSON.generate" => string, "Oj.load, Oj.dump(mode: :compat)" => string, "Oj.load, Oj.dump" => '{"n":0.30000000000000004e0}',
  "Oj.strict_load, JSON.generate" => string, "Oj.safe_load, JSON.generate" => string }
puts "the body #{same}:"; ways.each { |name, way| show "  #{name}", way.(same), wanted.fetch(name, same) }
time = '{"at":1700000000.123456}'; puts "the body #{time}:"
ways.each { |name, way| show "  #{name}", way.(time), name == "Oj.load, Oj.dump" ? '{"at":1700000000.12346}' : time }
# Decimals as JavaScript, Python, Go and Ruby write them: the shortest digits that are read as the same double.
random = Random.new(1); decimals = Array.new(4000) { random.rand }; text = JSON.generate(decimals)
puts "4,000 doubles from 0 to 1 (#{text[1, 60]}...):"
ways.each do |name, way|
  back = JSON.parse(way.(text)); strings = back.count { |n| String === n }; others = back.zip(decimals).count { |n, was| Float === n && n != was }
  got = "strings: #{strings.fdiv(40).round} %, another number: #{others.fdiv(40).round} %"
  many = ["Oj.load, JSON.generate", "Oj.load, Oj.dump(mode: :compat)", "Oj.strict_load, JSON.generate", "Oj.safe_load, JSON.generate"].include?(name)
  puts "  #{name.ljust(56)} #{got}"
  right = many ? strings.between?(800, 1200) && others == 0 : name == "Oj.load, Oj.dump" ? strings == 0 && others.between?(2400, 2900) : strings == 0 && others == 0
  unless right then $failed = true; puts "   changed" end
end
exit !$failed
E
timeout 60 "$usr/bin/ruby3.1" t.rb
