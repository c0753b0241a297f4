#!/usr/bin/env bash
# Expected: Grape, Ruby's framework for APIs, answers 400 to a JSON body whose field is not of the declared type: its README promises that values are coerced and then
#   checked, so `requires :amount, type: Integer` takes 5 and "5", and refuses 2.99 as it refuses "2.99".
# Happens: Grape 1.6.2 with dry-types 1.2.2 (Debian 12, Ruby 3.1) refuses the string "2.99" and takes the number 2.99 as 2, -0.5 as 0 and 0.99999 as 0, with 201. `values:`
#   and the like look at what is left: 10.99 is within 1..10. So it is in Array[Integer], in nested lists, and with `types: [Integer, Float]`, which was to take both:
#   there the string "2.99" becomes 2.99 and the number 2.99 becomes 2. `types: [Integer, String]` makes 7 of the string "007".
# Means: a sender that changes from cents to euros, or a quantity from pieces to hours, is booked with all its fractions cut, and nobody is told; a test with strings
#   (a form, curl -d amount=2.99) shows the refusal. Declare BigDecimal and check yourself that it is whole, or take coerce_with: ->(v) { Integer(v.to_s, 10) }.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq ruby3.1 libruby3.1 libyaml-0-2 libgmp10 ruby-grape ruby-builder ruby-dry-core ruby-dry-configurable ruby-dry-container ruby-dry-equalizer ruby-dry-inflector \
  ruby-dry-logic ruby-dry-types ruby-mustermann ruby-mustermann-grape ruby-rack ruby-rack-accept ruby-activesupport ruby-concurrent ruby-i18n ruby-tzinfo ruby-zeitwerk \
  ruby-ruby2-keywords >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in ruby-grape_* ruby-dry-types_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f ruby-grape_* Version) == 1.6.2-* && $(dpkg -f ruby-dry-types_* Version) == 1.2.2-* ]] || { echo "   changed: expected Grape 1.6.2 and dry-types 1.2.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr; libraries=$usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$libraries RUBYLIB=$libraries/ruby/3.1.0:$usr/lib/ruby/3.1.0:$usr/lib/ruby/vendor_ruby:$libraries/ruby/vendor_ruby/3.1.0
for path in "$usr"/share/rubygems-integration/all/gems/*/lib "$usr"/share/rubygems-integration/all/gems/concurrent-ruby-*/lib/concurrent-ruby; do RUBYLIB+=:$path; done
cat > t.rb <<'E'
require "grape"; require "rack/mock"; require "json"
class Receiver < Grape::API
  format :json
  params do
    optional :amount, type: Integer
    optional :units, type: Integer, values: 1..10
    optional :list, type: Array[Integer]
    optional :lines, type: Array do optional :hours, type: Integer end
    optional :either, types: [Integer, Float]
    optional :reference, types: [Integer, String]
    optional :price, type: BigDecimal
    optional :checked, type: Integer, coerce_with: ->(value) { Integer(value.to_s, 10) }
  end
  post("/events") { declared(params, include_missing: false).to_h.transform_values { |value| value.is_a?(BigDecimal) ? value.to_s("F") : value } }
end
$failed = false
def show(body, got, wanted)
  puts "#{body.ljust(34)} #{got}"
  return if got == wanted
  $failed = true; puts "   changed: expected #{wanted}"
end
post = lambda do |body|
  answer = Rack::MockRequest.new(Receiver).post("/events", "CONTENT_TYPE" => "application/json", :input => body)
  "#{answer.status} #{answer.body}"
end
invalid = ->(field) { %(400 {"error":"#{field} is invalid"}) }
{ '{"amount":5}' => '201 {"amount":5}', '{"amount":"5"}' => '201 {"amount":5}', '{"amount":"2.99"}' => invalid["amount"], '{"amount":2.99}' => '201 {"amount":2}',
  '{"amount":-0.5}' => '201 {"amount":0}', '{"amount":0.99999}' => '201 {"amount":0}', '{"amount":true}' => invalid["amount"], '{"amount":"five"}' => invalid["amount"],
  '{"units":11}' => '400 {"error":"units does not have a valid value"}', '{"units":10.99}' => '201 {"units":10}', '{"list":[1,2.5,"3"]}' => '201 {"list":[1,2,3]}',
  '{"list":[1,"2.5"]}' => invalid["list"], '{"lines":[{"hours":7.75}]}' => '201 {"lines":[{"hours":7}]}', '{"either":"2.99"}' => '201 {"either":2.99}',
  '{"either":2.99}' => '201 {"either":2}', '{"reference":"007"}' => '201 {"reference":7}', '{"reference":"ref-7"}' => '201 {"reference":"ref-7"}',
  '{"price":2.99}' => '201 {"price":"2.99"}', '{"checked":2.99}' => invalid["checked"], '{"checked":5}' => '201 {"checked":5}',
}.each { |body, wanted| JSON.parse(body); show(body, post[body], wanted) }
exit !$failed
E
timeout 60 "$usr/bin/ruby3.1" --disable-gems t.rb
