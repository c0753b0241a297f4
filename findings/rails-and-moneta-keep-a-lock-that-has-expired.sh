#!/usr/bin/env bash
# Expected: Rails.cache.write(id, 1, unless_exist: true, expires_in: 60) says true once and false to repeats for a minute: a lock, or "have I seen this event?". After the
#   minute it says true again, as Redis' SET NX EX and memcached's add under the same call do. So does Moneta's atomic create(id, 1, expires: 60).
# Happens: ActiveSupport 6.1.7.10 (Debian 12) with FileStore and MemoryStore, and Moneta 1.5.2 with expiry over Memory, File, PStore and SDBM, say false for ever: the
#   entry that has expired is still in the way. In Rails, exist? says false, and the next write says false again. Only a read (Moneta: load or key?) of that very key,
#   or cleanup, frees it, so that a look from a console makes the fault go away. And one increment takes the expiry off a Rails counter: what should count for a minute
#   counts for ever.
# Means: a job whose worker was killed in its lock is never run again, and an event that comes again after the window is dropped as a repeat; with Redis in production and
#   files or memory elsewhere the same code differs. read(id) before each such write, or keep locks in a table with a unique key and a time.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq ruby3.1 libruby3.1 libyaml-0-2 libgmp10 ruby-activesupport ruby-i18n ruby-tzinfo ruby-concurrent ruby-zeitwerk ruby-moneta ruby-sdbm >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in ruby-activesupport_* ruby-moneta_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f ruby-activesupport_* Version) == 2:6.1.7.* && $(dpkg -f ruby-moneta_* Version) == 1.5.2-* ]] || { echo "   changed: expected ActiveSupport 6.1.7 and Moneta 1.5.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr; libraries=$usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$libraries TZ=UTC
RUBYLIB=$libraries/ruby/3.1.0:$usr/lib/ruby/3.1.0:$usr/lib/ruby/vendor_ruby:$libraries/ruby/vendor_ruby/3.1.0
for path in "$usr"/share/rubygems-integration/all/gems/*/lib "$usr"/share/rubygems-integration/all/gems/concurrent-ruby-*/lib/concurrent-ruby "$libraries"/rubygems-integration/3.1.0/extensions/*/3.1.0/sdbm-*; do RUBYLIB+=:$path; done; export RUBYLIB
cat > t.rb <<'E'
require "active_support"; require "active_support/cache"; require "moneta"
$stdout.sync = true; failed = false
check = ->(text, got, wanted) { puts "  #{text.ljust(58)} #{got}"; (puts "   changed: expected #{wanted}"; failed = true) unless got.to_s == wanted.to_s }
Row = Struct.new(:name, :take, :there, :read)
rows = { "FileStore" => ActiveSupport::Cache::FileStore.new("cache"), "MemoryStore" => ActiveSupport::Cache::MemoryStore.new }.map do |name, cache|
  Row.new("Rails #{name}", ->(id, s = 5) { cache.write(id, 1, unless_exist: true, expires_in: s) }, ->(id) { cache.exist?(id) }, ->(id) { cache.read(id) }).tap do |row|
    row.define_singleton_method(:cache) { cache }
  end
end
rows += [[:Memory, {}], [:File, { dir: "files" }], [:PStore, { file: "pstore" }], [:SDBM, { file: "sdbm" }]].map do |kind, options|
  store = Moneta.new(kind, **options, expires: true)
  Row.new("Moneta #{kind}", ->(id, s = 5) { store.create(id, 1, expires: s) }, nil, ->(id) { store.load(id) })
end
rows.each { |row| check.("#{row.name}: first, repeat", [row.take.("evt_1"), row.take.("evt_1")].join(" "), "true false") }
rows.each { |row| check.("#{row.name}: another, for a minute", [row.take.("evt_2", 60), row.take.("evt_2", 60)].join(" "), "true false") }
rows.each { |row| check.("#{row.name}: a third", row.take.("evt_3"), "true") }
rails = rows.first(2); rails.each { |row| row.cache.write("count", 1, expires_in: 5); row.cache.write("plain", 1, expires_in: 5); row.cache.increment("count") }
sleep 6
puts "six seconds later, where the expiry was five"
rails.each { |row| check.("#{row.name}: exist?, then taken", [row.there.("evt_1"), row.take.("evt_1")].join(" "), "false false") }
rows.each { |row| check.("#{row.name}: taken, five tries", 5.times.map { sleep 0.1; row.take.("evt_1") }.join(" "), "false false false false false") }
rows.each { |row| check.("#{row.name}: read, then taken, then a repeat", [row.read.("evt_1").inspect, row.take.("evt_1", 60), row.take.("evt_1", 60)].join(" "), "nil true false") }
rails.each { |row| row.cache.cleanup; check.("#{row.name}: cleanup, then a third taken", row.take.("evt_3", 60), "true") }
rows.drop(2).each { |row| check.("#{row.name}: a third, still not taken", row.take.("evt_3", 60), "false") }
rails.each do |row|
  check.("#{row.name}: a count as written, and one incremented", [row.cache.read("plain").inspect, row.cache.read("count").inspect].join(" "), "nil 2")
end
exit !failed
E
timeout 150 root/usr/bin/ruby3.1 t.rb
