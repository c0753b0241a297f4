#!/usr/bin/env bash
# Expected: with redis-activesupport (config.cache_store = :redis_store) Rails.cache.write(id, 1, unless_exist: true, expires_in: 60) says true to the first and false to the
#   others for a minute, as the store of Rails itself does with the same Redis, and as it does here without expires_in: true, then false.
# Happens: redis-activesupport 5.3.0 on redis-store 1.9.0 (Debian 12) with expires_in says [true, true] to the first and [false, true] to the others, the answers of SETNX and
#   EXPIRE in one list. A list is never false, so "if Rails.cache.write(...)" is always taken. Redis::Store#setnx(key, value, expires_in: 60) does the same. And
#   each try, of whoever it is, sets the whole expiry again: with a try a minute, the key of a minute never goes. Of expires_in: 20.9 the fraction is dropped.
# Means: of five deliveries of one event all five are worked on, and a nightly job runs on each machine. Tests with the memory store or without expires_in are right.
#   Take the first of the list (Array(answer).first), knowing that the time grows with each try, or :redis_cache_store of Rails, or SET with nx and ex.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); server=; trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq ruby3.1 libruby3.1 libyaml-0-2 libgmp10 ruby-activesupport ruby-i18n ruby-tzinfo ruby-concurrent ruby-zeitwerk ruby-redis ruby-redis-store ruby-redis-activesupport \
  redis-server redis-tools liblzf1 libjemalloc2 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in ruby-redis-*_* ruby-redis_* redis-tools_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f ruby-redis-store_* Version) == 1.9.0-* && $(dpkg -f ruby-redis-activesupport_* Version) == 5.3.0-* ]] || { echo "   changed: expected 1.9.0 and 5.3.0"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr; libraries=$usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$libraries TZ=UTC PORT
RUBYLIB=$libraries/ruby/3.1.0:$usr/lib/ruby/3.1.0:$usr/lib/ruby/vendor_ruby:$libraries/ruby/vendor_ruby/3.1.0
for path in "$usr"/share/rubygems-integration/all/gems/*/lib "$usr"/share/rubygems-integration/all/gems/concurrent-ruby-*/lib/concurrent-ruby; do RUBYLIB+=:$path; done; export RUBYLIB
PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
root/usr/bin/redis-server --port "$PORT" --bind 127.0.0.1 --save '' --dir "$dir" >redis.log 2>&1 & server=$!
for _ in $(seq 600); do root/usr/bin/redis-cli -p "$PORT" ping >/dev/null 2>&1 && break; sleep 0.1; done
cat > t.rb <<'E'
module Kernel; def gem(*) = nil; end   # the libraries are on the load path, not installed as gems
require "active_support"; require "active_support/cache"; require "active_support/cache/redis_store"; require "active_support/cache/redis_cache_store"
$stdout.sync = true; Redis.silence_deprecations = true; failed = false; url = "redis://127.0.0.1:#{ENV["PORT"]}/0"
check = ->(text, got, wanted) { puts "  #{text.ljust(62)} #{got}"; (puts "   changed: expected #{wanted}"; failed = true) unless got.to_s == wanted }
store = ActiveSupport::Cache::RedisStore.new(url); rails = ActiveSupport::Cache::RedisCacheStore.new(url: url); redis = Redis.new(url: url); plain = Redis::Store.new(host: "127.0.0.1", port: ENV["PORT"])
check.("store of Rails: first, repeat", [rails.write("r", 1, unless_exist: true, expires_in: 60), rails.write("r", 1, unless_exist: true, expires_in: 60)], "[true, false]")
check.("redis_store without expires_in: first, repeat", [store.write("n", 1, unless_exist: true), store.write("n", 1, unless_exist: true)], "[true, false]")
check.("redis_store with expires_in: first, repeat", [store.write("s", "first", unless_exist: true, expires_in: 60), store.write("s", "second", unless_exist: true, expires_in: 60)], "[[true, true], [false, true]]")
check.("   and holds the value of", store.read("s"), "first")
check.("Redis::Store#setnx, expires_in: first, repeat", [plain.setnx("p", "1", expires_in: 60), plain.setnx("p", "1", expires_in: 60)], "[[true, true], [false, true]]")
[["store of Rails", rails], ["redis_store", store]].each do |name, cache|
  worked = 5.times.map { Thread.new { cache.write("evt_1_#{name}", 1, unless_exist: true, expires_in: 60) ? 1 : 0 } }.sum(&:value)
  check.("#{name}: one event delivered five times, worked on", worked, name == "redis_store" ? "5" : "1")
end
lock = -> { [rails, store].map { |cache| cache.write("lock_#{cache.class}", 1, unless_exist: true, expires_in: 5) } }; lock.()
tries = 2.times.map { sleep 3; lock.() }.transpose
check.("a lock of five seconds, tried after 3 and 6, store of Rails", tries[0], "[false, true]")
check.("   redis_store", tries[1], "[[false, true], [false, true]]")
store.write("fraction", 1, expires_in: 20.9); left = redis.pttl("fraction"); check.("redis_store: expires_in: 20.9, left", left.between?(1, 20000) ? "20 s or less" : left, "20 s or less")
exit !failed
E
timeout 150 root/usr/bin/ruby3.1 t.rb
