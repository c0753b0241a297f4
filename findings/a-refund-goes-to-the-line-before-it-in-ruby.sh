#!/usr/bin/env bash
# Expected: a list of objects that a Ruby program posts as a form (items: [{...}, {...}]) arrives at Rails, Sinatra or another Rack program as it was sent: both sides have the same
#   convention, items[][sku]=a, and Rack's own build_nested_query and parse_nested_query are the two ends of it.
# Happens: rest-client 2.1.0, HTTParty 0.21.0, Faraday 1.1.0, ActiveSupport 6.1's to_query and Rack 2.2's own build_nested_query write the objects one behind the other with no mark between,
#   and Rack begins a new one when a key comes that the last one has. So an optional field that is first in its object goes to the object before: of {sku: a}, {sku: b},
#   {refund: 5, sku: c} the refund is b's. Faraday sorts the keys: {sku: b, gift: yes} loses its gift to the line before however it was written. Of two objects with no field in
#   common one is left. With the same fields in each, empty where there is nothing, all is right. No error. The readme of rest-client says that it follows Rack's convention.
# Means: a discount, a gift, a refund or a note is booked on another line of an order, and only in orders where the first line has none; a test with one line, or with all fields, passes.
#   Send JSON, or all fields in each object, or an index (items[0][sku]), of which Rack makes a hash with "0", "1". (Debian 12; reported upstream)
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq ruby3.1 libruby3.1 libyaml-0-2 libgmp10 ruby-rack ruby-rest-client ruby-httparty ruby-faraday ruby-multipart-post ruby-ruby2-keywords ruby-http-accept ruby-http-cookie ruby-domain-name \
  ruby-unf ruby-unf-ext ruby-mime-types ruby-mime-types-data ruby-netrc ruby-multi-xml ruby-mini-mime ruby-activesupport ruby-i18n ruby-concurrent ruby-tzinfo ruby-zeitwerk >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in ruby-rack_* ruby-rest-client_* ruby-httparty_* ruby-faraday_* ruby-activesupport_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f ruby-rack_* Version) == 2.2.* && $(dpkg -f ruby-rest-client_* Version) == 2.1.0-* && $(dpkg -f ruby-httparty_* Version) == 0.21.0-* && $(dpkg -f ruby-faraday_* Version) == 1.1.0-* ]] ||
  { echo "   changed: expected Rack 2.2, rest-client 2.1.0, HTTParty 0.21.0, Faraday 1.1.0"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr; libraries=$usr/lib/x86_64-linux-gnu
RUBYLIB=$libraries/ruby/3.1.0:$usr/lib/ruby/3.1.0:$usr/lib/ruby/vendor_ruby:$libraries/ruby/vendor_ruby/3.1.0
for path in "$usr"/share/rubygems-integration/all/gems/*/lib "$usr"/share/rubygems-integration/all/gems/concurrent-ruby-*/lib/concurrent-ruby; do RUBYLIB+=:$path; done
export RUBYLIB LD_LIBRARY_PATH=$libraries
cat > t.rb <<'E'
require "socket"; require "rack"; require "rest-client"; require "httparty"; require "faraday"; require "net/http"; require "active_support"; require "active_support/core_ext/object/to_query"
$failed = false; $stdout.sync = true
def check(text, got, wanted) = (puts "  #{text.ljust(28)} #{got.map { |row| row.map { |name, value| "#{name}=#{value.inspect}" }.join(" ") }.join(", ")}"; (puts "   changed: expected #{wanted}"; $failed = true) unless got == wanted)
# A receiver that answers each POST, and keeps what Rack reads from it, as Rails and Sinatra do.
server = TCPServer.new("127.0.0.1", 0); url = "http://127.0.0.1:#{server.addr[1]}/orders"; $got = nil
Thread.new do
  loop do
    client = server.accept; head = ""; head << client.gets until head.end_with?("\r\n\r\n")
    field = ->(name) { head[/^#{name}: (.*)\r$/i, 1] }; body = client.read(field["content-length"].to_i)
    request = Rack::Request.new("REQUEST_METHOD" => "POST", "CONTENT_TYPE" => field["content-type"], "CONTENT_LENGTH" => body.bytesize.to_s, "rack.input" => StringIO.new(body))
    $got = request.POST["items"]; client.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"); client.close
  end
end
form = { "Content-Type" => "application/x-www-form-urlencoded" }
texts = ->(items) { items.map { |item| item.transform_keys(&:to_s).transform_values { |value| value&.to_s } } }
CLIENTS = {
  "rest-client" => ->(items) { RestClient.post(url, { items: items }) }, "HTTParty" => ->(items) { HTTParty.post(url, body: { items: items }) }, "Faraday" => ->(items) { Faraday.post(url, { items: items }) },
  "Net::HTTP and to_query" => ->(items) { Net::HTTP.post(URI(url), { items: items }.to_query, form) }, "... and Rack's own" => ->(items) { Net::HTTP.post(URI(url), Rack::Utils.build_nested_query("items" => texts[items]), form) },
}
def all(what, items, wanted, **others)
  puts "#{what}: #{items}"
  CLIENTS.each { |name, post| $got = []; post.call(items); check(name, $got, others[name.to_sym] || wanted) }
end
row = ->(**fields) { fields.transform_keys(&:to_s) }
all("the same fields in each", [{ sku: "a", n: 1 }, { sku: "b", n: 2 }], [row[sku: "a", n: "1"], row[sku: "b", n: "2"]])
all("a refund for the third line, before its sku", [{ sku: "a" }, { sku: "b" }, { refund: 5, sku: "c" }], [row[sku: "a"], row[sku: "b", refund: "5"], row[sku: "c"]])
all("a gift with the second line, behind its sku", [{ sku: "a" }, { sku: "b", gift: "yes" }], [row[sku: "a"], row[sku: "b", gift: "yes"]], Faraday: [row[sku: "a", gift: "yes"], row[sku: "b"]])
all("a discount on the second line, first", [{ sku: "a", n: 1 }, { discount: 5, sku: "b", n: 2 }], [row[sku: "a", n: "1", discount: "5"], row[sku: "b", n: "2"]], Faraday: [row[n: "1", sku: "a", discount: "5"], row[n: "2", sku: "b"]])
all("two events of other fields", [{ paid: 5 }, { refunded: 7 }], [row[paid: "5", refunded: "7"]])
full = [{ refund: "", sku: "a" }, { refund: "", sku: "b" }, { refund: 5, sku: "c" }]
all("the refund, with all fields in each", full, texts[full])
puts "with an index, by hand:"
Net::HTTP.post(URI(url), "items[0][sku]=a&items[1][sku]=b&items[2][refund]=5&items[2][sku]=c", form); check("items[2][refund]", $got.values, [row[sku: "a"], row[sku: "b"], row[refund: "5", sku: "c"]])
exit !$failed
E
timeout 60 root/usr/bin/ruby3.1 --disable-gems t.rb
