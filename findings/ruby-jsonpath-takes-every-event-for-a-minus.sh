#!/usr/bin/env bash
# Expected: the gem jsonpath picks from a body, or deletes from it, the events for which a filter holds: $.events[?(@.amount==-5)]. A filter that it cannot read is an error, or finds
#   nothing, as with @.amount=5 or @.event-id=='x'.
# Happens: jsonpath 1.1.0 (Debian 12): where a comparison has a negative number, or a field in @['...'] with a hyphen, a blank or a digit in its
#   name, the filter holds for every event, without a word: ==-5, >-5, !=-5 and <-5 all give all, so do @['event-id']=='x' and @.metadata['order-id']=='7', and 1==@.amount.
#   JsonPath.for(body).delete with such a path empties the list. Strings that look like numbers are compared as doubles: '007' finds "7", '1e3' finds "1000", and of two ids of
#   20 digits, each finds both.
# Means: a rule that forwards, refunds or removes some of the events takes all of them; with positive amounts and names of letters it was right. Take the list out with a path and
#   choose with select in Ruby: JsonPath.on(body, "$.events[*]").select { |event| event["amount"] == -5 }.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq ruby3.1 libruby3.1 libyaml-0-2 libgmp10 ruby-jsonpath ruby-multi-json >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f ruby-jsonpath_* Package Version | xargs; [[ $(dpkg -f ruby-jsonpath_* Version) == 1.1.0-* ]] || { echo "   changed: expected 1.1.0"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr; libraries=$usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$libraries RUBYLIB=$libraries/ruby/3.1.0:$usr/lib/ruby/3.1.0:$usr/lib/ruby/vendor_ruby:$libraries/ruby/vendor_ruby/3.1.0
for path in "$usr"/share/rubygems-integration/all/gems/*/lib; do RUBYLIB+=:$path; done
cat > t.rb <<'R'
require "json"; require "jsonpath"
$failed = false
def check(text, got, wanted) = (puts "  #{text.ljust(44)} #{got}"; (puts "   changed: expected #{wanted}"; $failed = true) unless got.to_s == wanted)
def found(filter, events) = JsonPath.new("$.events[?(#{filter})].n").on({ "events" => events }).join(" ")
puts "events by amount (-7.5, -5, 3, 19.99):"
amounts = [-7.5, -5, 3, 19.99].each_with_index.map { |amount, n| { "n" => n + 1, "amount" => amount } }
{ "@.amount==3" => "3", "@.amount>3" => "4", "@.amount<0" => "1 2", "@.amount==19.99" => "4", "@.amount=3" => "", "@.amount==-5" => "1 2 3 4", "@.amount!=-5" => "1 2 3 4",
  "@.amount>-5" => "1 2 3 4", "@.amount<-5" => "1 2 3 4", "@.amount <= -100.5" => "1 2 3 4", "3==@.amount" => "1 2 3 4" }.each { |filter, wanted| check(filter, found(filter, amounts), wanted) }
puts "events by name of field (two events, x and y):"
named = %w[x y].each_with_index.map { |value, n| { "n" => n + 1, "id" => value, "event_id" => value, "event-id" => value, "event id" => value, "id1" => value, "metadata" => { "order-id" => value } } }
{ "@['id']=='x'" => "1", "@.event_id=='x'" => "1", "@.event-id=='x'" => "", "@['event-id']=='x'" => "1 2", "@['event id']=='x'" => "1 2", "@.id1=='x'" => "1 2", "@['id1']=='nobody'" => "1 2",
  "@.metadata['order-id']=='x'" => "1 2" }.each { |filter, wanted| check(filter, found(filter, named), wanted) }
puts "events by text and by id:"
texts = ["007", "7", "1e3", "1000", "abc", 12345678901234567890, 12345678901234567891].each_with_index.map { |value, n| { "n" => n + 1, "v" => value } }
{ "@.v=='abc'" => "5", "@.v=='007'" => "1 2", "@.v=='1e3'" => "3 4", "@.v==12345678901234567890" => "6 7", "@.v==12345678901234567891" => "6 7" }.each { |filter, wanted| check(filter, found(filter, texts), wanted) }
puts "delete, and what is left:"
left = ->(filter) { JsonPath.for(JSON.generate("events" => amounts)).delete("$.events[?(#{filter})]").to_hash["events"].map { |event| event["n"] }.join(" ") }
check("@.amount==3", left.("@.amount==3"), "1 2 4"); check("@.amount==-5", left.("@.amount==-5"), "")
check("in Ruby, amount == -5", JsonPath.on({ "events" => amounts }, "$.events[*]").select { |event| event["amount"] == -5 }.map { |event| event["n"] }.join(" "), "2")
exit !$failed
R
timeout 60 root/usr/bin/ruby3.1 t.rb
